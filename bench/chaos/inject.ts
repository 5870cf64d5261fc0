// Injects one fault, waits until the product has recovered, and records what happened.
import { descendants } from "../../test/support/proc.js";
import { until } from "../../test/support/scope.js";
import type { FaultKind, Stage } from "./fault.js";
import { now } from "./now.js";
import { descriptorsOf, type PartName, type Parts } from "./parts.js";
import type { Random } from "./random.js";
import type { FaultRecord, ProcessRecord, WitnessRecord } from "./record.js";
import type { Victim } from "./victim.js";
import type { World } from "./world.js";

/** Limits on waiting, whatever the bounds are. */
const NOTICE_LIMIT_MS = 60_000;
const RECOVERY_LIMIT_MS = 90_000;
/** The number of frames that prove that a viewer is watching. */
const FRAMES = 3;

const PART_NAMES: readonly PartName[] = ["agent", "keeper", "outlet", "worker"];

export async function injectFault(
  world: World,
  kind: FaultKind,
  { number, victim, random }: { number: number; victim: Victim; random: Random },
): Promise<FaultRecord> {
  const stage: Stage = { world, victim, random, before: await world.parts() };
  const dropsBefore = world.viewers.map(({ drops }) => drops.length);
  world.status.clearNotes();
  const beganMs = now();
  let error: string | undefined;
  let detectedMs: number | undefined;
  let recoveredMs: number | undefined;
  // A fault without heal() is over as soon as it has begun.
  let healedMs = beganMs;
  try {
    await kind.begin(stage);
    detectedMs = await noticed(kind, stage, beganMs);
    await kind.heal?.(stage);
    if (kind.heal !== undefined || kind.until.t === "lasts") healedMs = now();
    await recovered(kind, stage, healedMs);
    recoveredMs = now() - healedMs;
  } catch (reason) {
    error = reason instanceof Error ? reason.message : String(reason);
  }
  const parts = await world.parts();
  const { notes } = world.status;
  const failures = notes.filter((note) => note.t === "failure");
  const isOfOthers = (note: (typeof failures)[number]) =>
    note.of === "camera" && note.camera !== victim.id;
  const drops = world.viewers.flatMap((viewer, index) => viewer.drops.slice(dropsBefore[index]));
  const connected = notes.findLast((note) => note.t === "connected");
  return {
    number,
    name: kind.name,
    hits: kind.hits,
    camera: victim.id,
    patienceMs: kind.until.t === "noticed" ? kind.until.patienceMs : 0,
    detectedMs,
    reasons: [...new Set(failures.filter((note) => !isOfOthers(note)).map(({ reason }) => reason))],
    allowedReasons: kind.reasons,
    others: failures.filter(isOfOthers).map(({ camera, reason }) => `${camera} ${reason}`),
    recoveredMs,
    workerBackMs:
      parts.worker === stage.before.worker || connected === undefined
        ? undefined
        : connected.atMs - beganMs,
    witnesses: await Promise.all(world.witnesses.map((witness) => watched(witness, beganMs))),
    changes: kind.changes ?? 0,
    drops: drops.map(({ viewer, why }) => `${viewer}: ${why}`),
    viewersBackMs: drops.length === 0 ? undefined : backMs(world, beganMs),
    replaced: PART_NAMES.filter((name) => parts[name] !== stage.before[name]),
    processes: await processesOf(parts),
    strays: await straysOf(world, parts),
    error,
  };
}

/** Waits until the product has noticed, or for a fixed time. Returns how long noticing took. */
async function noticed(
  kind: FaultKind,
  stage: Stage,
  beganMs: number,
): Promise<number | undefined> {
  const { until: what } = kind;
  if (what.t === "lasts") {
    await until("the end of its time", what.ms + NOTICE_LIMIT_MS, () => now() - beganMs >= what.ms);
    return undefined;
  }
  await until(`${kind.name} was noticed`, NOTICE_LIMIT_MS, () => what.when(stage));
  return now() - beganMs;
}

