// Asks a running worker over its socket, as the agent does: its whole state, and the detections of every frame.
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { messages } from "../../src/agent/sidecar/calls.js";
import type { FrameDetections } from "../../src/agent/sidecar/gen/slipstream/v1/detection.js";
import { PipelineClient } from "../../src/agent/sidecar/gen/slipstream/v1/pipeline.js";
import type {
  CameraStatus,
  OutputStatus,
  State,
} from "../../src/agent/sidecar/gen/slipstream/v1/state.js";
import { until } from "./scope.js";

/** How long one answer may take. */
const ANSWER_TIMEOUT_MS = 5000;

/** Looks at the state again and again until there is a result that is neither undefined nor false. */
export async function untilState<T>(
  runDir: string,
  what: string,
  timeoutMs: number,
  look: (state: State) => T | undefined | false,
): Promise<T> {
  let last: State | undefined;
  try {
    return await until(what, timeoutMs, async () => {
      last = await stateOf(runDir);
      return last === undefined ? undefined : look(last);
    });
  } catch (cause) {
    throw new Error(`not within ${timeoutMs} ms: ${what}; the state: ${asText(last)}`, { cause });
  }
}

/** The whole state; undefined when nobody answers. */
export async function stateOf(runDir: string): Promise<State | undefined> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    for await (const { event } of watch(runDir, false, signal)) {
      if (event?.$case === "state") return event.value;
    }
  } catch {
    // The worker is away, or hangs: that is an answer too.
  }
  return undefined;
}

/** The objects of every frame from now on. It ends with the signal, and throws when the worker goes away. */
export async function* detections(
  runDir: string,
  signal: AbortSignal,
): AsyncGenerator<FrameDetections, void, undefined> {
  for await (const { event } of watch(runDir, true, signal)) {
    if (event?.$case === "detections") yield event.value;
  }
}

/** A camera's status. */
export function cameraIn(state: State, id: string): CameraStatus | undefined {
  return state.cameras.find((camera) => camera.id === id);
}

/** The status of the only output. */
export function outputIn(state: State): OutputStatus | undefined {
  return state.outputs[0];
}

/** A state as text, all of it. */
export function asText(state: State | undefined): string {
  return JSON.stringify(state, (_, value) => (typeof value === "bigint" ? String(value) : value));
}

async function* watch(runDir: string, withDetections: boolean, signal: AbortSignal) {
  const client = new PipelineClient(
    `unix://${join(runDir, "worker.sock")}`,
    credentials.createInsecure(),
    {
      "grpc.use_local_subchannel_pool": 1,
    },
  );
  try {
    const call = client.watch({
      afterSequence: 0n,
      instanceId: "",
      heartbeatInterval: undefined,
      detections: withDetections,
    });
    yield* messages("Watch", call, signal);
  } finally {
    client.close();
  }
}
