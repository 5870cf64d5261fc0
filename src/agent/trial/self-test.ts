/** The self-test: the candidate's model and outputs, with a test pattern in place of every camera. Pure. */

import { type Desired, generationOf } from "../../common/settings/spec.js";
import type { OutputFailedReason, OutputStatus } from "../sidecar/state.js";
import { type Observation, outputName } from "./observation.js";

/** Moving, so that every frame costs as much as a camera's; size and rate of a camera's second stream. */
const TEST_PATTERN = "test://ball?width=640&height=360&rate=15";

/** Frames of each test pattern that must leave detection, and of all patterns together that the network must see. */
const FRAMES = 5;

/** Reasons that lie in the node, so that every version would meet them. */
export const NODE_FAILURES: ReadonlySet<OutputFailedReason> = new Set([
  "port in use",
  "file",
  "disk full",
  "display",
]);

/**
 * Keeps the number, ids and order of the cameras: the TensorRT engine for so many cameras is the one that the cameras
 * need, and every output has its stream.
 */
export function selfTestOf({ spec }: Desired): Desired {
  const cameras = spec.cameras.map((camera) => ({
    ...camera,
    name: "Self-test",
    uri: TEST_PATTERN,
    credentials: undefined,
    masks: [],
    off: undefined,
  }));
  const tested = { ...spec, cameras };
  return { generation: generationOf(tested), spec: tested };
}

/** What the self-test still lacks, in words. Undefined: it has passed. failingBefore: outputs that do not count. */
export function missingInSelfTest(
  { spec }: Desired,
  { running, meter, outputs }: Observation,
  failingBefore: ReadonlySet<string>,
): string | undefined {
  if (!running) return "the pipeline does not run";
  const processed = new Map<string, number>();
  let inferred = 0;
  for (const { cameras } of meter.samples) {
    for (const [id, camera] of cameras) {
      processed.set(id, (processed.get(id) ?? 0) + camera.processed);
      inferred += camera.inferred;
    }
  }
  const dark = spec.cameras.find(({ id }) => (processed.get(id) ?? 0) < FRAMES);
  if (dark !== undefined) return `no test pattern in place of camera ${dark.id} leaves detection`;
  if (inferred < FRAMES) return "the network has not seen the test pattern";
  const silent = outputs.find((output) => isMissing(output, failingBefore));
  return silent && `output ${outputName(silent)} does not show the test pattern`;
}

function isMissing(output: OutputStatus, failingBefore: ReadonlySet<string>): boolean {
  const { state } = output;
  if (state.t === "serving" || failingBefore.has(outputName(output))) return false;
  return state.t !== "failed" || !NODE_FAILURES.has(state.reason);
}