/** Waits for recovery: the sidecar reports it, every viewer receives frames, and those of witnesses are fresh. */
async function recovered(kind: FaultKind, stage: Stage, healedMs: number): Promise<void> {
  const { world } = stage;
  const marks = world.viewers.map((viewer) => viewer.mark());
  const isFresh = async ({ viewer, camera }: World["witnesses"][number]) => {
    const counter = viewer
      .framesSince(healedMs)
      .findLast((frame) => frame.counter !== null)?.counter;
    const departed = (await camera.departures()).get(counter ?? -1);
    return departed !== undefined && departed / 1e6 >= healedMs;
  };
  let missing = "";
  try {
    await until("recovery", RECOVERY_LIMIT_MS, async () => {
      missing = await firstMissing([
        ["the sidecar reports that everything runs", () => world.isWell()],
        ["the agent is connected", () => world.agentIsConnected()],
        ...world.viewers.map(
          (viewer, index) =>
            [
              `${viewer.name} sees frames`,
              () => viewer.hasSeen(FRAMES, marks[index] ?? { life: 0, frames: 0 }),
            ] as const,
        ),
        ...world.witnesses.map(
          (witness) => [`${witness.id}'s frames are fresh`, () => isFresh(witness)] as const,
        ),
        ["the condition of this fault", () => kind.healed?.(stage) ?? true],
      ]);
      return missing === "";
    });
  } catch (cause) {
    throw new Error(`not within ${RECOVERY_LIMIT_MS / 1000} s: ${missing}`, { cause });
  }
}

async function firstMissing(
  wanted: readonly (readonly [string, () => boolean | Promise<boolean>])[],
): Promise<string> {
  for (const [what, isTrue] of wanted) {
    if (!(await isTrue())) return what;
  }
  return "";
}

/** From the start until every viewer that reconnected since then had its first frame. */
function backMs(world: World, beganMs: number): number | undefined {
  const times = world.viewers.map(({ backAtMs }) => backAtMs).filter((time) => time > beganMs);
  return times.length === 0 ? undefined : Math.max(...times) - beganMs;
}

async function watched(
  { id, camera, viewer }: World["witnesses"][number],
  beganMs: number,
): Promise<WitnessRecord> {
  const frames = viewer.framesSince(beganMs).filter(({ counter }) => typeof counter === "number");
  const seen = new Set(frames.map(({ counter }) => counter));
  const lastSeenMs = (frames.at(-1)?.t ?? 0) / 1e6;
  const departures = [...(await camera.departures())];
  // Frames that the camera sent just before the last seen frame are still in transit.
  const newest = departures.find(([counter]) => counter === frames.at(-1)?.counter)?.[1] ?? 0;
  const sent = departures.filter(([, t]) => t / 1e6 >= beganMs && t <= newest);
  const times = [beganMs, ...frames.map(({ t }) => t / 1e6)];
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return {
    id,
    sent: sent.length,
    lost: sent.filter(([counter]) => !seen.has(counter)).length,
    pauseMs: Math.max(0, ...pauses, lastSeenMs === 0 ? now() - beganMs : 0),
  };
}

async function processesOf(parts: Parts): Promise<ProcessRecord[]> {
  const all = await Promise.all(
    PART_NAMES.map(async (part) => {
      const pid = parts[part];
      const descriptors = pid === undefined ? undefined : await descriptorsOf(pid);
      return pid === undefined || descriptors === undefined ? [] : [{ part, pid, descriptors }];
    }),
  );
  return all.flat();
}

/** Processes that the product started and that are not one of its parts. */
async function straysOf(world: World, parts: Parts): Promise<string[]> {
  const all = [world.agent, world.sidecar].map(({ current }) => descendants(current.pid));
  const known = new Set(Object.values(parts));
  return (await Promise.all(all))
    .flat()
    .filter(({ pid }) => !known.has(pid))
    .map(({ command }) => command);
}
