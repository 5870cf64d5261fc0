import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { broken, grown, STRICT } from "./judge.js";
import type { FaultRecord } from "./record.js";

const WELL: FaultRecord = {
  number: 1,
  name: "camera killed",
  hits: [],
  camera: "victim1",
  patienceMs: 1500,
  detectedMs: 1800,
  reasons: ["ended"],
  allowedReasons: ["ended", "unreachable"],
  others: [],
  recoveredMs: 700,
  workerBackMs: undefined,
  witnesses: [{ id: "witness1", sent: 20, lost: 0, pauseMs: 130 }],
  changes: 0,
  drops: [],
  viewersBackMs: undefined,
  replaced: [],
  processes: [],
  strays: [],
  error: undefined,
};

function verdicts(other: Partial<FaultRecord>): string[] {
  return broken({ ...WELL, ...other }, STRICT);
}

describe("a fault", () => {
  it("breaks no promise when everything stays within its bounds", () => {
    assert.deepEqual(verdicts({}), []);
  });

  it("is late only beyond the time that the product waits on purpose", () => {
    assert.deepEqual(verdicts({ detectedMs: 3400 }), []);
    assert.deepEqual(verdicts({ detectedMs: 3600 }), ["noticed after 3.6 s"]);
    assert.deepEqual(verdicts({ recoveredMs: 40_000 }), ["recovered after 40.0 s"]);
    assert.deepEqual(verdicts({ workerBackMs: 5000 }), ["a new worker ran after 5.0 s"]);
  });

  it("must be reported with one of the allowed reasons", () => {
    assert.deepEqual(verdicts({ reasons: ["ended", "frozen"] }), ["wrong reason: frozen"]);
  });

  it("must not affect other cameras, viewers and processes", () => {
    assert.deepEqual(verdicts({ others: ["witness1 timeout"] }), [
      "another camera: witness1 timeout",
    ]);
    assert.deepEqual(verdicts({ drops: ["gone"] }), ["a viewer was disconnected: gone"]);
    assert.deepEqual(verdicts({ replaced: ["worker"] }), ["the worker was replaced"]);
    assert.deepEqual(verdicts({ strays: ["sleep 1"] }), ["a process was left behind: sleep 1"]);
  });

  it("may affect them if it hits the process that they depend on", () => {
    const hits = ["outlet", "worker"] as const;
    const witnesses = [{ id: "witness1", sent: 20, lost: 19, pauseMs: 6000 }];
    const others = ["witness1 timeout"];
    const drops = ["gone"];
    assert.deepEqual(verdicts({ hits, replaced: hits, witnesses, others, drops }), []);
    assert.deepEqual(verdicts({ hits: ["worker"], drops }), ["a viewer was disconnected: gone"]);
  });

  it("must not cost a healthy camera frames; a requested change may cost a second of them", () => {
    const lose = (lost: number) => [{ id: "witness1", sent: 20, lost, pauseMs: 130 }];
    assert.deepEqual(verdicts({ witnesses: lose(1) }), ["1 of 20 frames of witness1 were lost"]);
    assert.deepEqual(verdicts({ witnesses: lose(8), changes: 1 }), []);
    assert.equal(verdicts({ witnesses: lose(9), changes: 1 }).length, 1);
    assert.deepEqual(
      verdicts({ witnesses: [{ id: "witness1", sent: 20, lost: 0, pauseMs: 1200 }] }),
      ["witness1 stood still for 1.2 s"],
    );
  });

  it("is a broken promise if it could not be carried out", () => {
    assert.deepEqual(verdicts({ error: "not within 90 s" }), ["not within 90 s"]);
  });
});

describe("descriptors", () => {
  it("may not grow in one process; a new process starts from its own count", () => {
    const open = (pid: number, descriptors: number) => ({
      ...WELL,
      processes: [{ part: "keeper" as const, pid, descriptors }],
    });
    assert.deepEqual(grown([open(1, 20), open(1, 25), open(2, 90)], STRICT), []);
    assert.deepEqual(grown([open(1, 20), open(2, 9), open(1, 31)], STRICT), [
      "the keeper had 20 descriptors open, and 31 at the end",
    ]);
  });
});
