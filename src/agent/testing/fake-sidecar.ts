/** A sidecar in memory: a test says what it answers and when. */

import type { Desired } from "../../common/settings/spec.js";
import { type Deferred, defer } from "../../common/testing/deferred.js";
import { SidecarError, type SidecarErrorCode } from "../sidecar/calls.js";
import type { ApplyResult, Problem, Sidecar, WatchRequest } from "../sidecar/sidecar.js";
import type { State, Update } from "../sidecar/state.js";

/** What all connections of one test share. */
export class FakeWorker {
  instanceId = "one";
  /** The active generation. */
  generation = "";
  /** Every call and its main argument, in order. */
  readonly calls: string[] = [];
  /** Set: this method fails so. */
  failure: { method: string; code: SidecarErrorCode } | undefined;
  result: Partial<ApplyResult> = {};
  /** What Check answers. */
  problems: readonly Problem[] = [];
  #stream: Stream | undefined;

  readonly open = (): Sidecar => {
    const { instanceId } = this;
    const peer = { instanceId, version: "0", engine: "cpu", board: "", deepstream: "", gpu: "" };
    const more = { gstreamer: "1.22.0", previous: undefined };
    return {
      connect: () => this.#call("Connect").then(() => ({ ...peer, ...more })),
      check: () => this.#call("Check").then(() => this.problems),
      apply: (desired) =>
        this.#call("Apply", ` ${desired.generation}`).then(() => this.#apply(desired)),
      watch: (request, signal) => {
        this.calls.push(`Watch ${request.resume?.sequence ?? "now"}`);
        return this.#watch(request, signal);
      },
      takePicture: () => this.#call("TakePicture").then(() => new Uint8Array()),
      showZones: () => this.#call("ShowZones"),
      close: () => this.calls.push("close"),
    };
  };

  /** Sends a state to whoever watches. */
  beat(sequence: bigint, state: Partial<State> = {}): void {
    const { generation } = this;
    const pipeline = { t: "running" } as const;
    const whole = { generation, pipeline, cameras: [], outputs: [], processes: [], ...state };
    this.#stream?.push({ sequence, event: { t: "state", state: whole } });
  }

  /** Ends the watch; with a code, as an error. */
  endWatch(code?: SidecarErrorCode): void {
    this.#stream?.end(code);
  }

  /** A new process takes the place of the old one. */
  restart(instanceId: string): void {
    this.instanceId = instanceId;
    this.generation = "";
    this.endWatch("UNAVAILABLE");
  }

  #call(method: string, argument = ""): Promise<void> {
    this.calls.push(method + argument);
    if (this.failure?.method !== method) return Promise.resolve();
    return Promise.reject(new SidecarError(this.failure.code, method, "as told"));
  }

  #apply({ generation }: Desired): ApplyResult {
    const accepted = this.result.accepted ?? true;
    if (accepted) this.generation = generation;
    return { problems: [], changes: [], ...this.result, accepted, generation: this.generation };
  }

  #watch(_: WatchRequest, signal: AbortSignal): AsyncGenerator<Update, void, undefined> {
    this.#stream = new Stream();
    return this.#stream.read(signal);
  }
}

class Stream {
  readonly #queue: Update[] = [];
  #more: Deferred = defer();
  #end: { code: SidecarErrorCode | undefined } | undefined;

  push(update: Update): void {
    this.#queue.push(update);
    this.#more.resolve();
  }

  end(code: SidecarErrorCode | undefined): void {
    this.#end = { code };
    this.#more.resolve();
  }

  async *read(signal: AbortSignal): AsyncGenerator<Update, void, undefined> {
    signal.addEventListener("abort", () => this.#more.resolve(), { once: true });
    for (;;) {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
        yield next;
      signal.throwIfAborted();
      if (this.#end?.code !== undefined) throw new SidecarError(this.#end.code, "Watch", "as told");
      if (this.#end !== undefined) return;
      await this.#more.promise;
      this.#more = defer();
    }
  }
}
