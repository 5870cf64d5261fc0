/** Objects that could not be taken for now, and when they are tried again. */

import type { EssObject } from "./ess.js";

export interface Pace {
  /** Between two questions while all is well. */
  readonly intervalMs: number;
  /** Longest pause while the service is away, or after an object could not be taken several times. */
  readonly longestMs: number;
}

export interface Delay {
  readonly instance: string;
  readonly failures: number;
  /** Of them, with data that were not what the hub says. */
  readonly damaged: number;
  readonly dueMs: number;
}

type Version = Pick<EssObject, "id" | "instance">;

/** Of a pause, in both directions. */
const JITTER = 0.2;

/** Doubles with every failure. */
export function pauseAfter(failures: number, { intervalMs, longestMs }: Pace): number {
  return Math.min(longestMs, intervalMs * 2 ** Math.min(failures - 1, 30));
}

/** random: from 0 to 1. Ten thousand nodes that start together must not ask together. */
export function scattered(ms: number, random: number): number {
  return ms * (1 - JITTER + 2 * JITTER * random);
}

export class Delays {
  readonly #pace: Pace;
  readonly #random: () => number;
  readonly #delays = new Map<string, Delay>();

  constructor(pace: Pace, random: () => number) {
    this.#pace = pace;
    this.#random = random;
  }

  /** Of this version of the object. */
  get({ id, instance }: Version): Delay | undefined {
    const delay = this.#delays.get(id);
    return delay?.instance === instance ? delay : undefined;
  }

  /** Returns the pause. */
  add(object: Version, isDamage: boolean, nowMs: number): number {
    const last = this.get(object);
    const failures = (last?.failures ?? 0) + 1;
    const damaged = (last?.damaged ?? 0) + (isDamage ? 1 : 0);
    const pauseMs = scattered(pauseAfter(failures, this.#pace), this.#random());
    const { id, instance } = object;
    this.#delays.set(id, { instance, failures, damaged, dueMs: nowMs + pauseMs });
    return pauseMs;
  }

  remove({ id }: Version): void {
    this.#delays.delete(id);
  }

  /** Forgets objects that are there no more. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#delays.keys()) {
      if (!ids.has(id)) this.#delays.delete(id);
    }
  }
}
