// The definition of a fault: how it begins, how the product should notice it, how it ends, and what it may affect.
import type { PartName, Parts } from "./parts.js";
import type { Random } from "./random.js";
import type { Victim } from "./victim.js";
import type { World } from "./world.js";

/** How long the container runtime takes to start a half again after it exits. */
export const RESTART_MS = 1000;

export interface FaultKind {
  readonly name: string;
  /** What happens, as a sentence. */
  readonly story: string;
  /** The processes of the product that may be replaced. Everything else must be unaffected. */
  readonly hits: readonly PartName[];
  /** The reasons that the camera, the outputs or the pipeline may report during the fault. */
  readonly reasons: readonly string[];
  readonly begin: (stage: Stage) => Promise<void> | void;
  /** What to wait for before the fault is ended. */
  readonly until: Noticed | Lasts;
  /** Ends the fault. Without it, the fault is over as soon as it has begun, and the product recovers by itself. */
  readonly heal?: (stage: Stage) => Promise<void> | void;
  /** What must be true after recovery, in addition to the usual conditions. */
  readonly healed?: (stage: Stage) => boolean | Promise<boolean>;
  /** The fault happens to a camera; the next such fault happens to another one. */
  readonly isOfCamera?: true;
  /** The number of requested changes: for each, healthy cameras may lose a second of frames. */
  readonly changes?: number;
}

/** Until the product reports the fault. */
export interface Noticed {
  readonly t: "noticed";
  readonly when: (stage: Stage) => boolean | Promise<boolean>;
  /** How long the product waits on purpose before it reports the fault. */
  readonly patienceMs: number;
}

/** For a fixed time, because there is nothing to report. */
export interface Lasts {
  readonly t: "lasts";
  readonly ms: number;
}

/** The context of a fault. */
export interface Stage {
  readonly world: World;
  /** The camera that the fault happens to. */
  readonly victim: Victim;
  readonly random: Random;
  /** The processes before the fault began. */
  readonly before: Parts;
}

/** Waits until the victim is reported lost for one of the reasons, or for any if none are given. */
export function saysLost(patienceMs: number, ...reasons: readonly string[]): Noticed {
  return {
    t: "noticed",
    patienceMs,
    when: ({ world, victim }) =>
      world.status.notes.some(
        (note) =>
          note.t === "failure" &&
          note.of === "camera" &&
          note.camera === victim.id &&
          (reasons.length === 0 || reasons.includes(note.reason)),
      ),
  };
}

/** Waits until a part has a new process and the sidecar reports its state. */
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

/** Sends a signal to a running part of the product. */
export function signalTo({ before }: Stage, name: PartName, signal: NodeJS.Signals): void {
  const pid = before[name];
  if (pid === undefined) throw new Error(`no ${name} runs`);
  process.kill(pid, signal);
}
