/** The self-test picture: the same model and outputs, and a test picture in place of every camera. */

import { type Desired, generationOf, type PipelineSpec } from "../../common/settings/spec.js";
import type { OutputStatus } from "../sidecar/state.js";
import { OF_THE_NODE } from "./run.js";
import { outputName, type Seen } from "./seen.js";

/** Moving, so that every frame costs as much as a camera's; the size and rate of a camera's second stream. */
const TEST_PICTURE = "test://ball?width=640&height=360&rate=15";

/** Frames of each test picture that must leave detection, and of all together that the network must see. */
const FRAMES = 5;

/**
 * Keeps the number of cameras, their names and places: an engine that was built for so many cameras is the one that the
 * cameras need, and every output has its picture.
 */
export function selfTestOf({ spec }: Desired): Desired {
  const cameras = spec.cameras.map((camera) => ({
    ...camera,
    name: "Self-test",
    uri: TEST_PICTURE,
    credentials: undefined,
    masks: [],
    off: undefined,
  }));
  const tested: PipelineSpec = { ...spec, cameras };
  return { generation: generationOf(tested), spec: tested };
}

/** In words what a self-test still lacks. troubled: outputs that failed before. */
export function missingInSelfTest(
  { spec }: Desired,
  seen: Seen,
  troubled: ReadonlySet<string>,
): string | undefined {
  if (!seen.up) return "it does not run";
  const processed = new Map<string, number>();
  let inferred = 0;
  for (const { cameras } of seen.meter.laps) {
    for (const [id, work] of cameras) {
      processed.set(id, (processed.get(id) ?? 0) + work.processed);
      inferred += work.inferred;
    }
  }
  const dark = spec.cameras.find(({ id }) => (processed.get(id) ?? 0) < FRAMES);
  if (dark !== undefined) return `no test picture goes through in place of camera ${dark.id}`;
  if (inferred < FRAMES) return "the network has not looked at the test picture";
  const silent = seen.outputs.find((output) => isDue(output, troubled));
  return silent === undefined
    ? undefined
    : `output ${outputName(silent)} does not show the test picture`;
}

function isDue(output: OutputStatus, troubled: ReadonlySet<string>): boolean {
  const { state } = output;
  if (state.t === "serving" || troubled.has(outputName(output))) return false;
  return state.t !== "failed" || !OF_THE_NODE.has(state.reason);
}
