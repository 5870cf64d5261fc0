import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrialEvent } from "../trial/events.js";
import { NOTHING_SEEN } from "../trial/seen.js";
import type { Case, Trial } from "../trial/trial.js";
import type { Log } from "./log.js";
import { TrialReport } from "./trial-report.js";

const spec = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true },
  outputs: [],
};

function candidate(subject: string) {
  return { subject, desired: { generation: subject, spec }, content: null };
}

const run = {
  startedMs: 0,
  readyByMs: 0,
  upMs: undefined,
  deaths: 0,
  stillborn: 0,
  died: "",
  stumbles: 0,
  failing: new Map(),
};
const seen = NOTHING_SEEN;

function caseOf(subject: string): Case {
  return {
    kind: "change",
    candidate: candidate(subject),
    lastGood: candidate("good"),
    before: undefined,
    troubled: new Set(),
    versionFailed: false,
  };
}

function watching(subject: string): TrialEvent {
  const trial: Trial = { t: "watching", case: caseOf(subject), selfTested: false, run, seen };
  return { t: "trial", trial };
}

function refused(subject: string, more: Partial<Extract<Trial, { t: "refused" }>> = {}) {
  const trial: Trial = {
    t: "refused",
    case: caseOf(subject),
    faults: [{ code: "stalled", detail: "camera front sends nothing" }],
    remembered: undefined,
    instead: candidate("good"),
    againMs: Infinity,
    seen,
    ...more,
  };
  return { t: "trial", trial } as const;
}

function confirmed(subject: string): TrialEvent {
  const [by, version] = ["trial", undefined] as const;
  const of = candidate(subject);
  return {
    t: "trial",
    trial: { t: "confirmed", candidate: of, by, version, figures: undefined, seen },
  };
}

/** Level, message and fields of what is told. */
function lines(...events: TrialEvent[]): [string, string, unknown][] {
  const told: [string, string, unknown][] = [];
  const write = (level: string) => (message: string, fields?: unknown) => {
    told.push([level, message, fields]);
  };
  const log: Log = {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
  };
  const report = new TrialReport(log);
  for (const event of events) report.trace(event);
  return told;
}

function messages(...events: TrialEvent[]): string[] {
  return lines(...events).map(([level, message]) => `${level} ${message}`);
}

describe("TrialReport", () => {
  it("tells what is on trial and that it has passed", () => {
    assert.deepEqual(lines(watching("new"), confirmed("new")), [
      ["info", "on trial", { subject: "new", kind: "change", step: "cameras" }],
      ["info", "trial passed", { subject: "new", by: "trial", version: undefined }],
    ]);
  });

  it("tells why the last good one was put back", () => {
    assert.deepEqual(lines(refused("new")), [
      [
        "error",
        "trial failed, the last good one is put back",
        {
          subject: "new",
          reason: "stalled",
          detail: "camera front sends nothing",
          back: "good",
        },
      ],
    ]);
  });

  it("tells that something is not tried again, and since when", () => {
    const at = "2026-01-01T00:00:00.000Z";
    const remembered = { subject: "new", faults: [], at };
    const [line] = lines(refused("new", { remembered }));
    assert.equal(line?.[1], "failed its trial before, not tried again until it changes");
  });

  it("does not repeat what fails again and again with nothing to put in its place", () => {
    const failed = refused("new", { instead: undefined });
    assert.deepEqual(messages(watching("new"), failed, watching("new"), failed, confirmed("new")), [
      "info on trial",
      "error trial failed, and there is nothing to put in its place",
      "info trial passed",
    ]);
  });

  it("tells of a failed version once that it runs on, and why", () => {
    const kept = { t: "version kept", version: "2.0.0", why: "trials are off" } as const;
    assert.deepEqual(lines(kept, kept), [
      [
        "warn",
        "version has failed its trial, and runs on",
        { version: "2.0.0", detail: "trials are off" },
      ],
    ]);
  });

  it("says what to do where nothing can be remembered", () => {
    const err = new Error("ENOSPC: no space left on device, write");
    const path = "/state/trials.json";
    const [line] = lines({ t: "memory not kept", path, code: "ENOSPC", err });
    assert.equal(line?.[0], "warn");
    assert.match(JSON.stringify(line?.[2]), /free space on the disk of the volume/);
  });
});
