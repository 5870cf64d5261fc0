import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Detection } from "../src/agent/sidecar/gen/slipstream/v1/detection.js";
import { detections } from "./support/contract.js";
import { start } from "./support/processes.js";
import { type Product, startPicture } from "./support/product.js";
import { temporaryDirectory } from "./support/scope.js";

/** Of Debian's package opencv-doc: a fixed camera over a junction. */
const STREET = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
/** One frame in so many is taken, so that some seconds show the whole of it and not one scene. */
const STREET_STEP = 8;
/** Frames that are compared, of some hundred that each clip has. */
const FRAMES = 40;
const COLLECT_TIMEOUT_MS = 60_000;
const COMPARE_TIMEOUT_MS = 120_000;
/** Of the boxes on each side, so many have a partner on the other. */
const AGREEMENT = 0.95;

const CLIPS = {
  "the demo clip": () => Promise.resolve(resolve("footage/demo.mp4")),
  "the street footage": streetFootage,
};

describe("the boxes of", () => {
  for (const bundle of ["nanodet-coco", "ssd-street"]) {
    for (const [clip, footage] of Object.entries(CLIPS)) {
      it(`${bundle} on ${clip} are those of a straightforward inference`, async (t) => {
        const file = await footage(t);
        if (file === undefined) return t.skip(`there is no ${STREET}: install opencv-doc`);
        const product = await startPicture(t, {
          MODEL: `models/${bundle}`,
          RTSPINPUT: `file://${file}`,
        });
        const ours = await collect(product);
        await Promise.all([product.agent.stop(), product.sidecar.stop()]);
        const figures = await compare(t, { file, bundle, ours });
        t.diagnostic(JSON.stringify(figures));
        assert.equal(figures.frames, FRAMES);
        assert.ok(figures.ours >= FRAMES / 2, "there is hardly any box");
        assert.ok(figures.ours_matched >= AGREEMENT * figures.ours);
        assert.ok(figures.theirs_matched >= AGREEMENT * figures.theirs);
      });
    }
  }
});

describe("the frames of a file", () => {
  it("are known by their place in it, round after round", async (t) => {
    const file = join(await temporaryDirectory(t), "second.mp4");
    const firstSecond = ["-v", "error", "-i", "footage/demo.mp4", "-t", "1", "-c", "copy", file];
    assert.equal((await start(t, "ffmpeg", firstSecond).end(COMPARE_TIMEOUT_MS)).code, 0);
    const { runDir } = await startPicture(t, { RTSPINPUT: `file://${file}` });
    const places: number[] = [];
    for await (const { pts } of detections(runDir, AbortSignal.timeout(COLLECT_TIMEOUT_MS))) {
      places.push(Number(pts) / 1e9);
      if (places.length === 40) break;
    }
    const perSecond = 15;
    for (const place of places) {
      const frame = place * perSecond;
      assert.ok(frame > -0.1 && frame < perSecond + 0.1, `${place} s is not in the file`);
      assert.ok(Math.abs(frame - Math.round(frame)) < 0.1, `there is no frame at ${place} s`);
    }
    const rounds = places.filter((place, index) => place < (places[index - 1] ?? -1)).length;
    assert.ok(rounds >= 2, `the places: ${places}`);
  });
});

/** The boxes of so many different frames, by their time in the file in nanoseconds. */
async function collect({ runDir }: Product): Promise<Map<bigint, readonly Detection[]>> {
  const found = new Map<bigint, readonly Detection[]>();
  for await (const frame of detections(runDir, AbortSignal.timeout(COLLECT_TIMEOUT_MS))) {
    assert.equal(frame.inferred, true);
    if (!found.has(frame.pts)) found.set(frame.pts, frame.detections);
    if (found.size === FRAMES) break;
  }
  return found;
}

interface Figures {
  readonly frames: number;
  readonly ours: number;
  readonly theirs: number;
  readonly ours_matched: number;
  readonly theirs_matched: number;
}

async function compare(
  t: TestContext,
  { file, bundle, ours }: { file: string; bundle: string; ours: Map<bigint, readonly Detection[]> },
): Promise<Figures> {
  const path = join(await temporaryDirectory(t), "frames.json");
  const boxes = [...ours].map(([pts, found]) => [
    String(pts),
    found.map(({ label, confidence, box }) => ({ label, confidence, ...box })),
  ]);
  await writeFile(path, JSON.stringify(Object.fromEntries(boxes)));
  const options = ["--file", file, "--bundle", bundle, "--detections", path];
  const comparison = start(t, ".venv/bin/python", ["test/support/compare_boxes.py", ...options], {
    env: { PYTHONPATH: "src:src/sidecar/gen" },
  });
  // The shape is that of the program's only line.
  return JSON.parse(await comparison.line(/^\{/, COMPARE_TIMEOUT_MS)) as Figures;
}

/** The street footage, shortened, in H.264; made once, and undefined where there is none. */
async function streetFootage(t: TestContext): Promise<string | undefined> {
  const made = resolve("build/test-footage/street.mp4");
  if (existsSync(made)) return made;
  if (!existsSync(STREET)) return undefined;
  await mkdir("build/test-footage", { recursive: true });
  const unfinished = `${made}.${process.pid}.mp4`;
  const shorter = ["-vf", `select=not(mod(n\\,${STREET_STEP})),setpts=N/10/TB`, "-r", "10"];
  const h264 = ["-c:v", "libx264", "-crf", "18", "-bf", "0", "-g", "10", "-pix_fmt", "yuv420p"];
  const all = ["-v", "error", "-y", "-i", STREET, ...shorter, "-an", ...h264, unfinished];
  const { code } = await start(t, "ffmpeg", all).end(COMPARE_TIMEOUT_MS);
  assert.equal(code, 0);
  await rename(unfinished, made);
  return made;
}
