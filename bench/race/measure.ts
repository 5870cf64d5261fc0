// Measures one contestant with one load: from the push of a camera that counts its frames to a viewer's decoded frame.
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { cpuMs, proportionalBytes } from "../../test/support/proc.js";
import { type Started, start } from "../../test/support/processes.js";
import { freePorts, type Scope, until } from "../../test/support/scope.js";
import { count, playFile, seenFrames, startViewer } from "../../test/support/video.js";
import { withScope } from "../scope.js";
import { percentile } from "../statistics.js";
import type { Contestant, Load, Running } from "./contestants.js";

const PYTHON = ".venv/bin/python";
/** Excludes connecting, the encoder's first second and the viewer's wait for its first key frame. */
const WARM_UP_MS = 3000;
const FIRST_FRAME_MS = 60_000;
const AWAY_MS = 5000;
const RETURN_MS = 30_000;

/** One round of a contestant. */
export interface Sample {
  /** From the start of the first process to the first frame at a viewer, with another Slipstream's or model's caches warm. */
  readonly firstFrameMs: number;
  /** Of the first camera. */
  readonly framesPerSecond: number;
  readonly uniquePerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of all processes of the contestant, in percent of one core. */
  readonly cpuPercent: number;
  /** CPU time of all processes by frames of all streams, if these have the rate of the first one. */
  readonly cpuMsPerFrame: number;
  /** Of all processes, each shared page counted in part. */
  readonly memoryMiB: number;
}

export interface Recovery {
  /** From the camera's return to its next frame at a viewer; NaN: none came. */
  readonly gapMs: number;
  readonly viewersDropped: number;
}

export function measure(
  contestant: Contestant,
  load: Load,
  cameras: number,
  seconds: number,
): Promise<Sample> {
  return withScope(async (scope) => {
    const first = await count(scope, load);
    const others = await fillers(scope, load, cameras - 1);
    const began = performance.now();
    const running = await contestant.start(scope, load, [first.uri, ...others]);
    const viewer = await watch(scope, running);
    const firstFrameMs = performance.now() - began;
    if (running.streams.length > 1) {
      start(scope, PYTHON, ["bench/race/drain.py", ...running.streams.slice(1)]);
    }
    await delay(WARM_UP_MS);

    const [cpuBefore, beganNs] = [await totalCpuMs(running), process.hrtime.bigint()];
    await delay(seconds * 1000);
    const [cpuAfter, endedNs] = [await totalCpuMs(running), process.hrtime.bigint()];
    const elapsed = Number(endedNs - beganNs) / 1e9;
    const memoryMiB = (await total(running, proportionalBytes)) / 2 ** 20;

    const departures = await first.departures();
    const seen = seenFrames(viewer).filter(({ t }) => t >= Number(beganNs) && t <= Number(endedNs));
    const unique = new Set(seen.flatMap(({ counter }) => (counter == null ? [] : [counter])));
    const latencies = seen.flatMap(({ t, counter }) => {
      const left = counter == null ? undefined : departures.get(counter);
      return left === undefined ? [] : [(t - left) / 1e6];
    });
    return {
      firstFrameMs,
      framesPerSecond: seen.length / elapsed,
      uniquePerSecond: unique.size / elapsed,
      p50Ms: percentile(latencies, 0.5),
      p95Ms: percentile(latencies, 0.95),
      p99Ms: percentile(latencies, 0.99),
      cpuPercent: ((cpuAfter - cpuBefore) / elapsed) * 0.1,
      cpuMsPerFrame: (cpuAfter - cpuBefore) / (seen.length * cameras),
      memoryMiB,
    };
  });
}

/** Takes the camera away for five seconds while a viewer watches. */
export function measureRecovery(contestant: Contestant, load: Load): Promise<Recovery> {
  return withScope(async (scope) => {
    const [port] = await freePorts(1);
    if (port === undefined) throw new Error("no port is free");
    const camera = await count(scope, { ...load, port });
    const running = await contestant.start(scope, load, [camera.uri]);
    const viewer = await watch(scope, running);
    await delay(WARM_UP_MS);
    camera.process.signal("SIGKILL");
    await camera.process.ended;
    await delay(AWAY_MS);
    await count(scope, { ...load, port });
    const returnedNs = Number(process.hrtime.bigint());
    let dropped = 0;
    let watching = viewer;
    const back = await until("a frame of the camera that returned", RETURN_MS, () => {
      const frame = seenFrames(watching).find(
        ({ t, counter }) => t > returnedNs && counter != null,
      );
      if (frame === undefined && watching.hasEnded) {
        dropped += 1;
        watching = startViewer(scope, stream(running), {
          counter: running.counter,
          patience: RETURN_MS / 1000,
        });
      }
      return frame;
    }).catch(() => undefined);
    return {
      gapMs: back === undefined ? Number.NaN : (back.t - returnedNs) / 1e6,
      viewersDropped: dropped,
    };
  });
}

/** A viewer of the first stream that has seen a frame; it is started again until the stream can be watched. */
async function watch(scope: Scope, running: Running): Promise<Started> {
  const uri = stream(running);
  const options = { counter: running.counter, patience: FIRST_FRAME_MS / 1000 };
  let viewer = startViewer(scope, uri, options);
  await until("a frame", FIRST_FRAME_MS, () => {
    if (viewer.hasEnded) viewer = startViewer(scope, uri, options);
    return viewer.lines.length > 0;
  });
  return viewer;
}

function stream({ streams }: Running): string {
  const [first] = streams;
  if (first === undefined) throw new Error("there is no stream");
  return first;
}

/** Cameras beside the first: one program plays a clip for all of them, and does not encode. */
async function fillers(scope: Scope, load: Load, number: number): Promise<string[]> {
  if (number === 0) return [];
  const { width, height, rate } = load;
  const file = `build/race/${width}x${height}@${rate}.mp4`;
  if (!existsSync(file)) {
    const args = ["footage/demo.mp4", file, width, height, rate].map(String);
    const { code } = await start(scope, PYTHON, ["bench/race/clip.py", ...args]).ended;
    if (code !== 0) throw new Error(`${file} cannot be rendered`);
  }
  const { uri } = await playFile(scope, { file });
  return Array.from({ length: number }, () => uri);
}

function totalCpuMs(running: Running): Promise<number> {
  return total(running, cpuMs);
}

async function total(
  { pids }: Running,
  measureOne: (pid: number) => Promise<number | undefined>,
): Promise<number> {
  const each = await Promise.all(pids.map(measureOne));
  return each.reduce<number>((sum, one) => sum + (one ?? Number.NaN), 0);
}
