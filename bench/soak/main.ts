// `make soak`: runs the product for a while with a flapping camera and viewers that come and go, and reports whether
// any of its processes keeps growing.
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "../../test/support/proc.js";
import { RtspClient } from "../../test/support/rtsp-client.js";
import { until } from "../../test/support/scope.js";
import { now } from "../chaos/now.js";
import { descriptorsOf } from "../chaos/parts.js";
import { World } from "../chaos/world.js";
import { withScope } from "../scope.js";
import { BOUNDS, type Growth, growthsIn, overBounds, PARTS, type Sample } from "./growth.js";
import { plot } from "./plot.js";

const JSON_PATH = "build/soak.json";
const SVG_PATH = "build/soak.svg";

const SAMPLE_MS = 1000;
const FLAP_MS = 60_000;
/** The minimum number of flaps, for short runs. */
const FLAPS = 8;
const AWAY_MS = 3000;
/** Pause between two groups of viewers. */
const VIEWERS_PAUSE_MS = 2000;
const VIEWERS = 5;
const STAY_MS = 2000;
/** The share of the run after which allocators and caches have reached their size. */
const WARM_UP = 1 / 4;
const RECOVERY_MS = 90_000;
const COLOURS = { agent: "#1b9e77", keeper: "#d95f02", outlet: "#7570b3", worker: "#e7298a" };

async function main(): Promise<number> {
  const minutes = Number(process.env["MINUTES"]?.trim() || 5);
  if (!(minutes > 0)) throw new Error(`MINUTES is ${process.env["MINUTES"]}, not a number above 0`);
  console.log(`soak: ${minutes} minutes`);
  const samples = await withScope(async (scope) => {
    const options = { witnesses: 1, victims: 1, keeper: ["-m", "sidecar.keeper"] };
    const world = await World.start(scope, options);
    try {
      return await soak(world, minutes);
    } finally {
      await world.stop();
    }
  });
  const growths = growthsIn(samples, minutes * WARM_UP);
  const faults = overBounds(growths, minutes, BOUNDS);
  await mkdir("build", { recursive: true });
  await writeFile(JSON_PATH, JSON.stringify({ minutes, bounds: BOUNDS, growths, faults, samples }));
  await writeFile(SVG_PATH, plot(panels(samples, growths, minutes * WARM_UP)));
  for (const growth of growths) console.log(asLine(growth, samples));
  for (const fault of faults) console.log(`OVER THE BOUND: ${fault}`);
  console.log(`${JSON_PATH}, ${SVG_PATH}`);
  return faults.length === 0 ? 0 : 1;
}

/** Samples the processes until the end of the run, while cameras and viewers come and go. */
async function soak(world: World, minutes: number): Promise<Sample[]> {
  const beganMs = now();
  const endMs = beganMs + minutes * 60_000;
  const over = AbortSignal.timeout(minutes * 60_000);
  const troubles = Promise.all([flap(world, minutes, over), comeAndGo(world, over)]);
  // Without its troubles, a run would prove nothing.
  const failed = new AbortController();
  troubles.catch(() => failed.abort());
  const samples: Sample[] = [];
  while (now() < endMs && !failed.signal.aborted) {
    const parts = await world.parts();
    for (const part of PARTS) {
      const pid = parts[part];
      if (pid === undefined) continue;
      const [bytes, descriptors] = [await residentBytes(pid), await descriptorsOf(pid)];
      if (bytes === undefined || descriptors === undefined) continue;
      const megabytes = bytes / 1e6;
      samples.push({ part, pid, minutes: (now() - beganMs) / 60_000, megabytes, descriptors });
    }
    await delay(SAMPLE_MS);
  }
  await troubles;
  return samples;
}

/** Kills the camera and starts it again, over and over; every second time at another path at first, where nobody finds it. */
async function flap(world: World, minutes: number, over: AbortSignal): Promise<void> {
  const periodMs = Math.min(FLAP_MS, (minutes * 60_000) / FLAPS);
  const [victim] = world.victims;
  if (victim === undefined) throw new Error("there is no camera to flap");
  for (let flaps = 0; !over.aborted; flaps++) {
    await victim.end("SIGKILL");
    await delay(Math.min(AWAY_MS, periodMs / 2));
    if (flaps % 2 === 1) {
      await victim.comeBack({ path: "/elsewhere" });
      await until("the camera is not found", RECOVERY_MS, () => isNotFound(world, victim.id));
      await victim.end("SIGKILL");
    }
    await victim.comeBack();
    await until("everything had recovered", RECOVERY_MS, () => world.isWell());
    await delay(periodMs - AWAY_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

function isNotFound({ status }: World, id: string): boolean {
  const camera = status.state?.cameras.find((one) => one.id === id);
  return camera?.state.t === "lost" && camera.state.reason === "not found";
}

async function comeAndGo(world: World, over: AbortSignal): Promise<void> {
  const cameras = [...world.witnesses, ...world.victims];
  while (!over.aborted) {
    const visits = Array.from({ length: VIEWERS }, async (_, index) => {
      const camera = cameras[index % cameras.length];
      const viewer = await RtspClient.play(world.url(camera?.id ?? ""));
      await delay(STAY_MS);
      viewer.leave();
    });
    await Promise.all(visits);
    await delay(VIEWERS_PAUSE_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

function asLine(growth: Growth, samples: readonly Sample[]): string {
  const last = samples.findLast(({ part }) => part === growth.part);
  return [
    growth.part.padEnd(8),
    `${last?.megabytes.toFixed(1)} MB`.padStart(10),
    `${growth.megabytesPerHour.toFixed(2)} MB/h`.padStart(14),
    `grown ${growth.megabytesGrown.toFixed(2)} MB`.padStart(18),
    `${last?.descriptors} descriptors, grown ${growth.descriptorsGrown}`.padStart(28),
  ].join("  ");
}

function panels(samples: readonly Sample[], growths: readonly Growth[], warmUp: number) {
  const curves = (of: (sample: Sample) => number) =>
    PARTS.map((part) => ({
      name: part,
      colour: COLOURS[part],
      points: samples
        .filter((sample) => sample.part === part)
        .map((sample) => ({ x: sample.minutes, y: of(sample) })),
    }));
  const memory = curves(({ megabytes }) => megabytes).map((curve) => {
    const growth = growths.find(({ part }) => part === curve.name);
    return growth === undefined ? curve : { ...curve, fit: { line: growth.memory, from: warmUp } };
  });
  return [
    { title: "Resident memory in MB, over minutes", curves: memory },
    { title: "Open descriptors, over minutes", curves: curves(({ descriptors }) => descriptors) },
  ];
}

process.exitCode = await main();
