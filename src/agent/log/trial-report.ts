/** Logs trials and their verdicts. One line per change. */

import type { TrialEvent } from "../trial/events.js";
import type { Trial } from "../trial/trial.js";
import { LastLogged } from "./last-logged.js";
import type { Fields, Log } from "./log.js";

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

type EventOf<T extends TrialEvent["t"]> = Extract<TrialEvent, { t: T }>;

export class TrialReport {
  readonly #log: Log;
  readonly #last = new LastLogged();

  constructor(log: Log) {
    this.#log = log;
  }

  /** For the guard and its store. */
  readonly trace = (event: TrialEvent): void => {
    switch (event.t) {
      case "trial":
        this.#trial(event.trial);
        break;
      case "version kept":
        this.#versionKept(event);
        break;
      case "version fails": {
        const { version, at, agreements } = event.failure;
        const facts = { version, at, agreements: agreements.length };
        this.#log.error("version failed its trial, exiting so that Horizon rolls back", facts);
        break;
      }
      case "memory lost": {
        const { path, aside, err } = event;
        this.#log.warn("trial record unreadable, starting with an empty one", { path, aside, err });
        break;
      }
      case "memory not kept": {
        const { path, code: reason, err } = event;
        const detail = `${err.message}; ${REMEDIES[reason] ?? REMEDY}`;
        const consequence = "after an upgrade or restart it is not known what has passed its trial";
        this.#log.warn("cannot save trial record", { path, reason, detail, consequence });
        break;
      }
      case "memory kept again":
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
        const { kind, candidate } = trial.case;
        const { subject } = candidate;
        if (!this.#last.set(STARTED, `${trial.t} ${subject}`)) break;
        const isFirst = trial.t !== "watching" || !trial.selfTested;
        this.#log[isFirst ? "info" : "debug"]("trial started", {
          subject,
          kind,
          step: STEPS[trial.t],
        });
        break;
      }
      case "confirmed":
        this.#confirmed(trial);
        break;
      case "refused":
        this.#refused(trial);
        break;
      default:
        trial satisfies never;
    }
  }

  #confirmed({ candidate, by, version }: Extract<Trial, { t: "confirmed" }>): void {
    const { subject } = candidate;
    if (!this.#last.set(TRIAL, `confirmed ${subject}`)) return;
    const isNew = by === "trial";
    this.#log[isNew ? "info" : "debug"]("trial passed", { subject, by, version });
  }

  #refused({ case: one, faults, remembered, instead }: Extract<Trial, { t: "refused" }>): void {
    const { subject } = one.candidate;
    const failure = JSON.stringify([subject, faults, instead?.subject]);
    // Without anything to roll back to, the same candidate is tried again and again.
    if (!this.#last.setFailure(TRIAL, failure)) return;
    const facts: Fields = {
      subject,
      reason: [...new Set(faults.map(({ code }) => code))].join(", "),
      detail: faults.map(({ detail }) => detail).join("; "),
    };
    if (remembered !== undefined) {
      const { at } = remembered;
      this.#log.warn("candidate failed its trial before, skipping it until it changes", {
        ...facts,
        at,
      });
    } else if (instead !== undefined) {
      const to = instead.subject;
      this.#log.error("trial failed, rolling back", { ...facts, to });
    } else {
      // A refusal is logged where it happened.
      const level = faults.every(({ code }) => code === "refused") ? "debug" : "error";
      this.#log[level]("trial failed, nothing to roll back to", facts);
    }
  }

  #versionKept({ version, why: detail }: EventOf<"version kept">): void {
    if (!this.#last.setFailure(VERSION, `${version} ${detail}`)) return;
    this.#log.warn("version failed its trial but keeps running", { version, detail });
  }
}

const STEPS = {
  checking: "check",
  "self-testing": "self-test stream",
  watching: "cameras",
} as const;
