import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import type { StoreEvent } from "./events.js";
import { leaveMarker, readMarker } from "./marker.js";
import { failed, failedOnPurpose, type Memory, NEW_MEMORY, passed, tried } from "./memory.js";
import { readMemory, writeMemory } from "./memory-file.js";
import { failOnPurpose, serviceTrialGate } from "./service-gate.js";
import { EXIT_VERSION_FAILED } from "./service-version.js";
import { TrialStore } from "./store.js";

const spec = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true },
  outputs: [],
};
const candidate = {
  subject: "settings 12ab, model nanodet-coco@1.0.0, 2.0.0",
  desired: { generation: "g", spec },
  content: { text: '{"cameras":[]}', model: null },
};
const camera = { liveMs: 1, receivedPerSecond: 15, framesPerSecond: 14.9, objectsPerMinute: 0 };
const figures = { cameras: { front: camera }, inferenceMs: undefined };
const faults = [{ code: "frame rate", detail: "half" }] as const;
const at = "2026-01-01T00:00:00.000Z";

function full(): Memory {
  const good = passed(NEW_MEMORY, candidate, figures, "2.0.0", 0);
  const bad = failed(good, { subject: "bad", faults, refused: true }, 1000);
  const failure = { version: "3.0.0", at, agreements: ["a"], faults };
  return tried(failedOnPurpose(bad, failure), "next");
}

