/** Keeps one sidecar true to the desired state: observes, decides, acts, and looks again. */

import type { Desired } from "../../common/settings/spec.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { SidecarError } from "../sidecar/error.js";
import type {
  Peer,
  PreviousWorker,
  Problem,
  ResumePoint,
  Sidecar,
  Verdict,
} from "../sidecar/sidecar.js";
import type { SidecarEvent } from "../sidecar/state.js";
import { decide, type Limits, type Observed, type RefusedBefore, type Step } from "./decide.js";
import type { Session } from "./session.js";

/** What happens while reconciling, told once, where it is known what it means. */
export type ReconcilerEvent =
  | {
      readonly t: "unreachable";
      readonly err: SidecarError;
      readonly forMs: number;
      /** How the last worker ended, where the keeper has said so. */
      readonly previous: PreviousWorker | undefined;
    }
  | { readonly t: "connected"; readonly peer: Peer }
  | { readonly t: "applied"; readonly generation: string; readonly verdict: Verdict }
  | { readonly t: "refused"; readonly generation: string; readonly problems: readonly Problem[] }
  /** What check() asked for: all problems that this specification would have here. */
  | { readonly t: "checked"; readonly generation: string; readonly problems: readonly Problem[] }
  | {
      readonly t: "parted";
      readonly why: "silent" | "watch ended" | "call failed";
      readonly err: SidecarError | undefined;
    }
  | { readonly t: "told"; readonly event: SidecarEvent };

export interface ReconcilerOptions {
  /** Undefined: nothing is applied before want(). */
  readonly desired: Desired | undefined;
  /** Makes a fresh way to the sidecar; called once for every attempt. */
  readonly open: () => Sidecar;
  /** How the last worker ended, asked where none can be reached. Must not reject. */
  readonly ended: () => Promise<PreviousWorker | undefined>;
  readonly clock: Clock;
  readonly timing: Timing;
  /** Ask for the detections of every frame too. */
  readonly detections: boolean;
  /** Must not throw. */
  readonly trace: (event: ReconcilerEvent) => void;
}

export interface Timing {
  readonly connectTimeoutMs: number;
  readonly applyTimeoutMs: number;
  /** A model is loaded for the answer. */
  readonly checkTimeoutMs: number;
  readonly heartbeatMs: number;
  /** From a refusal until the same is asked again. */
  readonly refusedMs: number;
  readonly backoffMs: Limits["backoffMs"];
}

export const DEFAULT_TIMING: Timing = {
  connectTimeoutMs: 3000,
  applyTimeoutMs: 15_000,
  checkTimeoutMs: 60_000,
  heartbeatMs: 2000,
  refusedMs: 30_000,
  backoffMs: { first: 50, longest: 2000 },
};

