// Faults of the files, the memory and the descriptors that the processes need.
import { copyFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { start } from "../../test/support/processes.js";
import { type FaultKind, hasNew, lasts, RESTART_MS, type Stage, signalTo } from "./fault.js";

const NETWORK = "network.onnx";
const LIMIT_TIMEOUT_MS = 10_000;
/** The reasons that a worker without memory or descriptors may report. */
const STARVED = [
  "ended",
  "unreachable",
  "timeout",
  "broken stream",
  // A decoder could not be loaded.
  "unsupported codec",
  "model",
  "element",
  "internal",
  "encoder",
];

export const FILE_FAULTS: readonly FaultKind[] = [
  {
    name: "worker socket removed",
    story: "the worker's socket is deleted, and then the agent is killed",
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
    story: "the outlet's socket is deleted, and then the worker is killed",
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
    story: "the directory with the sockets is removed, and then the sidecar is killed",
    hits: ["keeper", "outlet", "worker"],
    reasons: ["outlet"],
    begin: async (stage) => {
      // The sidecar may recreate a socket in the meantime.
      await rm(stage.world.runDir, { recursive: true, maxRetries: 5 });
      signalTo(stage, "keeper", "SIGKILL");
    },
    until: hasNew("worker", RESTART_MS),
  },
  {
    name: "model damaged",
    story: "the file of the network is truncated, and then the worker is killed",
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
        world.status.notes.some((note) => note.t === "failure" && note.reason === "model"),
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

/** Sets a soft limit of the worker from before the fault. It may be gone already; the next one has its own limits. */
async function limitWorker({ world, before }: Stage, limit: string): Promise<void> {
  const args = ["--pid", String(before.worker), limit];
  await start(world.scope, "prlimit", args).end(LIMIT_TIMEOUT_MS);
}
