// Runs the product for a bench: keeper and agent with one camera, and the CPU and memory of each process.
import { join } from "node:path";
import { cpuMs, residentBytes } from "../test/support/proc.js";
import { type Started, start } from "../test/support/processes.js";
import { stateIn } from "../test/support/product.js";
import { freePorts, type Scope, temporaryDirectory, until } from "../test/support/scope.js";

const PYTHON = ".venv/bin/python";
const PICTURE_TIMEOUT_MS = 30_000;

/** The processes of the product, with their names in the tables. */
export const PROCESSES = ["agent", "keeper", "outlet", "worker"] as const;
export type ProcessName = (typeof PROCESSES)[number];

export interface Product {
  readonly url: string;
  readonly socket: string;
  /** From the start of the first process until an RTSP client received an annotated frame. */
  readonly firstPictureMs: number;
  readonly pids: Readonly<Record<ProcessName, number>>;
}

/** Starts agent and sidecar at the same time and waits for the stream. */
export async function startProduct(scope: Scope, settings: NodeJS.ProcessEnv): Promise<Product> {
  const runDir = await temporaryDirectory(scope);
  const socket = join(runDir, "worker.sock");
  const [port] = await freePorts(1);
  const began = performance.now();
  const keeper = start(scope, PYTHON, ["-m", "sidecar.keeper"], {
    env: { SLIPSTREAM_RUN_DIR: runDir },
  });
  const agent = start(
    scope,
    process.execPath,
    ["--max-semi-space-size=1", "dist/src/agent/main.js"],
    {
      env: {
        ...stateIn(runDir),
        SLIPSTREAM_SOCKET: socket,
        RTSPOUTPUTPORTNUM: String(port),
        LOG_FORMAT: "json",
        LOG_LEVEL: "info",
        ...settings,
      },
    },
  );
  await agent.line(/output ready/, PICTURE_TIMEOUT_MS);
  const firstPictureMs = performance.now() - began;
  const pids = await pidsOf(keeper, agent);
  return { url: `rtsp://127.0.0.1:${port}/ds`, socket, firstPictureMs, pids };
}

/** CPU time of each process so far, in milliseconds. */
export function cpuTimes(product: Product): Promise<Record<ProcessName, number>> {
  return perProcess(product, async (pid) => (await cpuMs(pid)) ?? Number.NaN);
}

/** Resident memory of each process, in MiB. */
export function memory(product: Product): Promise<Record<ProcessName, number>> {
  return perProcess(product, async (pid) => ((await residentBytes(pid)) ?? Number.NaN) / 2 ** 20);
}

async function perProcess(
  { pids }: Product,
  measure: (pid: number) => Promise<number>,
): Promise<Record<ProcessName, number>> {
  const entries = await Promise.all(
    PROCESSES.map(async (name) => [name, await measure(pids[name])] as const),
  );
  // Built from PROCESSES, so every name is present.
  return Object.fromEntries(entries) as Record<ProcessName, number>;
}

async function pidsOf(keeper: Started, agent: Started): Promise<Product["pids"]> {
  const children = await until("the keeper's children", 5000, async () => {
    const found = await keeper.descendants();
    const outlet = found.find(({ command }) => command.endsWith("sidecar.outlet"))?.pid;
    const worker = found.find(({ command }) => command.endsWith("sidecar.worker"))?.pid;
    return outlet !== undefined && worker !== undefined && { outlet, worker };
  });
  return { agent: agent.pid, keeper: keeper.pid, ...children };
}
