/** A real gRPC server on a Unix socket that stands in for the sidecar in tests. It accepts everything, unless told otherwise. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import {
  type ApplyRequest,
  ApplyResponse,
  ConnectResponse,
  type PipelineServer,
  PipelineService,
  type WatchRequest,
  WatchResponse,
} from "../gen/slipstream/v1/pipeline.js";
import type { State } from "../gen/slipstream/v1/state.js";

export type WatchCall = ServerWritableStream<WatchRequest, WatchResponse>;

/** A directory for sockets, and a function that removes it. */
export async function socketDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "slipstream-"));
  return { path, remove: () => rm(path, { recursive: true }) };
}

export class ServerDouble {
  /** Names of the calls in the order of arrival. */
  readonly calls: string[] = [];
  /** The Apply requests in the order of arrival. */
  readonly applied: ApplyRequest[] = [];
  readonly #server = new Server();

  /** `handlers` replace the default ones below. */
  constructor(handlers: Partial<PipelineServer> = {}, instanceId = "one") {
    const defaults: Pick<PipelineServer, "connect" | "apply" | "watch"> = {
      connect: (_, done) => done(null, ConnectResponse.fromPartial({ instanceId, engine: "cpu" })),
      apply: ({ request: { generation } }, done) =>
        done(null, ApplyResponse.fromPartial({ generation, accepted: true })),
      watch: (call) => beat(call, () => ({})),
    };
    const chosen = { ...defaults, ...handlers };
    const apply: PipelineServer["apply"] = (call, done) => {
      this.applied.push(call.request);
      chosen.apply(call, done);
    };
    this.#server.addService(PipelineService, {
      ...chosen,
      connect: this.#recorded("Connect", chosen.connect),
      apply: this.#recorded("Apply", apply),
      watch: this.#recorded("Watch", chosen.watch),
    });
  }

  async listen(socketPath: string): Promise<void> {
    const address = `unix://${socketPath}`;
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (err) =>
        err === null ? resolve() : reject(err),
      );
    });
  }

  /** Ends every call and every connection. */
  stop(): void {
    this.#server.forceShutdown();
  }

  #recorded<Args extends unknown[]>(name: string, handler: (...args: Args) => void) {
    return (...args: Args) => {
      this.calls.push(name);
      handler(...args);
    };
  }
}

/** Sends a state at once and then at every heartbeat until the call ends. */
export function beat(call: WatchCall, state: () => Partial<State>): void {
  const { seconds, nanos } = call.request.heartbeatInterval ?? { seconds: 2n, nanos: 0 };
  const send = () =>
    call.write(
      WatchResponse.fromPartial({ sequence: 1n, event: { $case: "state", value: state() } }),
    );
  send();
  const timer = setInterval(send, Number(seconds) * 1000 + nanos / 1e6);
  timer.unref();
  call.on("cancelled", () => clearInterval(timer));
}
