/** Tells the operator what is on trial and how it went: one line a verdict, and none for what goes on as before. */

import type { TrialEvent } from "../trial/runner.js";
import type { Trial } from "../trial/trial.js";
import type { Fields } from "./line.js";
import type { Log } from "./log.js";
import { Said } from "./said.js";

const TRIAL = "trial";
const STAGE = "stage";
const VERSION = "version";

/** What to do about a volume that takes nothing, by the system's name of the error. */
const CURES: Readonly<Record<string, string>> = {
  ENOSPC: "free space on the disk of the volume",
  EDQUOT: "free space on the disk of the volume",
  EROFS: "mount the volume so that it can be written",
  EACCES: "let the agent's user write the volume",
  EPERM: "let the agent's user write the volume",
};
const CURE = "give the agent a volume that it can write";

type Of<T extends TrialEvent["t"]> = Extract<TrialEvent, { t: T }>;

export class TrialReport {
  readonly #log: Log;
  readonly #said = new Said();

  constructor(log: Log) {
    this.#log = log;
  }

  /** To be given to the trial runner and its store. */
  readonly trace = (event: TrialEvent): void => {
    switch (event.t) {
      case "trial":
        this.#trial(event.trial);
        break;
      case "version kept":
        this.#versionKept(event);
        break;
      case "version failed": {
        const { version, at, agreements } = event.failure;
        const facts = { version, at, agreements: agreements.length };
        this.#log.error("version failed its trial, exiting so that Horizon rolls back", facts);
        break;
      }
      case "record unreadable": {
        const { path, aside, err } = event;
        this.#log.warn("trial record unreadable, starting with an empty one", { path, aside, err });
        break;
      }
      case "record not saved": {
        const { path, code: reason, err } = event;
        const detail = `${err.message}; ${CURES[reason] ?? CURE}`;
        const consequence = "a restart or upgrade forgets what has passed its trial";
        this.#log.warn("cannot save trial record", { path, reason, detail, consequence });
        break;
      }
      case "record saved again":
        this.#log.info("trial record saved again", { path: event.path });
        break;
      default:
        event satisfies never;
    }
  };

  #trial(trial: Trial): void {
    switch (trial.t) {
      case "none":
        break;
      case "checking":
      case "self-testing":
      case "watching": {
        const { t: stage, comparison } = trial;
        const { kind, candidate } = comparison;
        const { revision } = candidate;
        if (!this.#said.isNews(STAGE, `${stage} ${revision}`)) break;
        const isFirst = stage !== "watching" || !trial.selfTested;
        this.#log[isFirst ? "info" : "debug"]("trial stage started", { revision, kind, stage });
        break;
      }
      case "passed":
        this.#passed(trial);
        break;
      case "failed":
        this.#failed(trial);
        break;
      default:
        trial satisfies never;
    }
  }

  #passed({ candidate, by, version }: Extract<Trial, { t: "passed" }>): void {
    const { revision } = candidate;
    if (!this.#said.isNews(TRIAL, `passed ${revision}`)) return;
    const isNew = by === "trial";
    this.#log[isNew ? "info" : "debug"]("trial passed", { revision, by, version });
  }

  #failed(trial: Extract<Trial, { t: "failed" }>): void {
    const { comparison, faults, failedBefore, fallback } = trial;
    const { revision } = comparison.candidate;
    const trouble = JSON.stringify([revision, faults, fallback?.revision]);
    // Where there is nothing to roll back to, the same candidate is tried again and again.
    if (!this.#said.isNewTrouble(TRIAL, trouble)) return;
    const facts: Fields = {
      revision,
      reason: [...new Set(faults.map(({ code }) => code))].join(", "),
      detail: faults.map(({ detail }) => detail).join("; "),
    };
    if (failedBefore !== undefined) {
      const { at } = failedBefore;
      this.#log.warn("candidate failed its trial before, skipping it until it changes", {
        ...facts,
        at,
      });
    } else if (fallback !== undefined) {
      const lastGood = fallback.revision;
      this.#log.error("trial failed, rolling back", { ...facts, lastGood });
    } else {
      // The refusal itself is in the log already.
      const level = faults.every(({ code }) => code === "refused") ? "debug" : "error";
      this.#log[level]("trial failed, nothing to roll back to", facts);
    }
  }

  #versionKept({ version, why: detail }: Of<"version kept">): void {
    if (!this.#said.isNewTrouble(VERSION, `${version} ${detail}`)) return;
    this.#log.warn("version failed its trial but keeps running", { version, detail });
  }
}
