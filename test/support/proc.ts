// Reads the kernel's table of processes.
import { readdir, readFile } from "node:fs/promises";

/** A process that runs; a zombie does not. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every process that runs. */
export async function processes(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(processOf));
  return all.filter((process) => process !== undefined);
}

/** Whether a process runs. */
export async function runs(pid: number): Promise<boolean> {
  return (await processOf(pid)) !== undefined;
}

/** The processes that a process started, and those that they started. Lost are those whose parent has ended. */
export async function descendants(pid: number): Promise<Process[]> {
  const all = await processes();
  const found: Process[] = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map((child) => child.pid);
  }
  return found;
}

/** The processes that were started with an environment variable, or whose forebears were: orphans are found too. */
export async function withEnvironment(name: string, value: string): Promise<Process[]> {
  const entry = `${name}=${value}`;
  const all = await processes();
  const marked = await Promise.all(
    all.map(async ({ pid }) => (await read(pid, "environ"))?.split("\0").includes(entry) ?? false),
  );
  return all.filter((_, index) => marked[index]);
}

/** CPU time that a process has used, user and system, in milliseconds; undefined when it is gone. */
export async function cpuMs(pid: number): Promise<number | undefined> {
  const fields = await stat(pid);
  // utime and stime, in ticks, of which Linux shows 100 a second on every architecture.
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Memory that a process holds, in bytes (resident set); undefined when it is gone. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec((await read(pid, "status")) ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Memory of a process, in bytes, with its part of the pages that it shares with others; undefined when it is gone. */
export async function proportionalBytes(pid: number): Promise<number | undefined> {
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec((await read(pid, "smaps_rollup")) ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

async function processOf(pid: number): Promise<Process | undefined> {
  const fields = await stat(pid);
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  const command = (await read(pid, "cmdline"))?.replaceAll("\0", " ").trim() ?? "";
  return { pid, parent: Number(fields[1]), command };
}

/** The fields of /proc/PID/stat from the third, the state, on. The second, a name in brackets, may hold anything. */
async function stat(pid: number): Promise<string[] | undefined> {
  const text = await read(pid, "stat");
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

async function read(pid: number, file: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return undefined; // it has ended meanwhile, or belongs to another user
  }
}
