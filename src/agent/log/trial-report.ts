/** Logs trials and their verdicts. One line per change. */

import type { TrialEvent } from "../trial/runner.js";
import type { Trial } from "../trial/trial.js";
import { LastLogged } from "./last-logged.js";
import { type Log, type LogLine, write } from "./log.js";

const TRIAL = "trial";
const STAGE = "stage";
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

  /** For the trial runner and its store. */
  readonly onEvent = (event: TrialEvent): void => {
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
      case "version failed": {
        const { version, at, agreements } = event.failure;
        const facts = { version, at, agreements: agreements.length };
        return ["error", "version failed its trial, exiting so that Horizon rolls back", facts];
      }
      case "record unreadable": {
        const { path, aside, err } = event;
        return [
          "warn",
          "trial record unreadable, starting with an empty one",
          { path, aside, err },
        ];
      }
      case "record not saved": {
        const { path, code: reason, err } = event;
        const detail = `${err.message}; ${REMEDIES[reason] ?? REMEDY}`;
        const consequence = "a restart or upgrade forgets what has passed its trial";
        return ["warn", "cannot save trial record", { path, reason, detail, consequence }];
      }
      case "record saved again":
        return ["info", "trial record saved again", { path: event.path }];
      case "settings unreadable": {
        const detail = "trials.key beside it is not the one they were sealed with";
        const consequence = "nothing rolls back until settings pass their trial again";
        const { path } = event;
        return ["warn", "cannot read last good settings", { path, detail, consequence }];
      }
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
        const { t: stage, comparison } = trial;
        const { kind, candidate } = comparison;
        const { revision } = candidate;
        if (!this.#last.set(STAGE, `${stage} ${revision}`)) return undefined;
        const isFirst = stage !== "watching" || !trial.selfTested;
        return [isFirst ? "info" : "debug", "trial stage started", { revision, kind, stage }];
      }
      case "passed": {
        const { candidate, by, version } = trial;
        const { revision } = candidate;
        if (!this.#last.set(TRIAL, `passed ${revision}`)) return undefined;
        return [by === "trial" ? "info" : "debug", "trial passed", { revision, by, version }];
      }
      case "failed":
        return this.#failed(trial);
      default:
        return trial satisfies never;
    }
  }

  #failed(trial: Extract<Trial, { t: "failed" }>): LogLine | undefined {
    const { comparison, faults, failedBefore, fallback } = trial;
    const { revision } = comparison.candidate;
    const failure = JSON.stringify([revision, faults, fallback?.revision]);
    // Without anything to roll back to, the same candidate is tried again and again.
    if (!this.#last.setFailure(TRIAL, failure)) return undefined;
    const reason = [...new Set(faults.map(({ code }) => code))].join(", ");
    const detail = faults.map(({ detail }) => detail).join("; ");
    const facts = { revision, reason, detail };
    if (failedBefore !== undefined) {
      const { at } = failedBefore;
      const message = "candidate failed its trial before, skipping it until it changes";
      return ["warn", message, { ...facts, at }];
    }
    if (fallback !== undefined) {
      return ["error", "trial failed, rolling back", { ...facts, lastGood: fallback.revision }];
    }
    // The refusal itself is in the log already.
    const level = faults.every(({ code }) => code === "refused") ? "debug" : "error";
    return [level, "trial failed, nothing to roll back to", facts];
  }
}
