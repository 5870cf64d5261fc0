/** The agent as a process: reads the environment, wires the rooms, runs until it is told to stop. */

import { join } from "node:path";
import { environment } from "../common/environment.js";
import { displayProblem, InputError } from "../common/problem.js";
import { hideLogins, redactor } from "../common/secrets/redact.js";
import { type Config, loadConfig, secretsOf } from "../common/settings/config.js";
import { systemClock } from "../common/time/clock.js";
import { Agent } from "./agent.js";
import { essPlace } from "./hub/ess-address.js";
import { createLogs, type Log } from "./log/log.js";
import { TrialReport } from "./log/trial-report.js";
import { MARKER_PATH } from "./trial/marker.js";
import { failOnPurpose, serviceTrialGate } from "./trial/service-gate.js";
import { TrialStore } from "./trial/store.js";
import { readVersion } from "./version.js";

const EXIT_OK = 0;
const EXIT_UNEXPECTED = 1;
/** EX_CONFIG of sysexits.h: starting again changes nothing. */
const EXIT_CONFIGURATION = 78;

/** Longest time that a clean stop may take. */
const STOP_LIMIT_MS = 900;

/** Returns the exit status. */
export async function start(): Promise<number> {
  let config: Config;
  try {
    config = loadConfig(environment, process.cwd());
  } catch (err) {
    if (!(err instanceof InputError)) throw err;
    refuse(err);
    return EXIT_CONFIGURATION;
  }
  let agent: Agent | undefined;
  const none: readonly string[] = [];
  const redact = redactor(
    secretsOf(config),
    () => agent?.secretWords ?? none,
    () => agent?.passwords ?? none,
  );
  const logs = createLogs({
    level: config.logLevel,
    format: config.logFormat === "auto" ? automaticFormat() : config.logFormat,
    redact,
  });
  const log = logs("agent");
  endOnUnexpected(log);
  const version = readVersion();
  const agreementId = environment["HZN_AGREEMENTID"] || undefined;
  const service = { version, on: config.trial, agreementId };
  const { trace: trialTrace } = new TrialReport(logs("trial"));
  const store = new TrialStore({ directory: config.stateDir, trace: trialTrace });
  const gate = serviceTrialGate({ service, store, marker: MARKER_PATH, nowMs: Date.now() });
  if (gate.t === "exit") {
    log.error("this version is not to run here", { detail: gate.why });
    return gate.code;
  }

  const { signal, stop } = stopSignal(config.lifeline, log);
  agent = new Agent({
    ...{ config, service, store, logs, trialTrace },
    ess: essPlace(environment),
    node: environment["HZN_NODE_ID"] || environment["HZN_DEVICE_ID"] || "node",
    redact,
    shippedModels: join(process.cwd(), "models"),
    clock: systemClock,
    wallClock: Date.now,
    fail: (failure) => {
      const failed = failOnPurpose(MARKER_PATH, failure);
      if (failed === undefined) {
        log.warn("version runs on: it cannot leave a mark in its container", { path: MARKER_PATH });
        return;
      }
      process.exitCode = failed;
      stop("this version fails its trial");
    },
  });
  log.info("agent started", { version, cameras: config.cameras.map(({ id }) => id) });
  await agent.run(signal);
  log.info("agent stopped");
  return Number(process.exitCode ?? EXIT_OK);
}

function automaticFormat(): "json" | "text" {
  return process.stdout.isTTY ? "text" : "json";
}

/** Prints every problem of the configuration, one line each. */
function refuse({ problems }: InputError): void {
  const log = createLogs({ level: "error", format: automaticFormat(), redact: hideLogins })(
    "agent",
  );
  for (const one of problems) log.error("setting refused", { detail: displayProblem(one) });
}

interface Stopping {
  readonly signal: AbortSignal;
  readonly stop: (why: string) => void;
}

/** Aborted by stop(), SIGTERM, SIGINT or, as a lifeline, the end of standard input. */
function stopSignal(lifeline: Config["lifeline"], log: Log): Stopping {
  const controller = new AbortController();
  const stop = (why: string) => {
    if (controller.signal.aborted) return;
    log.info("agent stopping", { why });
    setTimeout(() => process.exit(), STOP_LIMIT_MS).unref();
    controller.abort();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  if (lifeline === "stdin") {
    process.stdin.on("end", () => stop("standard input ended"));
    process.stdin.on("error", () => stop("standard input broke"));
    process.stdin.resume();
  }
  return { signal: controller.signal, stop };
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
