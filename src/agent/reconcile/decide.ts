/** Decides the next step towards the desired state, from facts and the time alone. */

/** The connection to the sidecar. */
export type Connection =
  | {
      readonly t: "disconnected";
      /** Failed attempts in a row. */
      readonly failures: number;
      /** When the last attempt failed; means nothing while `failures` is 0. */
      readonly failedMs: number;
    }
  | {
      readonly t: "connected";
      readonly instanceId: string;
      /** The active generation. Undefined: this instance has not reported it yet. */
      readonly generation: string | undefined;
      readonly watch: "none" | "open" | "ended";
      readonly lastMessageMs: number;
    };

/** A specification that an instance refused. */
export interface Refusal {
  readonly generation: string;
  readonly instanceId: string;
  /** When to ask again: what was missing, a model's file for example, may be there by then. */
  readonly retryMs: number;
}

export interface Limits {
  /** First and longest pause after a failure. */
  readonly backoffMs: { readonly first: number; readonly longest: number };
  /** A watched sidecar that is silent for this long counts as dead. */
  readonly silenceMs: number;
}

export type Step =
  | { readonly t: "connect" }
  | { readonly t: "apply" }
  | { readonly t: "watch" }
  /** Ask whether a specification would run. */
  | { readonly t: "check" }
  | { readonly t: "disconnect"; readonly why: "silent" | "watch ended" }
  | { readonly t: "wait"; readonly untilMs: number };

/** generation: the desired one; undefined: none yet. isCheckDue: there is a specification to ask the sidecar about. */
export function decide(
  generation: string | undefined,
  connection: Connection,
  refusal: Refusal | undefined,
  nowMs: number,
  limits: Limits,
  isCheckDue = false,
): Step {
  switch (connection.t) {
    case "disconnected": {
      const { failures, failedMs } = connection;
      const dueMs = failures === 0 ? -Infinity : failedMs + pauseMs(failures, limits);
      return nowMs >= dueMs ? { t: "connect" } : { t: "wait", untilMs: dueMs };
    }
    case "connected": {
      if (connection.watch === "ended") return { t: "disconnect", why: "watch ended" };
      const silentMs = connection.lastMessageMs + limits.silenceMs;
      // Before any call: a call to a dead sidecar costs its whole deadline.
      if (nowMs >= silentMs) return { t: "disconnect", why: "silent" };
      const isActive = generation === undefined || connection.generation === generation;
      const isRefused =
        refusal?.generation === generation && refusal?.instanceId === connection.instanceId;
      const applyMs = isActive ? Infinity : isRefused ? refusal.retryMs : -Infinity;
      if (nowMs >= applyMs) return { t: "apply" };
      if (connection.watch === "none") return { t: "watch" };
      // Last, because the answer may take as long as loading a model: the watch is open by then.
      return isCheckDue ? { t: "check" } : { t: "wait", untilMs: Math.min(silentMs, applyMs) };
    }
    default:
      return connection satisfies never;
  }
}

/**
 * Grows by a quarter each time: an attempt on a Unix socket is cheap, and however long the sidecar took to start, the
 * agent finds it within a quarter of that time. One agent calls one sidecar, so jitter has no herd to scatter.
 */
function pauseMs(failures: number, { backoffMs }: Limits): number {
  return Math.min(backoffMs.longest, backoffMs.first * 1.25 ** (failures - 1));
}
