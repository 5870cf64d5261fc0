// Measures changes that come from the hub: how soon viewers see them, how soon a bad model is rolled back, and how much
// memory a large model takes.
import { installModel } from "../src/agent/hub/testing/install-model.js";
import { cameraIn, untilState } from "../test/support/contract.js";
import { startHub, type TestHub } from "../test/support/hub.js";
import { squareModel } from "../test/support/models.js";
import type { Started } from "../test/support/processes.js";
import { logOf, type Product, startPicture } from "../test/support/product.js";
import { type Scope, until } from "../test/support/scope.js";
import { count, jump, seenFrames, startViewer } from "../test/support/video.js";
import { withScope } from "./scope.js";
import { median } from "./statistics.js";

const RUNS = 7;
const TIMEOUT_MS = 60_000;
const MODEL_MEGABYTES = 1024;
/** The number of convolutions that makes a network several times slower than its camera. */
const SLOW = 60;

export interface HubFigures {
  /** From the arrival of a document that adds or removes a mask to the first frame that shows the change. */
  readonly settingMs: number;
  /** From the arrival of a document with a second camera to the first frame that shows that camera. */
  readonly cameraMs: number;
  /** From the verdict on a slow model to the first frame that the last good one has inferred. */
  readonly lastGoodMs: number;
  readonly model: {
    readonly megabytes: number;
    readonly seconds: number;
    readonly growthMiB: number;
  };
}

export async function measureHub(): Promise<HubFigures> {
  const live = await withScope(measureSettings);
  const lastGoodMs = await withScope(measureLastGood);
  const { seconds, growthBytes } = await installModel(MODEL_MEGABYTES);
  const model = { megabytes: MODEL_MEGABYTES, seconds, growthMiB: growthBytes / 2 ** 20 };
  return { ...live, lastGoodMs, model };
}

async function measureSettings(scope: Scope) {
  const hub = await startHub(scope);
  const options = { width: 640, height: 360, rate: 25 };
  const [front, back] = await Promise.all([count(scope, options), count(scope, options)]);
  const product = await startPicture(scope, {
    ...hub.env,
    RTSPINPUT: `front=${front.uri}`,
    OVERLAY: "none",
    OUTPUT_WIDTH: "640",
    OUTPUT_HEIGHT: "180",
  });
  const viewer = startViewer(scope, product.url, { regions: [[330, 10, 300, 160]] });
  await until("a frame", TIMEOUT_MS, () => seenFrames(viewer).length > 25);
  const masks = [
    [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ],
  ];
  const camera = { id: "front", uri: front.uri };
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const isDark = run % 2 === 0;
    times.push(
      await shown(hub, viewer, { cameras: [isDark ? { ...camera, masks } : camera] }, (luma) =>
        isDark ? luma < 25 : luma > 40,
      ),
    );
  }
  const both = {
    cameras: [
      { ...camera, masks },
      { id: "back", uri: back.uri },
    ],
  };
  await shown(hub, viewer, { cameras: [{ ...camera, masks }] }, (luma) => luma < 25);
  const cameraMs = await shown(hub, viewer, both, (luma) => luma > 30);
  return { settingMs: median(times), cameraMs };
}

/** Milliseconds from the publication to the first frame with the expected luma. */
async function shown(
  hub: TestHub,
  viewer: Started,
  document: unknown,
  isThere: (luma: number) => boolean,
): Promise<number> {
  const published = Number(process.hrtime.bigint());
  hub.settings(document);
  const frame = await until("the change in the stream", TIMEOUT_MS, () =>
    seenFrames(viewer).findLast(({ t, luma }) => t > published && isThere(luma)),
  );
  const first = seenFrames(viewer).find(({ t, luma }) => t > published && isThere(luma)) ?? frame;
  return (first.t - published) / 1e6;
}

async function measureLastGood(scope: Scope): Promise<number> {
  const hub = await startHub(scope);
  const camera = await jump(scope);
  const product = await startPicture(scope, {
    ...hub.env,
    RTSPINPUT: `front=${camera.uri}`,
    TRIAL_TIME: "10s",
  });
  await until("the first trial passed", TIMEOUT_MS, () => passed(product) >= 1);
  await hub.model(await squareModel(scope), "squares", "1.0.0");
  await product.agent.line(/"object accepted"/, TIMEOUT_MS);
  // A busy machine doubles the latency: the slow model must fail only because it cannot keep up with its camera.
  hub.settings({ model: { bundle: "squares" }, trial: { latencyFactor: 100 } });
  await until("the good one", TIMEOUT_MS, () => passed(product) >= 2);
  const good = await untilState(
    product.runDir,
    "the good one",
    TIMEOUT_MS,
    ({ generation }) => generation,
  );
  await hub.model(await squareModel(scope, SLOW), "squares", "2.0.0");
  await product.agent.line(/"trial failed, rolling back/, TIMEOUT_MS);
  const verdictMs = performance.now();
  const inferred = await untilState(product.runDir, "the last good one", TIMEOUT_MS, (state) =>
    state.generation === good ? cameraIn(state, "front")?.counters?.framesInferred : undefined,
  );
  await untilState(product.runDir, "a frame of the last good one", TIMEOUT_MS, (state) => {
    const now = cameraIn(state, "front")?.counters?.framesInferred;
    return now !== undefined && now > inferred;
  });
  return performance.now() - verdictMs;
}

function passed({ agent }: Product): number {
  return logOf(agent).filter(({ message }) => message === "trial passed").length;
}
