/** Takes in the objects of one type: asks what is there, decides, acts, and asks again. */

import { errorCode } from "../../common/files/error-code.js";
import type { Entry, Ledger } from "../../common/hub/ledger.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { Delays, type Pace, pauseAfter, scattered } from "./delays.js";
import { download } from "./download.js";
import type { Answer, Ess, EssObject } from "./ess.js";
import { EssError } from "./ess-error.js";
import type { HubEvent } from "./events.js";
import { Parts } from "./parts.js";
import { plan, type Step } from "./plan.js";
import type { Taker } from "./taker.js";

export interface IntakeOptions {
  readonly ess: Ess;
  readonly taker: Taker;
  readonly ledger: Ledger;
  /** For what is being fetched; its own. Made if it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly pace: Pace;
  /** From 0 to 1: scatters the questions of many nodes. */
  readonly random: () => number;
  /** Must not throw. */
  readonly trace: (event: HubEvent) => void;
  /** Called when something was taken or withdrawn, and is durable. */
  readonly changed: () => void;
}

/** Damaged data are fetched anew: the service may have been about to change them. Then they are refused. */
const DAMAGED_ATTEMPTS = 3;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #wakeup = new Wakeup();
  readonly #delays: Delays;
  readonly #parts: Parts;
  readonly #answers = new Map<string, { readonly instance: string; readonly answer: Answer }>();
  #confirmed: ReadonlySet<string> = new Set();
  #failures = 0;
  #awaySinceMs: number | undefined;
  #wasReached = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#delays = new Delays(options.pace, options.random);
    this.#parts = new Parts(options.directory);
  }

  /** What has proven good: its objects are answered with `consumed`. */
  confirm(whats: ReadonlySet<string>): void {
    this.#confirmed = whats;
    this.#wakeup.notify();
  }

  /** Asks at once, however long the pause is. */
  look(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. Never throws for the service, an object or the disk. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!signal.aborted) {
        const pauseMs = await this.#pass(signal);
        await this.#wakeup.wait(clock, clock.now() + pauseMs, signal);
      }
    } catch (err) {
      if (!signal.aborted) throw err;
    }
  }

  /** Asks once and acts. Returns how long to wait. */
  async #pass(signal: AbortSignal): Promise<number> {
    const { ess, taker, pace, random } = this.#options;
    let objects: readonly EssObject[];
    try {
      objects = await ess.list(taker.type, signal);
    } catch (reason) {
      signal.throwIfAborted();
      if (!(reason instanceof EssError)) throw reason;
      this.#failures++;
      return this.#away(reason);
    }
    this.#reached();
    await this.#tidy(objects);
    for (const step of plan(objects, this.#known())) await this.#attempt(step, signal);
    return scattered(pace.intervalMs, random());
  }

  #known() {
    const { ledger, taker } = this.#options;
    return {
      entry: (id: string) => ledger.get(id),
      has: (what: string) => taker.has(what),
      terms: taker.terms(),
      isConfirmed: (what: string) => this.#confirmed.has(what),
      answered: ({ id, instance }: EssObject) => {
        const given = this.#answers.get(id);
        return given?.instance === instance ? given.answer : undefined;
      },
    };
  }

  /** One object's trouble is no other one's. */
  async #attempt(step: Step, signal: AbortSignal): Promise<void> {
    const { object } = step;
    const delay = this.#delays.get(object);
    if (delay !== undefined && this.#options.clock.now() < delay.dueMs) return;
    try {
      await this.#act(step, signal);
      if (this.#delays.get(object) === delay) this.#delays.remove(object);
    } catch (reason) {
      signal.throwIfAborted();
      // Of the service or of the disk; anything else is a fault of this program.
      if (!(reason instanceof Error) || errorCode(reason) === undefined) throw reason;
      this.#delay(object, reason.message);
    }
  }

  #act(step: Step, signal: AbortSignal): Promise<void> {
    const { object } = step;
    switch (step.t) {
      case "withdraw":
        return this.#withdraw(object, step.what, signal);
      case "answer":
        return this.#answer(object, step.answer, signal);
      case "renew":
        return this.#renew(object, step.what, signal);
      case "take":
        return this.#take(object, step.before, signal);
      default:
        return step satisfies never;
    }
  }

  async #withdraw(object: EssObject, what: string | undefined, signal: AbortSignal): Promise<void> {
    const { taker, ledger, trace, changed } = this.#options;
    if (what !== undefined && !ledger.isSharedBy(what, object.id)) {
      await taker.withdraw(object.id, what);
    }
    const wasKnown = ledger.get(object.id) !== undefined;
    await ledger.remove(object.id);
    if (wasKnown) trace({ t: "withdrawn", object, what });
    if (what !== undefined) changed();
    await this.#answer(object, "deleted", signal);
  }

  async #renew(object: EssObject, what: string, signal: AbortSignal): Promise<void> {
    const now = this.#options.taker.renew(object, what);
    if (now === undefined) return this.#take(object, what, signal);
    await this.#decide(object, { t: "taken", what: now });
    await this.#answer(object, "received", signal);
  }

  async #take(object: EssObject, before: string | undefined, signal: AbortSignal): Promise<void> {
    const { taker, trace, changed } = this.#options;
    const fault = !object.hasData
      ? "it has no data"
      : (object.bytes ?? 0) > taker.maxBytes
        ? `it has ${object.bytes} bytes: at most ${taker.maxBytes} are allowed`
        : undefined;
    if (fault !== undefined) return this.#refuse(object, fault, before, signal);
    const room = await taker.room(object.bytes ?? 0);
    if (room?.t === "refused") return this.#refuse(object, room.reason, before, signal);
    if (room?.t === "later") return this.#delay(object, room.detail);

    const path = await this.#fetch(object, before, signal);
    if (path === undefined) return;
    const taken = await taker.take(object, path, before, signal);
    if (taken.t === "later") return this.#delay(object, taken.detail);
    if (taken.t === "refused") return this.#refuse(object, taken.reason, before, signal);
    const { what } = taken;
    await this.#decide(object, { t: "taken", what });
    trace({ t: "taken", object, what });
    changed();
    await this.#answer(object, "received", signal);
  }

  /** Returns the file with the data; undefined: this version of the object is no more, or is refused or delayed. */
  async #fetch(
    object: EssObject,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { ess, taker, trace } = this.#options;
    const path = this.#parts.pathOf(object);
    // Parts of several objects together would take more disk than was said.
    await this.#parts.keepOnly([object]);
    const delay = this.#delays.get(object);
    if (delay === undefined) trace({ t: "arriving", object, bytes: object.bytes });
    const resumed = (bytes: number) => trace({ t: "resumed", object, bytes });
    const { maxBytes } = taker;
    const downloaded = await download({ ess, object, path, maxBytes, resumed, signal });
    if (downloaded.t === "whole") return path;
    if (await this.#isSuperseded(object, signal)) {
      trace({ t: "superseded", object });
      this.#wakeup.notify();
    } else if ((delay?.damaged ?? 0) + 1 < DAMAGED_ATTEMPTS) {
      this.#delay(object, downloaded.detail, true);
    } else {
      await this.#refuse(object, downloaded.detail, before, signal);
    }
    return undefined;
  }

  async #refuse(
    object: EssObject,
    reason: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { taker, trace } = this.#options;
    // The data may have been those of a version that came meanwhile.
    if (await this.#isSuperseded(object, signal)) {
      trace({ t: "superseded", object });
      this.#wakeup.notify();
      return;
    }
    const kept = before === undefined ? {} : { before };
    // Looked at again when the terms are known, if they were not.
    const terms = taker.terms() ?? "";
    await this.#decide(object, { t: "refused", reason, terms, ...kept });
    trace({ t: "refused", object, reason });
    await this.#answer(object, "received", signal);
  }

  /** Writes the outcome down; what was fetched is needed no more. */
  async #decide(object: EssObject, outcome: Entry["outcome"]): Promise<void> {
    const { ledger } = this.#options;
    const { instance, dataId, version } = object;
    await ledger.set(object.id, { instance, dataId, version, outcome });
    await this.#parts.remove(object);
  }

  async #isSuperseded({ type, id, instance }: EssObject, signal: AbortSignal): Promise<boolean> {
    const now = await this.#options.ess.object(type, id, signal);
    return now?.instance !== instance || now.isDeleted;
  }

  async #answer(object: EssObject, answer: Answer, signal: AbortSignal): Promise<void> {
    const { ess, trace } = this.#options;
    const { type, id, instance } = object;
    await ess.answer(type, id, answer, signal);
    if (answer === "deleted") this.#answers.delete(id);
    else this.#answers.set(id, { instance, answer });
    trace({ t: "answered", object, answer });
  }

  #delay(object: EssObject, detail: string, isDamage = false): void {
    const { clock, trace } = this.#options;
    const pauseMs = this.#delays.add(object, isDamage, clock.now());
    trace({ t: "delayed", object, detail, pauseMs });
  }

  #away(err: EssError): number {
    const { clock, trace, taker, pace, random } = this.#options;
    this.#awaySinceMs ??= clock.now();
    trace({ t: "away", type: taker.type, err, forMs: clock.now() - this.#awaySinceMs });
    return scattered(pauseAfter(this.#failures, pace), random());
  }

  #reached(): void {
    const { trace, taker } = this.#options;
    if (!this.#wasReached || this.#awaySinceMs !== undefined) {
      trace({ t: "reached", type: taker.type });
    }
    this.#wasReached = true;
    this.#failures = 0;
    this.#awaySinceMs = undefined;
  }

  /** Forgets objects and versions that are no more. */
  async #tidy(objects: readonly EssObject[]): Promise<void> {
    await this.#parts.keepOnly(objects);
    const ids = new Set(objects.map(({ id }) => id));
    this.#delays.keep(ids);
    for (const id of this.#answers.keys()) {
      if (!ids.has(id)) this.#answers.delete(id);
    }
  }
}
