/** Logs trials and their verdicts. One line per change. */

import type { TrialEvent } from "../trial/events.js";
import type { Trial } from "../trial/trial.js";
import { LastLogged } from "./last-logged.js";
import { type Log, type LogLine, write } from "./log.js";

const TRIAL = "trial";
const STARTED = "started";
const VERSION = "version";

/** What to do about a volume that cannot be written, by the system's name of the error. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "free space on the disk of the volume",
  EDQUOT: "free space on the disk of the volume",
  EROFS: "mount the volume read-write",
  EACCES: "give the agent's user write access to the volume",
  EPERM: "give the agent's user write access to the volume",
};
const REMEDY = "give the agent a volume that it can write";

export class TrialReport {
  readonly #log: Log;
  readonly #last = new LastLogged();

  constructor(log: Log) {
    this.#log = log;
  }

  /** For the guard and its store. */
  readonly trace = (event: TrialEvent): void => {
    const line = this.#lineOf(event);
    if (line !== undefined) write(this.#log, line);
  };

  #lineOf(event: TrialEvent): LogLine | undefined {
    switch (event.t) {
      case "trial":
        return this.#trial(event.trial);
      case "version kept": {
        const { version, why: detail } = event;
        if (!this.#last.setFailure(VERSION, `${version} ${detail}`)) return undefined;
        return ["warn", "version failed its trial but keeps running", { version, detail }];
      }
      case "version fails": {
        const { version, at, agreements } = event.failure;
        const facts = { version, at, agreements: agreements.length };
        return ["error", "version failed its trial, exiting so that Horizon rolls back", facts];
      }
      case "memory lost": {
        const { path, aside, err } = event;
        return [
          "warn",
          "trial record unreadable, starting with an empty one",
          { path, aside, err },
        ];
      }
      case "memory not kept": {
        const { path, code: reason, err } = event;
        const detail = `${err.message}; ${REMEDIES[reason] ?? REMEDY}`;
        const consequence = "after an upgrade or restart it is not known what has passed its trial";
        return ["warn", "cannot save trial record", { path, reason, detail, consequence }];
      }
      case "memory kept again":
        return ["info", "trial record saved again", { path: event.path }];
      default:
        return event satisfies never;
    }
  }

  #trial(trial: Trial): LogLine | undefined {
    switch (trial.t) {
      case "none":
        return undefined;
      case "checking":
      case "self-testing":
      case "watching": {
        const { kind, candidate } = trial.case;
        const { subject } = candidate;
        if (!this.#last.set(STARTED, `${trial.t} ${subject}`)) return undefined;
        const isFirst = trial.t !== "watching" || !trial.selfTested;
        const step = STEPS[trial.t];
        return [isFirst ? "info" : "debug", "trial started", { subject, kind, step }];
      }
      case "confirmed": {
        const { candidate, by, version } = trial;
        const { subject } = candidate;
        if (!this.#last.set(TRIAL, `confirmed ${subject}`)) return undefined;
        return [by === "trial" ? "info" : "debug", "trial passed", { subject, by, version }];
      }
      case "refused":
        return this.#refused(trial);
      default:
        return trial satisfies never;
    }
  }

  #refused(trial: Extract<Trial, { t: "refused" }>): LogLine | undefined {
    const { faults, remembered, instead } = trial;
    const { subject } = trial.case.candidate;
    const failure = JSON.stringify([subject, faults, instead?.subject]);
    // Without anything to roll back to, the same candidate is tried again and again.
    if (!this.#last.setFailure(TRIAL, failure)) return undefined;
    const reason = [...new Set(faults.map(({ code }) => code))].join(", ");
    const detail = faults.map(({ detail }) => detail).join("; ");
    const facts = { subject, reason, detail };
    if (remembered !== undefined) {
      const { at } = remembered;
      const message = "candidate failed its trial before, skipping it until it changes";
      return ["warn", message, { ...facts, at }];
    }
    if (instead !== undefined) {
      return ["error", "trial failed, rolling back", { ...facts, to: instead.subject }];
    }
    // A refusal is logged where it happened.
    const level = faults.every(({ code }) => code === "refused") ? "debug" : "error";
    return [level, "trial failed, nothing to roll back to", facts];
  }
}

const STEPS = {
  checking: "check",
  "self-testing": "self-test stream",
  watching: "cameras",
} as const;
