// Measures a viewer's stream: how soon the first frame arrives, and how close the bit rate is to the configured one.
import { until } from "../test/support/scope.js";
import { count, playFile, seenFrames, startViewer, view } from "../test/support/video.js";
import { startProduct } from "./product.js";
import { withScope } from "./scope.js";

const VISITS = 10;
const BITRATE = 1_500_000;
const FIRST_FRAME_MS = 30_000;

export interface ViewerFigures {
  /** From the start of a viewer's connection to its first frame, for viewers of a running stream. */
  readonly firstFrameMs: readonly number[];
  /** Percentage of the configured bit rate. */
  readonly bitRatePercent: number;
}

export async function measureViewer(): Promise<ViewerFigures> {
  return { firstFrameMs: await measureVisits(), bitRatePercent: await measureBitRate() };
}

function measureVisits(): Promise<number[]> {
  return withScope(async (scope) => {
    const camera = await count(scope, { width: 320, height: 184, rate: 15 });
    const product = await startProduct(scope, { RTSPINPUT: camera.uri });
    // Keeps the stream running, as a wall of screens does.
    const other = startViewer(scope, product.url, {});
    await until(
      "the other viewer's first frame",
      FIRST_FRAME_MS,
      () => seenFrames(other).length > 0,
    );
    const waits: number[] = [];
    for (let visit = 0; visit < VISITS; visit++) {
      const [frame] = await view(scope, product.url, { frames: 1 });
      waits.push((frame?.after ?? Number.NaN) / 1e6);
    }
    return waits;
  });
}

function measureBitRate(): Promise<number> {
  return withScope(async (scope) => {
    const camera = await playFile(scope);
    const settings = { OUTPUT_WIDTH: "960", OUTPUT_HEIGHT: "540", BITRATE: String(BITRATE) };
    const product = await startProduct(scope, { RTSPINPUT: camera.uri, ...settings });
    const seen = await view(scope, product.url, { seconds: 8 });
    // Skips the first second: a new viewer first gets the buffered frames, all at once.
    const first = seen.find(({ after }) => after > 1e9);
    const last = seen.at(-1);
    if (first === undefined || last === undefined) throw new Error("bit rate: no frames were seen");
    const measured = ((last.bytes - first.bytes) * 8) / ((last.t - first.t) / 1e9);
    return (measured / BITRATE) * 100;
  });
}
