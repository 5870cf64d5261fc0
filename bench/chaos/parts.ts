// Finds the current processes of the product.
import { readdir } from "node:fs/promises";
import { type Process, processes } from "../../test/support/proc.js";

/** The process id of each part; undefined while it does not run. */
export interface Parts {
  readonly agent: number | undefined;
  readonly keeper: number | undefined;
  readonly outlet: number | undefined;
  readonly worker: number | undefined;
}

export type PartName = keyof Parts;

/** Finds all parts from the pids of agent and keeper. */
export async function findParts(agent: number, keeper: number): Promise<Parts> {
  const all = await processes();
  const running = (pid: number) => (all.some((process) => process.pid === pid) ? pid : undefined);
  const child = (module: string) => {
    const isIt = ({ parent, command }: Process) => parent === keeper && command.endsWith(module);
    return all.find(isIt)?.pid;
  };
  return {
    agent: running(agent),
    keeper: running(keeper),
    outlet: child("sidecar.outlet"),
    worker: child("sidecar.worker"),
  };
}

/** Open file descriptors of a process; undefined if it is gone. */
export async function descriptorsOf(pid: number): Promise<number | undefined> {
  try {
    return (await readdir(`/proc/${pid}/fd`)).length;
  } catch {
    return undefined;
  }
}
