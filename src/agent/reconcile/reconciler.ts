/** Keeps one sidecar at the desired state: observes, decides, acts, and observes again. */

import type { Desired } from "../../common/settings/spec.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { SidecarError } from "../sidecar/calls.js";
import type {
  ApplyResult,
  Peer,
  PreviousWorker,
  Problem,
  ResumePoint,
  Sidecar,
} from "../sidecar/sidecar.js";
import type { SidecarEvent } from "../sidecar/state.js";
import { type Connection, decide, type Limits, type Refusal, type Step } from "./decide.js";

export type ReconcilerEvent =
  | {
      readonly t: "unreachable";
      readonly err: SidecarError;
      readonly forMs: number;
      /** How the last worker ended, where the keeper has written it down. */
      readonly previous: PreviousWorker | undefined;
    }
  | { readonly t: "connected"; readonly peer: Peer }
  | { readonly t: "applied"; readonly generation: string; readonly result: ApplyResult }
  | { readonly t: "refused"; readonly generation: string; readonly problems: readonly Problem[] }
  /** The answer to check(): all problems that this specification would have here. */
  | { readonly t: "checked"; readonly generation: string; readonly problems: readonly Problem[] }
  | {
      readonly t: "disconnected";
      readonly why: "silent" | "watch ended" | "call failed";
      readonly err: SidecarError | undefined;
    }
  /** The sidecar has sent a message on its Watch stream. */
  | { readonly t: "update"; readonly event: SidecarEvent };

export interface ReconcilerOptions {
  /** Makes a new client; called once for every attempt to connect. */
  readonly open: () => Sidecar;
  /** How the last worker ended; asked when the sidecar cannot be reached. Must not reject. */
  readonly previousWorker: () => Promise<PreviousWorker | undefined>;
  readonly clock: Clock;
  readonly timing: Timing;
  /** Must not throw. */
  readonly onEvent: (event: ReconcilerEvent) => void;
}

export const DEFAULT_TIMING = {
  connectTimeoutMs: 3000,
  applyTimeoutMs: 15_000,
  /** The sidecar loads a model for the answer. */
  checkTimeoutMs: 60_000,
  heartbeatMs: 2000,
  /** From a refusal until the agent asks for the same generation again. */
  refusedMs: 30_000,
  backoffMs: { first: 50, longest: 2000 } satisfies Limits["backoffMs"],
};

export type Timing = Readonly<typeof DEFAULT_TIMING>;

/** Heartbeats in a row that may be missing. */
const SILENT_HEARTBEATS = 3;

/** A connection to one worker, from Connect to its end. */
interface Session {
  readonly sidecar: Sidecar;
  readonly peer: Peer;
  generation: string | undefined;
  lastMessageMs: number;
  watch: Watch;
}

