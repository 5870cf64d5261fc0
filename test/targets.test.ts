import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { untilState } from "./support/contract.js";
import { start } from "./support/processes.js";
import { logOf, startProduct } from "./support/product.js";
import { type Scope, temporaryDirectory, until } from "./support/scope.js";

const TIMEOUT_MS = 60_000;
const SIZE = { width: 320, height: 180 } as const;
const RED = "test://red?width=320&height=180&rate=15";
const FFMPEG_PIXEL = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];

const run = promisify(execFile);

describe("the picture", () => {
  it("goes to viewers, into a file and into a window at once, as a settings document says", async (t) => {
    const display = await startDisplay(t);
    const document = join(await temporaryDirectory(t), "settings.json");
    const outputs = [{}, { file: { path: "north/yard.mkv" } }, { id: "screen", window: {} }];
    await writeFile(document, JSON.stringify({ outputs, outputDefaults: SIZE }));
    const product = await startProduct(t, {
      RTSPINPUT: `cam=${RED}`,
      OVERLAY: "none",
      SETTINGS_FILE: document,
      DISPLAY: display,
    });
    await product.agent.line(/"output ready".*"output":"screen"/, TIMEOUT_MS);
    await product.agent.line(/"output ready".*yard\.\d{8}T\d{6}Z\.mkv/, TIMEOUT_MS);
    await product.agent.line(/"output ready".*"url":"rtsp:/, TIMEOUT_MS);
    await until("the picture on the display", TIMEOUT_MS, async () => {
      return isRed(await pixel("-f", "x11grab", "-video_size", "1x1", "-i", `${display}+100,100`));
    });
    await untilState(product.runDir, "three seconds in the file", TIMEOUT_MS, (state) => {
      return state.outputs.some(({ path, frames }) => path.endsWith(".mkv") && frames > 45n);
    });
    assert.deepEqual(
      logOf(product.agent).filter(({ message }) => message === "output failed"),
      [],
    );
    await Promise.all([product.agent.stop(), product.sidecar.stop()]);
    const [file = "none"] = await readdir(join(product.runDir, "recordings", "north"));
    const path = join(product.runDir, "recordings", "north", file);
    assert.ok(isRed(await pixel("-ss", "2", "-i", path)));
    assert.ok((await secondsIn(path)) > 2.5, "the file knows its length");
  });

  it("is recorded where OUTPUT says so, a file a camera, and what SIGKILL cuts off can be played", async (t) => {
    const product = await startProduct(t, {
      RTSPINPUT: `front=${RED},back=${RED}`,
      OUTPUT: "file",
      OUTPUT_FILE: "yard.mkv",
      OUTPUT_LAYOUT: "per-camera",
    });
    await product.agent.line(/"output ready".*yard\.front\.\d{8}T\d{6}Z\.mkv/, TIMEOUT_MS);
    await product.agent.line(/"output ready".*yard\.back\.\d{8}T\d{6}Z\.mkv/, TIMEOUT_MS);
    const state = await untilState(product.runDir, "three seconds", TIMEOUT_MS, (state) => {
      return state.outputs.every(({ frames }) => frames > 45n) && state;
    });
    // As Open Horizon ends a container: no process is asked.
    await product.sidecar.sweep();
    for (const { path, frames } of state.outputs) {
      const copy = join(product.runDir, "cut.mkv");
      await copyFile(path, copy);
      const found = await framesIn(copy);
      assert.ok(found >= Number(frames) - 10, `${found} frames of ${frames} in ${path}`);
    }
  });

  it("is not shown without a display, which is told with what to do", async (t) => {
    const product = await startProduct(t, { RTSPINPUT: RED, OUTPUT: "window" });
    await product.agent.line(/"output failed".*DISPLAY is not set.*\/tmp\/\.X11-unix/, TIMEOUT_MS);
    const [failed] = logOf(product.agent).filter(({ message }) => message === "output failed");
    assert.equal(failed?.reason, "display");
  });
});

/** What DISPLAY is to be. */
async function startDisplay(scope: Scope): Promise<string> {
  const size = "640x480x24";
  const server = start(scope, "Xvfb", [
    "-displayfd",
    "1",
    "-screen",
    "0",
    size,
    "-nolisten",
    "tcp",
  ]);
  return `:${await server.line(/^\d+$/, TIMEOUT_MS)}`;
}

/** Red, green and blue of the upper left pixel of what FFmpeg reads. */
async function pixel(...input: string[]): Promise<readonly number[]> {
  const args = ["-v", "error", ...input, ...FFMPEG_PIXEL];
  const { stdout } = await run("ffmpeg", args, { encoding: "buffer" });
  return [...stdout.subarray(0, 3)];
}

function isRed([red = 0, green = 0, blue = 0]: readonly number[]): boolean {
  return red > 150 && green < 100 && blue < 100;
}

async function secondsIn(path: string): Promise<number> {
  return Number(await probe(path, "-show_entries", "format=duration"));
}

async function framesIn(path: string): Promise<number> {
  return Number(await probe(path, "-count_frames", "-show_entries", "stream=nb_read_frames"));
}

async function probe(path: string, ...args: string[]): Promise<string> {
  const { stdout } = await run("ffprobe", ["-v", "error", ...args, "-of", "csv=p=0", path]);
  return stdout.trim();
}
