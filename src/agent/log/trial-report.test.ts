import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Candidate, Comparison } from "../trial/candidate.js";
import { NOTHING_OBSERVED } from "../trial/observation.js";
import type { TrialEvent } from "../trial/runner.js";
import type { Trial } from "../trial/trial.js";
import type { Log } from "./log.js";
import { TrialReport } from "./trial-report.js";

const spec = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
  outputs: [],
};

function candidate(revision: string): Candidate {
  return { revision, desired: { generation: revision, spec }, content: null };
}

const progress = {
  startedMs: 0,
  deadlineMs: 0,
  runningSinceMs: undefined,
  deaths: 0,
  startupDeaths: 0,
  lastDeath: "",
  connectionFailures: 0,
  failingSince: new Map(),
};
const observation = NOTHING_OBSERVED;

function comparisonOf(revision: string): Comparison {
  return {
    kind: "change",
    candidate: candidate(revision),
    lastGood: candidate("good"),
    baseline: undefined,
    failingBefore: new Set(),
    versionFailed: false,
  };
}

function watching(revision: string): TrialEvent {
  const comparison = comparisonOf(revision);
  const trial: Trial = { t: "watching", comparison, selfTested: false, progress, observation };
  return { t: "trial", trial };
}

function failed(revision: string, more: Partial<Extract<Trial, { t: "failed" }>> = {}) {
  const trial: Trial = {
    t: "failed",
    comparison: comparisonOf(revision),
    faults: [{ code: "stalled", detail: "camera front sends nothing" }],
    failedBefore: undefined,
    fallback: candidate("good"),
    retryAtMs: Infinity,
    observation,
    ...more,
  };
  return { t: "trial", trial } as const;
}

function passed(revision: string): TrialEvent {
  const own = { candidate: candidate(revision), version: undefined, figures: undefined };
  return { t: "trial", trial: { t: "passed", by: "trial", ...own, observation } };
}

/** Level, message and fields of each logged line. */
function lines(...events: TrialEvent[]): [string, string, unknown][] {
  const logged: [string, string, unknown][] = [];
  const write = (level: string) => (message: string, fields?: unknown) => {
    logged.push([level, message, fields]);
  };
  const log: Log = {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
  };
  const report = new TrialReport(log);
  for (const event of events) report.onEvent(event);
  return logged;
}

function messages(...events: TrialEvent[]): string[] {
  return lines(...events).map(([level, message]) => `${level} ${message}`);
}

describe("TrialReport", () => {
  it("logs what is on trial and that it has passed", () => {
    assert.deepEqual(lines(watching("new"), passed("new")), [
      ["info", "trial stage started", { revision: "new", kind: "change", stage: "watching" }],
      ["info", "trial passed", { revision: "new", by: "trial", version: undefined }],
    ]);
  });

  it("logs why a candidate was rolled back", () => {
    assert.deepEqual(lines(failed("new")), [
      [
        "error",
        "trial failed, rolling back",
        {
          revision: "new",
          reason: "stalled",
          detail: "camera front sends nothing",
          lastGood: "good",
        },
      ],
    ]);
  });

  it("logs that a candidate is skipped, and when it failed", () => {
    const at = "2026-01-01T00:00:00.000Z";
    const failedBefore = { revision: "new", faults: [], at };
    const [line] = lines(failed("new", { failedBefore }));
    assert.equal(line?.[1], "candidate failed its trial before, skipping it until it changes");
  });

  it("does not repeat a failure when there is nothing to roll back to", () => {
    const again = failed("new", { fallback: undefined });
    assert.deepEqual(messages(watching("new"), again, watching("new"), again, passed("new")), [
      "info trial stage started",
      "error trial failed, nothing to roll back to",
      "info trial passed",
    ]);
  });

  it("logs once that a failed version keeps running, and why", () => {
    const kept = { t: "version kept", version: "2.0.0", why: "trials are off" } as const;
    assert.deepEqual(lines(kept, kept), [
      [
        "warn",
        "version failed its trial but keeps running",
        { version: "2.0.0", detail: "trials are off" },
      ],
    ]);
  });

  it("logs what to do if the trial record cannot be saved", () => {
    const err = new Error("ENOSPC: no space left on device, write");
    const path = "/state/trials.json";
    const [line] = lines({ t: "record not saved", path, code: "ENOSPC", err });
    assert.equal(line?.[0], "warn");
    assert.match(JSON.stringify(line?.[2]), /free space on the disk of the volume/);
  });

  it("warns that nothing rolls back if the last good settings cannot be read", () => {
    const [line] = lines({ t: "settings unreadable", path: "/state/trials.json" });
    assert.equal(line?.[0], "warn");
    assert.match(JSON.stringify(line?.[2]), /trials\.key.*nothing rolls back/);
  });
});