type Watch =
  | { readonly t: "none" }
  | { readonly t: "open"; readonly stop: AbortController; readonly ended: Promise<void> }
  | { readonly t: "ended"; readonly err: SidecarError | undefined };

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #limits: Limits;
  readonly #wakeup = new Wakeup();
  #desired: Desired | undefined;
  #detections = false;
  #toCheck: Desired | undefined;
  #session: Session | undefined;
  #failures = 0;
  #failedMs = 0;
  /** When the sidecar was last connected. */
  #connectedMs: number;
  #refusal: Refusal | undefined;
  #resume: ResumePoint | undefined;

  constructor(options: ReconcilerOptions) {
    const { backoffMs, heartbeatMs } = options.timing;
    this.#options = options;
    this.#limits = { backoffMs, silenceMs: SILENT_HEARTBEATS * heartbeatMs };
    this.#connectedMs = options.clock.now();
  }

  /** Nothing is applied before the first call. */
  setDesired(desired: Desired): void {
    this.#desired = desired;
    this.#wakeup.notify();
  }

  /** Starts or stops asking for the detections of every frame. No other event is missed. */
  setDetections(detections: boolean): void {
    if (this.#detections === detections) return;
    this.#detections = detections;
    const watch = this.#session?.watch;
    if (watch?.t === "open") watch.stop.abort();
  }

  /**
   * Asks the sidecar whether this would run, again and again until it has answered with the event "checked". Nothing is
   * applied. Undefined: withdraws the question.
   */
  check(desired: Desired | undefined): void {
    this.#toCheck = desired;
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted, and returns when no call is under way. Never throws because of the sidecar. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.#act(this.#decide(), signal);
    } catch (err) {
      if (!signal.aborted) throw err;
    } finally {
      await this.#close();
    }
  }

  #decide(): Step {
    const generation = this.#desired?.generation;
    const nowMs = this.#options.clock.now();
    const isCheckDue = this.#toCheck !== undefined;
    const connection = this.#connection();
    return decide(generation, connection, this.#refusal, nowMs, this.#limits, isCheckDue);
  }

  #connection(): Connection {
    if (this.#session === undefined) {
      return { t: "disconnected", failures: this.#failures, failedMs: this.#failedMs };
    }
    const { peer, generation, watch, lastMessageMs } = this.#session;
    const { instanceId } = peer;
    return { t: "connected", instanceId, generation, watch: watch.t, lastMessageMs };
  }

  #act(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.t) {
      case "connect":
        return this.#connect(signal);
      case "apply":
        return this.#apply(present(this.#session), present(this.#desired), signal);
      case "check":
        return this.#check(present(this.#session), present(this.#toCheck), signal);
      case "watch":
        this.#watch(present(this.#session));
        return Promise.resolve();
      case "disconnect": {
        const { watch } = present(this.#session);
        return this.#disconnect(step.why, watch.t === "ended" ? watch.err : undefined);
      }
      case "wait":
        return this.#wakeup.wait(this.#options.clock, step.untilMs, signal);
      default:
        return step satisfies never;
    }
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { clock, open, timing, previousWorker, onEvent } = this.#options;
    const sidecar = open();
    try {
      const peer = await sidecar.connect({ timeoutMs: timing.connectTimeoutMs, signal });
      const lastMessageMs = clock.now();
      this.#session = { sidecar, peer, generation: undefined, lastMessageMs, watch: { t: "none" } };
      onEvent({ t: "connected", peer });
    } catch (reason) {
      sidecar.close();
      signal.throwIfAborted();
      this.#countFailure();
      const err = SidecarError.from(reason, "Connect");
      const previous = await previousWorker();
      onEvent({ t: "unreachable", err, forMs: clock.now() - this.#connectedMs, previous });
    }
  }

  async #apply(session: Session, desired: Desired, signal: AbortSignal): Promise<void> {
    const { clock, timing, onEvent } = this.#options;
    const { generation } = desired;
    let result: ApplyResult;
    try {
      result = await session.sidecar.apply(desired, { timeoutMs: timing.applyTimeoutMs, signal });
    } catch (reason) {
      signal.throwIfAborted();
      return this.#disconnect("call failed", SidecarError.from(reason, "Apply"));
    }
    session.lastMessageMs = clock.now();
    session.generation = result.accepted ? generation : result.generation;
    if (result.accepted) {
      onEvent({ t: "applied", generation, result });
    } else {
      const retryMs = clock.now() + timing.refusedMs;
      this.#refusal = { generation, instanceId: session.peer.instanceId, retryMs };
      onEvent({ t: "refused", generation, problems: result.problems });
    }
  }

  async #check(session: Session, desired: Desired, signal: AbortSignal): Promise<void> {
    const { clock, timing, onEvent } = this.#options;
    let problems: readonly Problem[];
    try {
      const options = { timeoutMs: timing.checkTimeoutMs, signal };
      problems = await session.sidecar.check(desired.spec, options);
    } catch (reason) {
      signal.throwIfAborted();
      return this.#disconnect("call failed", SidecarError.from(reason, "Check"));
    }
    session.lastMessageMs = clock.now();
    // check() may have been called again meanwhile.
    if (this.#toCheck === desired) this.#toCheck = undefined;
    onEvent({ t: "checked", generation: desired.generation, problems });
  }

  #watch(session: Session): void {
    const stop = new AbortController();
    session.watch = { t: "open", stop, ended: this.#readWatch(session, stop.signal) };
  }

  /** Reads a Watch stream to its end and sets how it ended on the session. Never throws. */
  async #readWatch(session: Session, signal: AbortSignal): Promise<void> {
    const { heartbeatMs } = this.#options.timing;
    const { instanceId } = session.peer;
    const resume = this.#resume?.instanceId === instanceId ? this.#resume : undefined;
    const request = { resume, heartbeatMs, detections: this.#detections };
    try {
      for await (const { sequence, event } of session.sidecar.watch(request, signal)) {
        this.#resume = { instanceId, sequence };
        this.#onUpdate(session, event);
      }
      session.watch = { t: "ended", err: undefined };
    } catch (reason) {
      const err = SidecarError.from(reason, "Watch");
      const isTooOld = err.code === "OUT_OF_RANGE" && resume !== undefined;
      if (isTooOld) this.#resume = undefined;
      // Aborted: by setDetections(), after which a new watch is due, or by the end of the session.
      session.watch = isTooOld || signal.aborted ? { t: "none" } : { t: "ended", err };
    }
    this.#wakeup.notify();
  }

  #onUpdate(session: Session, event: SidecarEvent): void {
    const { clock, onEvent } = this.#options;
    session.lastMessageMs = clock.now();
    this.#failures = 0;
    if (event.t === "state" && event.state.generation !== session.generation) {
      session.generation = event.state.generation;
      this.#wakeup.notify();
    }
    onEvent({ t: "update", event });
  }

  async #disconnect(
    why: "silent" | "watch ended" | "call failed",
    err: SidecarError | undefined,
  ): Promise<void> {
    await this.#close();
    this.#countFailure();
    this.#options.onEvent({ t: "disconnected", why, err });
  }

  #countFailure(): void {
    this.#failures++;
    this.#failedMs = this.#options.clock.now();
  }

  /** Ends the session, if there is one, and waits for its watch to end. */
  async #close(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    this.#connectedMs = this.#options.clock.now();
    const { watch } = session;
    if (watch.t === "open") {
      watch.stop.abort();
      await watch.ended;
    }
    session.sidecar.close();
  }
}

/** What decide() has required for the step that it returned. */
function present<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Error("decide() returned a step whose precondition does not hold");
  return value;
}
