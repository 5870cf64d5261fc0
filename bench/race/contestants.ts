// Who takes part in the race, and how each is started: cameras go in, annotated RTSP streams come out.
import { existsSync } from "node:fs";
import { type Started, start } from "../../test/support/processes.js";
import type { Scope } from "../../test/support/scope.js";
import type { Rectangle } from "../../test/support/video.js";
import { startProduct } from "../product.js";

const ADDRESS_TIMEOUT_MS = 60_000;
const PYTHON = ".venv/bin/python";
/** An environment of its own, made by `make race`. */
const OPENCV_PYTHON = "build/race/bin/python";
/** The user's: its packages take 7 GB, and not all of them come as wheels. */
const ROBOFLOW_PYTHON = process.env["ROBOFLOW"] || "none";
export const BUNDLE = "models/nanodet-coco";

export interface Load {
  readonly width: number;
  readonly height: number;
  readonly rate: number;
}

export interface Running {
  /** A stream for each camera, in their order, or one for all. */
  readonly streams: readonly string[];
  /** Where the first camera's frame lies in the first stream. */
  readonly counter: "all" | Rectangle;
  readonly pids: readonly number[];
}

export interface Contestant {
  readonly name: string;
  readonly isInstalled: boolean;
  start(scope: Scope, load: Load, cameras: readonly string[]): Promise<Running>;
}

export const CONTESTANTS: readonly Contestant[] = [
  perCamera("decode and encode alone", PYTHON, "bench/race/relay.py", ({ rate }) => [String(rate)]),
  slipstream("Slipstream", {}),
  slipstream("Slipstream, still interval 2 s", { STILL_INTERVAL: "2s" }),
  slipstream("Slipstream, still interval 2 s, one tiled stream", { STILL_INTERVAL: "2s" }, "tiled"),
  perCamera("OpenCV loop", OPENCV_PYTHON, "bench/race/opencv_loop.py", detecting),
  perCamera("OpenCV with a reading thread", OPENCV_PYTHON, "bench/race/opencv_loop.py", (load) => [
    ...detecting(load),
    "--reading-thread",
  ]),
  perCamera("roboflow inference", ROBOFLOW_PYTHON, "bench/race/roboflow_pipeline.py", detecting),
];

function detecting({ rate }: Load): string[] {
  return [String(rate), BUNDLE];
}

function slipstream(
  name: string,
  settings: NodeJS.ProcessEnv,
  layout: "per-camera" | "tiled" = "per-camera",
): Contestant {
  return {
    name,
    isInstalled: true,
    start: async (scope, { width, height, rate }, cameras) => {
      const { url, pids } = await startProduct(scope, {
        RTSPINPUT: cameras.map((uri, index) => `c${index}=${uri}`).join(","),
        OUTPUT_LAYOUT: layout,
        OUTPUT_FRAME_RATE: String(rate),
        OUTPUT_WIDTH: String(width),
        OUTPUT_HEIGHT: String(height),
        RTSP_LATENCY: "0ms",
        MODEL: BUNDLE,
        HTTP_ADDRESS: "off",
        ...settings,
      });
      const running = { pids: Object.values(pids) };
      if (layout === "per-camera") {
        const streams = cameras.map((_, index) => `${url}/c${index}`);
        return { ...running, streams, counter: "all" };
      }
      const across = Math.ceil(Math.sqrt(cameras.length));
      const down = Math.ceil(cameras.length / across);
      const counter = [0, 0, width / across, height / down] as const;
      return { ...running, streams: [url], counter };
    },
  };
}

/** A program that takes one camera: one process for each. */
function perCamera(
  name: string,
  python: string,
  program: string,
  options: (load: Load) => string[],
): Contestant {
  return {
    name,
    isInstalled: existsSync(python),
    start: async (scope, load, cameras) => {
      const all = cameras.map((uri) =>
        start(scope, python, [program, uri, ...options(load)], {
          // One thread for each library: the rule for all contestants.
          env: {
            PYTHONPATH: "src:src/sidecar/gen",
            OPENBLAS_NUM_THREADS: "1",
            OMP_NUM_THREADS: "1",
          },
        }),
      );
      return {
        streams: await Promise.all(all.map(addressOf)),
        counter: "all",
        pids: all.map(({ pid }) => pid),
      };
    },
  };
}

async function addressOf(program: Started): Promise<string> {
  // A contestant's only line of this shape.
  const line = await program.line(/"address"/, ADDRESS_TIMEOUT_MS);
  return (JSON.parse(line) as { address: string }).address;
}
