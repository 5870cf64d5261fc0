// Faults of the product's processes.
import { setTimeout as delay } from "node:timers/promises";
import { type FaultKind, hasNew, lasts, RESTART_MS, type Stage, signalTo } from "./fault.js";
import type { PartName } from "./parts.js";
import { between } from "./random.js";

/** How long the keeper waits for a heartbeat (two per second), and then for the stack dump of a hanging child. */
const HEARTBEAT_MS = 5500;

export const PROCESS_FAULTS: readonly FaultKind[] = [
  {
    name: "worker killed",
    story: "the worker is killed, as a driver might do",
    hits: ["worker"],
    reasons: [],
    begin: signals("worker", "SIGKILL"),
    until: hasNew("worker", 0),
  },
  {
    name: "worker crashes",
    story: "the worker dies of a segmentation fault",
    hits: ["worker"],
    reasons: [],
    begin: signals("worker", "SIGSEGV"),
    until: hasNew("worker", 0),
  },
  {
    name: "worker hangs",
    story: "the worker stops running but stays alive",
    hits: ["worker"],
    reasons: [],
    begin: signals("worker", "SIGSTOP"),
    until: hasNew("worker", HEARTBEAT_MS),
  },
  {
    name: "outlet killed",
    story: "the process that serves RTSP is killed",
    hits: ["outlet"],
    reasons: ["outlet"],
    begin: signals("outlet", "SIGKILL"),
    until: hasNew("outlet", 0),
  },
  {
    name: "outlet hangs",
    story: "the process that serves RTSP stops running but stays alive",
    hits: ["outlet"],
    reasons: ["outlet"],
    begin: signals("outlet", "SIGSTOP"),
    until: hasNew("outlet", HEARTBEAT_MS),
  },
  {
    name: "keeper killed",
    story: "the sidecar's first process is killed, and the whole sidecar with it",
    hits: ["keeper", "outlet", "worker"],
    reasons: ["outlet"],
    begin: signals("keeper", "SIGKILL"),
    until: hasNew("worker", RESTART_MS),
  },
  {
    name: "keeper paused",
    story: "the keeper does not run for longer than it waits for heartbeats",
    hits: [],
    reasons: [],
    begin: signals("keeper", "SIGSTOP"),
    until: lasts(HEARTBEAT_MS + 1500),
    heal: signals("keeper", "SIGCONT"),
  },
  {
    name: "agent killed",
    story: "the agent is killed",
    hits: ["agent"],
    reasons: [],
    begin: signals("agent", "SIGKILL"),
    until: hasNew("agent", 0),
  },
  {
    name: "agent paused",
    story: "the agent does not run for many seconds",
    hits: [],
    reasons: [],
    begin: async (stage) => {
      signalTo(stage, "agent", "SIGSTOP");
      await delay(between(stage.random, 2000, 8000));
    },
    until: lasts(0),
    heal: signals("agent", "SIGCONT"),
  },
  {
    name: "agent and worker killed",
    story: "agent and sidecar lose a process at the same time",
    hits: ["agent", "worker"],
    reasons: [],
    begin: (stage) => {
      signalTo(stage, "agent", "SIGKILL");
      signalTo(stage, "worker", "SIGKILL");
    },
    until: hasNew("worker", 0),
  },
];

function signals(name: PartName, signal: NodeJS.Signals): (stage: Stage) => void {
  return (stage) => signalTo(stage, name, signal);
}
