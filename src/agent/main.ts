/** Entry of the agent: reads the environment, wires the rooms, runs until it is told to stop. */

import {
  type Config,
  ConfigError,
  describeFault,
  loadConfig,
  secretsOf,
} from "./desired/config.js";
import { desiredFrom } from "./desired/spec.js";
import { createLogs, type Log } from "./operator/log.js";
import { Report } from "./operator/report.js";
import { systemClock } from "./reconcile/clock.js";
import { DEFAULT_TIMING, Reconciler } from "./reconcile/reconciler.js";
import { hideLogins, redactor } from "./secrets/redact.js";
import { SidecarClient } from "./sidecar/client.js";
import { readVersion } from "./version.js";

const EXIT_OK = 0;
const EXIT_UNEXPECTED = 1;
/** EX_CONFIG of sysexits.h: starting again changes nothing. */
const EXIT_CONFIGURATION = 78;

/** Longest time that a clean stop may take. */
const STOP_LIMIT_MS = 900;

async function main(): Promise<number> {
  let config: Config;
  try {
    config = loadConfig(process.env, process.cwd());
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    refuse(err);
    return EXIT_CONFIGURATION;
  }
  const logs = createLogs({
    level: config.logLevel,
    format: config.logFormat === "auto" ? automaticFormat() : config.logFormat,
    redact: redactor(secretsOf(config)),
  });
  const log = logs("agent");
  endOnUnexpected(log);
  const stop = stopSignal(config.lifeline, log);
  const version = readVersion();
  const desired = desiredFrom(config);
  log.info("agent started", { version, cameras: config.cameras.map(({ id }) => id) });

  const reconciler = new Reconciler({
    desired,
    open: () => new SidecarClient({ socketPath: config.socketPath, agentVersion: version }),
    clock: systemClock,
    timing: DEFAULT_TIMING,
    detections: config.showFrames,
    trace: new Report(logs("report")).trace,
  });
  await reconciler.run(stop);
  log.info("agent stopped");
  return EXIT_OK;
}

function automaticFormat(): "json" | "text" {
  return process.stdout.isTTY ? "text" : "json";
}

/** Prints every fault of the configuration, one line each. */
function refuse({ faults }: ConfigError): void {
  const log = createLogs({ level: "error", format: automaticFormat(), redact: hideLogins })(
    "agent",
  );
  for (const fault of faults) log.error("setting refused", { detail: describeFault(fault) });
}

/** Aborted by SIGTERM, SIGINT or, as a lifeline, the end of standard input. */
function stopSignal(lifeline: Config["lifeline"], log: Log): AbortSignal {
  const controller = new AbortController();
  const stop = (why: string) => {
    if (controller.signal.aborted) return;
    log.info("agent stopping", { why });
    setTimeout(() => process.exit(EXIT_OK), STOP_LIMIT_MS).unref();
    controller.abort();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  if (lifeline === "stdin") {
    process.stdin.on("end", () => stop("standard input ended"));
    process.stdin.on("error", () => stop("standard input broke"));
    process.stdin.resume();
  }
  return controller.signal;
}

/** An error that nobody expected leaves the process in a state that nobody knows. */
function endOnUnexpected(log: Log): void {
  const end = (err: unknown) => {
    log.error("unexpected error", { err });
    process.exit(EXIT_UNEXPECTED);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

process.exit(await main());
