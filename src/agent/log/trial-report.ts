/** Tells the operator what is on trial and how it went: one line a verdict, and none for what goes on as before. */

import type { TrialEvent } from "../trial/events.js";
import type { Trial } from "../trial/trial.js";
import type { Fields } from "./line.js";
import type { Log } from "./log.js";
import { Said } from "./said.js";

const TRIAL = "trial";
const BEGUN = "begun";
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

  /** To be given to the guard and its store. */
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
        this.#log.error("version fails on purpose, for Horizon to go back to the last one", facts);
        break;
      }
      case "memory lost": {
        const { path, aside, err } = event;
        this.#log.warn("memory of trials is unreadable, and begun anew", { path, aside, err });
        break;
      }
      case "memory not kept": {
        const { path, code: reason, err } = event;
        const detail = `${err.message}; ${CURES[reason] ?? CURE}`;
        const consequence = "an upgrade or restart forgets what has passed its trial";
        this.#log.warn("memory of trials cannot be kept", { path, reason, detail, consequence });
        break;
      }
      case "memory kept again":
        this.#log.info("memory of trials is kept again", { path: event.path });
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
        if (!this.#said.isNews(BEGUN, `${trial.t} ${subject}`)) break;
        const isFirst = trial.t !== "watching" || !trial.selfTested;
        this.#log[isFirst ? "info" : "debug"]("on trial", { subject, kind, step: STEPS[trial.t] });
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
    if (!this.#said.isNews(TRIAL, `confirmed ${subject}`)) return;
    const isNew = by === "trial";
    this.#log[isNew ? "info" : "debug"]("trial passed", { subject, by, version });
  }

  #refused({ case: one, faults, remembered, instead }: Extract<Trial, { t: "refused" }>): void {
    const { subject } = one.candidate;
    const trouble = JSON.stringify([subject, faults, instead?.subject]);
    // Where there is nothing to put in its place, the same is tried again and again.
    if (!this.#said.isNewTrouble(TRIAL, trouble)) return;
    const facts: Fields = {
      subject,
      reason: [...new Set(faults.map(({ code }) => code))].join(", "),
      detail: faults.map(({ detail }) => detail).join("; "),
    };
    if (remembered !== undefined) {
      const { at } = remembered;
      this.#log.warn("failed its trial before, not tried again until it changes", { ...facts, at });
    } else if (instead !== undefined) {
      const back = instead.subject;
      this.#log.error("trial failed, the last good one is put back", { ...facts, back });
    } else {
      // That it was refused is told where it was.
      const level = faults.every(({ code }) => code === "refused") ? "debug" : "error";
      this.#log[level]("trial failed, and there is nothing to put in its place", facts);
    }
  }

  #versionKept({ version, why: detail }: Of<"version kept">): void {
    if (!this.#said.isNewTrouble(VERSION, `${version} ${detail}`)) return;
    this.#log.warn("version has failed its trial, and runs on", { version, detail });
  }
}

const STEPS = {
  checking: "check",
  "self-testing": "self-test picture",
  watching: "cameras",
} as const;
