/** Decides the next step towards the desired state, from facts and the time alone. */

/** What is known of the sidecar. */
export type Observed =
  /** Nobody is connected. */
  | {
      readonly t: "apart";
      /** Attempts in a row that came to nothing. */
      readonly failures: number;
      /** When the last one ended; without meaning for 0 failures. */
      readonly failedMs: number;
    }
  | {
      readonly t: "met";
      readonly instanceId: string;
      /** Generation in force; undefined: this instance has not told yet. */
      readonly generation: string | undefined;
      readonly watch: "none" | "open" | "ended";
      /** When the sidecar last gave a sign of life. */
      readonly heardMs: number;
    };

/** A specification that an instance said no to. */
export interface RefusedBefore {
  readonly generation: string;
  readonly instanceId: string;
  /** When it is asked again: what was missing, a model's file for one, may have come meanwhile. */
  readonly againMs: number;
}

export interface Limits {
  /** First and longest pause after a failure. */
  readonly backoffMs: { readonly first: number; readonly longest: number };
  /** A watched sidecar that says nothing for this long is dead. */
  readonly silenceMs: number;
}

export type Step =
  | { readonly t: "connect" }
  | { readonly t: "apply" }
  | { readonly t: "watch" }
  /** Ask whether a specification would run. */
  | { readonly t: "check" }
  /** Give this connection up. */
  | { readonly t: "part"; readonly why: "silent" | "watch ended" }
  | { readonly t: "wait"; readonly untilMs: number };

/**
 * The generation that is wanted (undefined: none yet), what is known, and the time give one step. asked: somebody wants
 * to know whether another specification would run.
 */
export function decide(
  generation: string | undefined,
  observed: Observed,
  refused: RefusedBefore | undefined,
  nowMs: number,
  limits: Limits,
  asked = false,
): Step {
  switch (observed.t) {
    case "apart": {
      const dueMs = observed.failedMs + pauseMs(observed.failures, limits);
      return observed.failures === 0 || nowMs >= dueMs
        ? { t: "connect" }
        : { t: "wait", untilMs: dueMs };
    }
    case "met": {
      if (observed.watch === "ended") return { t: "part", why: "watch ended" };
      const deadMs = observed.heardMs + limits.silenceMs;
      // First of all: a call to a dead sidecar costs its whole deadline.
      if (nowMs >= deadMs) return { t: "part", why: "silent" };
      const dueMs =
        generation === undefined || observed.generation === generation
          ? Infinity
          : applyDueMs(generation, observed, refused);
      if (nowMs >= dueMs) return { t: "apply" };
      if (observed.watch === "none") return { t: "watch" };
      // Last: the watch goes on while a model is loaded for the answer.
      return asked ? { t: "check" } : { t: "wait", untilMs: Math.min(deadMs, dueMs) };
    }
    default:
      return observed satisfies never;
  }
}

/** At once, unless this instance has refused this specification. */
function applyDueMs(
  generation: string,
  { instanceId }: { readonly instanceId: string },
  refused: RefusedBefore | undefined,
): number {
  const isRefused = refused?.generation === generation && refused.instanceId === instanceId;
  return isRefused ? refused.againMs : -Infinity;
}

/**
 * Grows by a quarter each time: an attempt on a Unix socket is cheap, and however long the sidecar took to come up, it
 * is found within a quarter of that time. One agent calls one sidecar, so there is no herd to scatter by jitter.
 */
function pauseMs(failures: number, { backoffMs }: Limits): number {
  return Math.min(backoffMs.longest, backoffMs.first * 1.25 ** (failures - 1));
}