/** Heartbeats that may be missing in a row. */
const SILENT_HEARTBEATS = 3;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #limits: Limits;
  readonly #wakeup = new Wakeup();
  #desired: Desired | undefined;
  #detections: boolean;
  #toCheck: Desired | undefined;
  #session: Session | undefined;
  #failures = 0;
  #failedMs = 0;
  /** When the sidecar was last there; for the length of its absence. */
  #goneMs: number;
  #refused: RefusedBefore | undefined;
  #resume: ResumePoint | undefined;

  constructor(options: ReconcilerOptions) {
    const { backoffMs, heartbeatMs } = options.timing;
    this.#options = options;
    this.#limits = { backoffMs, silenceMs: SILENT_HEARTBEATS * heartbeatMs };
    this.#desired = options.desired;
    this.#detections = options.detections;
    this.#goneMs = options.clock.now();
  }

  /** Wants something else from now on. */
  want(desired: Desired): void {
    this.#desired = desired;
    this.#wakeup.notify();
  }

  /** Asks for the detections of every frame from now on, or no longer. No other event is missed. */
  listen(detections: boolean): void {
    if (this.#detections === detections) return;
    this.#detections = detections;
    const watch = this.#session?.watch;
    if (watch?.t === "open") watch.stop.abort();
  }

  /**
   * Asks whether this would run, as soon as there is a sidecar, and until it has answered; the event "checked" is the
   * answer. Nothing is applied. Undefined: nobody wants to know any more.
   */
  check(desired: Desired | undefined): void {
    this.#toCheck = desired;
    this.#wakeup.notify();
  }

  /** Reconciles until the signal is aborted. Returns when nothing is under way any more; never throws for a sidecar. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!signal.aborted) {
        await this.#act(this.#decide(clock.now()), signal);
      }
    } catch (err) {
      if (!signal.aborted) throw err;
    } finally {
      await this.#leave();
    }
  }

  #decide(nowMs: number): Step {
    const generation = this.#desired?.generation;
    const asked = this.#toCheck !== undefined;
    return decide(generation, this.#observe(), this.#refused, nowMs, this.#limits, asked);
  }

  #observe(): Observed {
    const session = this.#session;
    if (session === undefined) {
      return { t: "apart", failures: this.#failures, failedMs: this.#failedMs };
    }
    const { peer, generation, watch, heardMs } = session;
    return { t: "met", instanceId: peer.instanceId, generation, watch: watch.t, heardMs };
  }

  #act(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.t) {
      case "connect":
        return this.#connect(signal);
      case "apply":
        return this.#apply(this.#met(), signal);
      case "check":
        return this.#check(this.#met(), signal);
      case "watch":
        this.#watch(this.#met());
        return Promise.resolve();
      case "part": {
        const { watch } = this.#met();
        return this.#part(step.why, watch.t === "ended" ? watch.err : undefined);
      }
      case "wait":
        return this.#wakeup.wait(this.#options.clock, step.untilMs, signal);
      default:
        return step satisfies never;
    }
  }

  /** The session, in steps that are only decided on where there is one. */
  #met(): Session {
    if (this.#session === undefined) throw new Error("no sidecar is connected");
    return this.#session;
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { clock, open, timing, trace } = this.#options;
    const sidecar = open();
    try {
      const peer = await sidecar.connect({ timeoutMs: timing.connectTimeoutMs, signal });
      const heardMs = clock.now();
      this.#session = { sidecar, peer, generation: undefined, heardMs, watch: { t: "none" } };
      trace({ t: "connected", peer });
    } catch (reason) {
      sidecar.close();
      signal.throwIfAborted();
      this.#failed();
      const err = SidecarError.from(reason, "Connect");
      const previous = await this.#options.ended();
      trace({ t: "unreachable", err, forMs: clock.now() - this.#goneMs, previous });
    }
  }

  async #apply(session: Session, signal: AbortSignal): Promise<void> {
    const { clock, timing, trace } = this.#options;
    const desired = this.#desired;
    if (desired === undefined) throw new Error("nothing is wanted");
    const { generation } = desired;
    let verdict: Verdict;
    try {
      verdict = await session.sidecar.apply(desired, { timeoutMs: timing.applyTimeoutMs, signal });
    } catch (reason) {
      signal.throwIfAborted();
      await this.#part("call failed", SidecarError.from(reason, "Apply"));
      return;
    }
    session.heardMs = clock.now();
    if (verdict.accepted) {
      session.generation = generation;
      trace({ t: "applied", generation, verdict });
    } else {
      session.generation = verdict.generation;
      const againMs = clock.now() + timing.refusedMs;
      this.#refused = { generation, instanceId: session.peer.instanceId, againMs };
      trace({ t: "refused", generation, problems: verdict.problems });
    }
  }

  async #check(session: Session, signal: AbortSignal): Promise<void> {
    const { clock, timing, trace } = this.#options;
    const asked = this.#toCheck;
    if (asked === undefined) throw new Error("nothing is to be checked");
    let problems: readonly Problem[];
    try {
      const options = { timeoutMs: timing.checkTimeoutMs, signal };
      problems = await session.sidecar.check(asked.spec, options);
    } catch (reason) {
      signal.throwIfAborted();
      await this.#part("call failed", SidecarError.from(reason, "Check"));
      return;
    }
    session.heardMs = clock.now();
    // Somebody may want to know something else by now.
    if (this.#toCheck === asked) this.#toCheck = undefined;
    trace({ t: "checked", generation: asked.generation, problems });
  }

  #watch(session: Session): void {
    const stop = new AbortController();
    session.watch = { t: "open", stop, ended: this.#follow(session, stop.signal) };
  }

  /** Reads a watch to its end and says on the session how it ended. Never throws. */
  async #follow(session: Session, signal: AbortSignal): Promise<void> {
    const { heartbeatMs } = this.#options.timing;
    const detections = this.#detections;
    const { instanceId } = session.peer;
    const resume = this.#resume?.instanceId === instanceId ? this.#resume : undefined;
    const request = { resume, heartbeatMs, detections };
    try {
      for await (const { sequence, event } of session.sidecar.watch(request, signal)) {
        this.#resume = { instanceId, sequence };
        this.#heard(session, event);
      }
      session.watch = { t: "ended", err: undefined };
    } catch (reason) {
      const err = SidecarError.from(reason, "Watch");
      const isTooOld = err.code === "OUT_OF_RANGE" && resume !== undefined;
      if (isTooOld) this.#resume = undefined;
      // Aborted: by listen(), which wants another one, or by the end of the session, which wants none.
      session.watch = isTooOld || signal.aborted ? { t: "none" } : { t: "ended", err };
    }
    this.#wakeup.notify();
  }

  #heard(session: Session, event: SidecarEvent): void {
    const { clock, trace } = this.#options;
    session.heardMs = clock.now();
    this.#failures = 0;
    if (event.t === "state" && event.state.generation !== session.generation) {
      session.generation = event.state.generation;
      this.#wakeup.notify();
    }
    trace({ t: "told", event });
  }

  async #part(
    why: "silent" | "watch ended" | "call failed",
    err: SidecarError | undefined,
  ): Promise<void> {
    await this.#leave();
    this.#failed();
    this.#options.trace({ t: "parted", why, err });
  }

  #failed(): void {
    this.#failures++;
    this.#failedMs = this.#options.clock.now();
  }

  /** Ends the session, if there is one, and waits for its watch. */
  async #leave(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    this.#goneMs = this.#options.clock.now();
    const { watch } = session;
    if (watch.t === "open") {
      watch.stop.abort();
      await watch.ended;
    }
    session.sidecar.close();
  }
}
