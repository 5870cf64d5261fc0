/** The agent as a process: reads the environment, starts the agent, and runs until it is told to stop. */

import { join } from "node:path";
import { environment } from "../common/environment.js";
import { displayProblem, InputError } from "../common/problem.js";
import { hideLogins, redactor } from "../common/secrets/redact.js";
import { type Config, loadConfig, secretsOf } from "../common/settings/config.js";
import { systemClock } from "../common/time/clock.js";
import { readVersion } from "../common/version.js";
import { Agent } from "./agent.js";
import { locateEss } from "./hub/ess.js";
import { createLogs, type Log } from "./log/log.js";
import { TrialReport } from "./log/trial-report.js";
import { exitAtStart } from "./trial/service-version.js";
import { TrialStore } from "./trial/store.js";
import { MARKER_PATH, writeMarker } from "./trial/version-marker.js";

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
    () => agent?.secretTexts ?? none,
    () => agent?.passwords ?? none,
  );
  const logs = createLogs({
    level: config.logLevel,
    format: config.logFormat === "auto" ? automaticFormat() : config.logFormat,
    redact,
  });
  const log = logs("agent");
  outliveReaders();
  endOnUnexpected(log);
  const version = readVersion();
  const agreementId = environment["HZN_AGREEMENTID"] || undefined;
  const service = { version, on: config.trial, agreementId };
  const { onEvent: onTrialEvent } = new TrialReport(logs("trial"));
  const trialStore = new TrialStore({ directory: config.stateDir, onEvent: onTrialEvent });
  const exit = exitAtStart(service, trialStore, MARKER_PATH, Date.now());
  if (exit !== undefined) {
    log.error("this version has failed its trial here, exiting", { detail: exit.why });
    return exit.code;
  }

  const { signal, stop } = stopSignal(config.lifeline, log);
  agent = new Agent({
    ...{ config, service, trialStore, logs, onTrialEvent },
    ess: locateEss(environment),
    node: environment["HZN_NODE_ID"] || environment["HZN_DEVICE_ID"] || "node",
    redact,
    shippedModels: join(process.cwd(), "models"),
    clock: systemClock,
    wallClock: Date.now,
    failVersion: (failure) => {
      const code = writeMarker(MARKER_PATH, failure);
      if (code === undefined) {
        log.warn("cannot write the failure marker, keeps running", { path: MARKER_PATH });
        return;
      }
      process.exitCode = code;
      stop("this version has failed its trial");
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
  const logs = createLogs({ level: "error", format: automaticFormat(), redact: hideLogins });
  const log = logs("agent");
  for (const one of problems) log.error("setting refused", { detail: displayProblem(one) });
}

/** Aborted by stop(), SIGTERM, SIGINT or, as a lifeline, the end of standard input. */
function stopSignal(lifeline: Config["lifeline"], log: Log) {
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

/** The cameras matter more than whoever read the log: when that reader is gone, lines are lost, and nothing else is. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** After an unexpected error the process may be in any state. */
function endOnUnexpected(log: Log): void {
  const end = (err: unknown) => {
    log.error("unexpected error", { err });
    process.exit(EXIT_UNEXPECTED);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}