describe("TrialStore", () => {
  let directory: string;
  let told: StoreEvent[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    told = [];
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function open(path = directory): TrialStore {
    return new TrialStore({ directory: path, trace: (event) => told.push(event) });
  }

  it("begins with nothing in an empty volume, and makes its directory", () => {
    const store = open(join(directory, "agent", "state"));
    assert.deepEqual(store.memory, NEW_MEMORY);
    assert.ok(store.keep(full()));
    assert.deepEqual(open(join(directory, "agent", "state")).memory, full());
    assert.deepEqual(told, []);
  });

  it("keeps the file to its owner", () => {
    assert.ok(open().keep(full()));
    assert.equal(statSync(join(directory, "trials.json")).mode & 0o777, 0o600);
  });

  it("is not confused by what an end in the middle of writing has left", () => {
    const store = open();
    assert.ok(store.keep(full()));
    writeFileSync(join(directory, "trials.json.new"), '{"confirmed":["cut sh');
    assert.deepEqual(open().memory, full());
    assert.ok(open().keep(NEW_MEMORY));
    assert.deepEqual(open().memory, NEW_MEMORY);
  });

  for (const text of ["", "{", "null", "[]", '{"confirmed":"2.0.0"}', "\0\0\0\0"]) {
    it(`puts aside what is no memory, and begins anew: ${JSON.stringify(text)}`, () => {
      writeFileSync(join(directory, "trials.json"), text);
      const store = open();
      assert.deepEqual(store.memory, NEW_MEMORY);
      assert.deepEqual(
        told.map(({ t }) => t),
        ["memory lost"],
      );
      assert.equal(readFileSync(join(directory, "trials.json.unreadable"), "utf8"), text);
      assert.ok(store.keep(full()));
      assert.deepEqual(open().memory, full());
    });
  }

  it("says nothing of what it cannot read: documents may hold passwords", () => {
    writeFileSync(join(directory, "trials.json"), "rtsp://u:hunter2@cam");
    open();
    const [lost] = told;
    assert.ok(lost?.t === "memory lost");
    assert.doesNotMatch(inspect(lost.err), /u:h|hunter2/);
  });

  it("understands what a newer version has written beyond this one", () => {
    const newer = JSON.parse(writeMemory(full()));
    newer.rings = { passed: 3 };
    newer.refused[0].faults[0].code = "too warm";
    newer.lastGood.figures.watts = 12;
    const read = readMemory(JSON.stringify(newer));
    assert.deepEqual(read.lastGood, full().lastGood);
    assert.deepEqual(read.refused[0]?.faults, [{ code: "unknown", detail: "half" }]);
  });

  /** Directories in which nothing can be written, whoever we are. */
  const hostile: readonly [string, () => string, string][] = [
    [
      "is a file",
      () => {
        writeFileSync(join(directory, "file"), "");
        return join(directory, "file");
      },
      "EEXIST",
    ],
    ["can hold no files", () => "/proc", "ENOENT"],
    [
      "is full",
      () => {
        symlinkSync("/dev/full", join(directory, "trials.json.new"));
        return directory;
      },
      "ENOSPC",
    ],
  ];
  for (const [name, prepare, code] of hostile) {
    it(`remembers until it ends, and says once why not for longer, where the directory ${name}`, () => {
      const store = open(prepare());
      assert.equal(store.keep(full()), false);
      assert.equal(store.keep({ ...full(), trying: undefined }), false);
      assert.deepEqual(store.memory, { ...full(), trying: undefined });
      assert.deepEqual(
        told.map((one) => ("code" in one ? one.code : one.t)),
        [code],
      );
    });
  }

  it("says that it keeps things again", () => {
    symlinkSync("/dev/full", join(directory, "trials.json.new"));
    const store = open();
    store.keep(full());
    unlinkSync(join(directory, "trials.json.new"));
    assert.ok(store.keep(full()));
    assert.deepEqual(
      told.map(({ t }) => t),
      ["memory not kept", "memory kept again"],
    );
    assert.deepEqual(open().memory, full());
  });

  it("keeps the old file when the disk is full", () => {
    assert.ok(open().keep(full()));
    symlinkSync("/dev/full", join(directory, "trials.json.new"));
    assert.equal(open().keep(NEW_MEMORY), false);
    assert.deepEqual(open().memory, full());
  });
});

describe("serviceTrialGate", () => {
  const nowMs = Date.parse(at) + 60_000;
  const service = { version: "3.0.0", on: true, agreementId: "a" };
  let directory: string;
  let marker: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    marker = join(directory, "container", "failed-version");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function gate(agreementId: string | undefined = "a", volume = "volume") {
    const store = new TrialStore({ directory: join(directory, volume), trace: () => {} });
    return serviceTrialGate({ service: { ...service, agreementId }, store, marker, nowMs });
  }

  it("lets a version pass that has not failed", () => {
    assert.deepEqual(gate(), { t: "go" });
    assert.equal(existsSync(marker), false);
  });

  it("ends a failed version at every start, in as many agreements as Horizon counts", () => {
    const store = new TrialStore({ directory: join(directory, "volume"), trace: () => {} });
    const failure = { version: "3.0.0", at, agreements: ["a"], faults };
    assert.ok(store.keep(full()));
    assert.equal(failOnPurpose(marker, failure), EXIT_VERSION_FAILED);
    for (let start = 0; start < 3; start++) {
      const first = gate();
      assert.equal(first.t === "exit" && first.code, EXIT_VERSION_FAILED);
      assert.match(first.t === "exit" ? first.why : "", /3\.0\.0.*: half$/);
    }
    rmSync(marker);
    assert.equal(gate("b").t, "exit", "the second agreement has a new container");
    assert.equal(readMarker(marker)?.version, "3.0.0");
    assert.equal(gate("b").t, "exit");
    rmSync(marker);
    assert.equal(gate("c").t, "go", "nobody has another version");
  });

  it("lets it pass where the next failure cannot be remembered", () => {
    const store = new TrialStore({ directory: join(directory, "volume"), trace: () => {} });
    assert.ok(store.keep(full()));
    symlinkSync("/dev/full", join(directory, "volume", "trials.json.new"));
    assert.equal(gate("b").t, "go");
    assert.equal(existsSync(marker), false);
  });

  it("takes a marker that was cut short for none", () => {
    assert.ok(leaveMarker(marker, { version: "3.0.0", at }));
    writeFileSync(marker, '{"version":"3.');
    assert.equal(gate().t, "go");
  });

  it("does not end where no marker can be left", () => {
    writeFileSync(join(directory, "container"), "");
    assert.equal(
      failOnPurpose(marker, { version: "3.0.0", at, agreements: ["a"], faults }),
      undefined,
    );
  });
});
