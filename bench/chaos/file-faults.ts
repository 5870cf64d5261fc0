// What happens to the files, the memory and the descriptors that the processes need.
import { copyFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { start } from "../../test/support/processes.js";
import { type FaultKind, hasNew, lasts, RESTART_MS, type Stage, signalTo } from "./fault.js";

const NETWORK = "network.onnx";
const LIMIT_TIMEOUT_MS = 10_000;
/** What may be said by a worker that gets nothing more from its machine. */
const STARVED = [
  "ended",
  "unreachable",
  "timeout",
  "broken stream",
  // A decoder that cannot be loaded.
  "unsupported codec",
  "model",
  "element",
  "internal",
  "encoder",
];

export const FILE_FAULTS: readonly FaultKind[] = [
  {
    name: "worker socket removed",
    story: "somebody clears the worker's socket away, and then the agent is killed",
    hits: ["agent", "worker"],
    reasons: [],
    begin: async (stage) => {
      await rm(join(stage.world.runDir, "worker.sock"));
      signalTo(stage, "agent", "SIGKILL");
    },
    until: lasts(1000),
  },
  {
    name: "outlet socket removed",
    story: "somebody clears the outlet's socket away, and then the worker is killed",
    hits: ["outlet", "worker"],
    reasons: ["outlet"],
    begin: async (stage) => {
      await rm(join(stage.world.runDir, "outlet.sock"));
      signalTo(stage, "worker", "SIGKILL");
    },
    until: hasNew("worker", 0),
  },
  {
    name: "run directory emptied",
    story: "the directory in which the halves meet is removed, and then the sidecar is killed",
    hits: ["keeper", "outlet", "worker"],
    reasons: ["outlet"],
    begin: async (stage) => {
      // The sidecar may put a socket back meanwhile.
      await rm(stage.world.runDir, { recursive: true, maxRetries: 5 });
      signalTo(stage, "keeper", "SIGKILL");
    },
    until: hasNew("worker", RESTART_MS),
  },
  {
    name: "model spoilt",
    story: "the file of the network is cut short, and then the worker is killed",
    hits: ["worker"],
    reasons: ["model"],
    begin: async (stage) => {
      await truncate(join(stage.world.model, NETWORK), 100);
      signalTo(stage, "worker", "SIGKILL");
    },
    until: {
      t: "noticed",
      patienceMs: 0,
      when: ({ world }) =>
        world.status.notes.some((note) => note.t === "trouble" && note.reason === "model"),
    },
    heal: ({ world }) => copyFile(join(world.wholeModel, NETWORK), join(world.model, NETWORK)),
  },
  {
    name: "worker out of memory",
    story: "the worker gets no more memory for two seconds",
    hits: ["worker"],
    reasons: STARVED,
    begin: (stage) => limitWorker(stage, "--as=1:"),
    until: lasts(2000),
    heal: (stage) => limitWorker(stage, "--as=unlimited:"),
  },
  {
    name: "worker out of descriptors",
    story: "the worker can open no more files and sockets for two seconds, and the agent is killed",
    hits: ["agent", "worker"],
    reasons: STARVED,
    begin: async (stage) => {
      await limitWorker(stage, "--nofile=8:");
      signalTo(stage, "agent", "SIGKILL");
    },
    until: lasts(2000),
    heal: (stage) => limitWorker(stage, "--nofile=1024:"),
  },
];

/** Sets a soft limit of the worker that there was; it may be gone by then, and its successor has its own. */
async function limitWorker({ world, before }: Stage, limit: string): Promise<void> {
  const args = ["--pid", String(before.worker), limit];
  await start(world.scope, "prlimit", args).end(LIMIT_TIMEOUT_MS);
}
