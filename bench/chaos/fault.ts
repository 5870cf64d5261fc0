// What a fault is: how it begins, how the product is to notice it, how it ends, and whom it may touch.
import type { PartName, Parts } from "./parts.js";
import type { Random } from "./random.js";
import type { Victim } from "./victim.js";
import type { World } from "./world.js";

/** From the end of a half until its successor is a program that runs: the container runtime's share. */
export const RESTART_MS = 1000;

export interface FaultKind {
  readonly name: string;
  /** What happens, in words. */
  readonly story: string;
  /** The processes of the product that may be others afterwards. All else must be as if nothing had happened. */
  readonly hits: readonly PartName[];
  /** What may be said of the camera, the pictures or the pipeline meanwhile. */
  readonly reasons: readonly string[];
  readonly begin: (stage: Stage) => Promise<void> | void;
  /** What is to follow, by itself, before it ends. */
  readonly until: Noticed | Lasts;
  /** Ends it. Without it, it is over as soon as it has begun, and the product gets over it by itself. */
  readonly heal?: (stage: Stage) => Promise<void> | void;
  /** What must be true afterwards, beside that all is well. */
  readonly healed?: (stage: Stage) => boolean | Promise<boolean>;
  /** It happens to a camera: the next one of them is another camera's. */
  readonly isOfCamera?: true;
  /** How many changes it is that somebody asked for: for each, healthy cameras may miss a second of frames. */
  readonly changes?: number;
}

/** The product says so. */
export interface Noticed {
  readonly t: "noticed";
  readonly when: (stage: Stage) => boolean | Promise<boolean>;
  /** How long the product waits on purpose before it says so. */
  readonly patienceMs: number;
}

/** Nothing is to be noticed for so long. */
export interface Lasts {
  readonly t: "lasts";
  readonly ms: number;
}

/** Where a fault happens. */
export interface Stage {
  readonly world: World;
  /** The camera whose turn it is. */
  readonly victim: Victim;
  readonly random: Random;
  /** The processes before it began. */
  readonly before: Parts;
}

/** The product is to say of the victim that it is lost, for one of some reasons. */
export function saysLost(patienceMs: number, ...reasons: readonly string[]): Noticed {
  return {
    t: "noticed",
    patienceMs,
    when: ({ world, victim }) =>
      world.status.notes.some(
        (note) =>
          note.t === "trouble" &&
          note.of === "camera" &&
          note.camera === victim.id &&
          (reasons.length === 0 || reasons.includes(note.reason)),
      ),
  };
}

/** A worker is to be there that was not there before. */
export function hasNew(name: PartName, patienceMs: number): Noticed {
  return {
    t: "noticed",
    patienceMs,
    when: async ({ world, before }) => {
      const pid = (await world.parts())[name];
      return pid !== undefined && pid !== before[name] && world.status.state !== undefined;
    },
  };
}

export function lasts(ms: number): Lasts {
  return { t: "lasts", ms };
}

/** Sends a signal to a part of the product that runs. */
export function signalTo({ before }: Stage, name: PartName, signal: NodeJS.Signals): void {
  const pid = before[name];
  if (pid === undefined) throw new Error(`no ${name} runs`);
  process.kill(pid, signal);
}
