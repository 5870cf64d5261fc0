import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { describe, it, type TestContext } from "node:test";
import { type Process, runs } from "./support/proc.js";
import { type Dev, PICTURE_TIMEOUT_MS, startDev } from "./support/product.js";
import { until } from "./support/scope.js";
import {
  type CountingCamera,
  count,
  type SeenFrame,
  seenFrames,
  startViewer,
  view,
} from "./support/video.js";

/** From a death to the successor's picture; its heartbeat is missed for five seconds before a hung one is replaced. */
const RETURN_TIMEOUT_MS = 40_000;

/** The processes of the product, by what their command lines hold. */
const PARTS = {
  agent: "dist/src/agent/main.js",
  keeper: "sidecar.keeper",
  outlet: "sidecar.outlet",
  worker: "sidecar.worker",
} as const;
type Part = keyof typeof PARTS;

describe("the processes", () => {
  it("a worker that dies comes back, and a viewer sees its picture in the same session", async (t) => {
    const { dev, camera } = await startCounting(t);
    const viewer = startViewer(t, dev.url, { counter: "all", patience: RETURN_TIMEOUT_MS / 1000 });
    await until("a frame", PICTURE_TIMEOUT_MS, () => seenFrames(viewer).length > 0);
    await killed(dev, "worker", "SIGKILL");
    const isFresh = freshFrom(camera);
    await until("a frame from after the death", RETURN_TIMEOUT_MS, () => {
      return isFresh(seenFrames(viewer).at(-1));
    });
    const times = seenFrames(viewer).map(({ pts }) => pts);
    times.slice(1).forEach((time, index) => {
      assert.ok(time > (times[index] ?? 0), "the stream's time went back");
    });
  });

  it("a worker that hangs is replaced", async (t) => {
    const { dev, camera } = await startCounting(t);
    // By then it has sent its first heartbeat, for which the keeper has more patience.
    await view(t, dev.url, { seconds: 1.5 });
    const old = await killed(dev, "worker", "SIGSTOP");
    await until("its end", RETURN_TIMEOUT_MS, async () => !(await runs(old.pid)));
    await freshPicture(t, dev, camera);
  });

  it("an outlet that dies comes back on its port", async (t) => {
    const { dev, camera } = await startCounting(t);
    await killed(dev, "outlet", "SIGKILL");
    await freshPicture(t, dev, camera);
  });

  it("an agent that dies comes back, and the picture goes on meanwhile", async (t) => {
    const { dev, camera } = await startCounting(t);
    const viewer = startViewer(t, dev.url, { counter: "all", patience: 3 });
    await until("a frame", PICTURE_TIMEOUT_MS, () => seenFrames(viewer).length > 0);
    const worker = await part(dev, "worker");
    const old = await killed(dev, "agent", "SIGKILL");
    await until("another agent", RETURN_TIMEOUT_MS, () => {
      return dev.launcher.lines.filter((line) => /sidecar connected/.test(line)).length === 2;
    });
    assert.notEqual((await part(dev, "agent")).pid, old.pid);
    const isFresh = freshFrom(camera);
    await until("a later frame", PICTURE_TIMEOUT_MS, () => isFresh(seenFrames(viewer).at(-1)));
    assert.equal((await part(dev, "worker")).pid, worker.pid);
    const seen = seenFrames(viewer);
    seen.slice(1).forEach(({ t: time }, index) => {
      assert.ok(time - (seen[index]?.t ?? 0) < 1e9, "the picture stood still");
    });
  });

  it("a keeper that dies takes its children with it, and the launcher starts it again", async (t) => {
    const { dev, camera } = await startCounting(t);
    const children = [await part(dev, "outlet"), await part(dev, "worker")];
    await killed(dev, "keeper", "SIGKILL");
    for (const { pid, command } of children) {
      await until(`the end of ${command}`, RETURN_TIMEOUT_MS, async () => !(await runs(pid)));
    }
    await freshPicture(t, dev, camera);
  });

  it("a launcher that is killed leaves nothing running", async (t) => {
    const { dev, camera } = await startCounting(t);
    assert.ok((await dev.launcher.left()).length >= 5);
    dev.launcher.signal("SIGKILL");
    await dev.launcher.end(RETURN_TIMEOUT_MS);
    await until(
      "the end of all",
      RETURN_TIMEOUT_MS,
      async () => (await dev.launcher.left()).length === 0,
    );
    assert.ok(await runs(camera.process.pid));
  });

  it("sockets of dead processes do not pile up", async (t) => {
    const { dev, camera } = await startCounting(t);
    const [runDir = ""] = await readdir(dev.temporary);
    const sockets = async () =>
      (await readdir(`${dev.temporary}/${runDir}`)).filter((name) => !name.endsWith(".json"));
    const before = await sockets();
    await killed(dev, "worker", "SIGKILL");
    await killed(dev, "outlet", "SIGKILL");
    await freshPicture(t, dev, camera);
    assert.deepEqual(await sockets(), before);
  });
});

/** The product behind a launcher, with a counting camera, once its picture is ready. */
async function startCounting(t: TestContext): Promise<{ dev: Dev; camera: CountingCamera }> {
  const camera = await count(t, { width: 320, height: 184, rate: 10 });
  const dev = await startDev(t, { RTSPINPUT: camera.uri });
  await dev.launcher.line(/output ready/, PICTURE_TIMEOUT_MS);
  return { dev, camera };
}

async function part({ launcher }: Dev, name: Part): Promise<Process> {
  const all = await launcher.descendants();
  const found = all.find(({ command }) => command.includes(PARTS[name]));
  assert.ok(found !== undefined, `no ${name} among ${all.map(({ command }) => command)}`);
  return found;
}

/** Sends a signal to a part of the product, which it ends or halts. */
async function killed(dev: Dev, name: Part, signal: NodeJS.Signals): Promise<Process> {
  const victim = await part(dev, name);
  process.kill(victim.pid, signal);
  return victim;
}

/** Waits until a viewer sees a frame that left the camera after this call; one that comes too early is sent away. */
async function freshPicture(t: TestContext, { url }: Dev, camera: CountingCamera): Promise<void> {
  const isFresh = freshFrom(camera);
  await until("the picture again", RETURN_TIMEOUT_MS, async () => {
    try {
      return await isFresh((await view(t, url, { seconds: 1, counter: "all" })).at(-1));
    } catch {
      return false; // nobody listens yet
    }
  });
}

/** Tells of frames whether they left the camera after this call. A camera that was left counts from nought again. */
function freshFrom(camera: CountingCamera): (frame: SeenFrame | undefined) => Promise<boolean> {
  // The monotonic clock, as the camera's.
  const since = Number(process.hrtime.bigint());
  return async (frame) => {
    const departure = (await camera.departures()).get(frame?.counter ?? -1);
    return departure !== undefined && departure > since;
  };
}
