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
import {
  formatRecord,
  NEW_RECORD,
  parseRecord,
  recordFailure,
  recordPass,
  recordStart,
  recordVersionFailure,
  type TrialRecord,
} from "./record.js";
import { exitAtStart } from "./service-version.js";
import { type StoreEvent, TrialStore } from "./store.js";
import { EXIT_VERSION_FAILED, readMarker, writeMarker } from "./version-marker.js";

const spec = {
  cameras: [],
  model: { bundlePath: "/m", interval: undefined, threshold: undefined, classes: [] },
  tracker: undefined,
  overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
  outputs: [],
};
const candidate = {
  revision: "settings 12ab, model nanodet-coco@1.0.0, 2.0.0",
  desired: { generation: "g", spec },
  content: { text: '{"cameras":[]}', model: null },
};
const camera = { liveMs: 1, receivedPerSecond: 15, framesPerSecond: 14.9, objectsPerMinute: 0 };
const figures = { cameras: { front: camera }, inferenceMs: undefined };
const faults = [{ code: "frame rate", detail: "half" }] as const;
const at = "2026-01-01T00:00:00.000Z";

function full(): TrialRecord {
  const good = recordPass(NEW_RECORD, candidate, figures, "2.0.0", 0);
  const bad = recordFailure(good, { revision: "bad", faults, rolledBack: true }, 1000);
  const failure = { version: "3.0.0", at, agreements: ["a"], faults };
  return recordStart(recordVersionFailure(bad, failure), "next");
}

describe("TrialStore", () => {
  let directory: string;
  let events: StoreEvent[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    events = [];
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function open(path = directory): TrialStore {
    return new TrialStore({ directory: path, onEvent: (event) => events.push(event) });
  }

  it("starts with an empty record in an empty volume, and creates its directory", () => {
    const store = open(join(directory, "agent", "state"));
    assert.deepEqual(store.record, NEW_RECORD);
    assert.ok(store.save(full()));
    assert.deepEqual(open(join(directory, "agent", "state")).record, full());
    assert.deepEqual(events, []);
  });

  it("makes the file readable by its owner alone", () => {
    assert.ok(open().save(full()));
    assert.equal(statSync(join(directory, "trials.json")).mode & 0o777, 0o600);
  });

  it("holds no text of the settings in clear, and gives them back after a restart", () => {
    const text = '{"cameras":[{"uri":"rtsp://admin:hunter2@10.0.0.9/live"}]}';
    const content = { file: text, hub: null, model: "/m" };
    const record = recordPass(NEW_RECORD, { ...candidate, content }, figures, "2.0.0", 0);
    assert.ok(open().save(record));
    const written = readFileSync(join(directory, "trials.json"), "utf8");
    assert.doesNotMatch(written, /hunter2|10\.0\.0\.9/);
    assert.deepEqual(open().record, record);
    assert.equal(statSync(join(directory, "trials.key")).mode & 0o777, 0o600);
    assert.deepEqual(events, []);
  });

  it("forgets the last good settings, and nothing else, when their key is lost or another one", () => {
    for (const key of [undefined, "", `${"0".repeat(64)}\n`]) {
      assert.ok(open().save(full()));
      events.length = 0;
      if (key === undefined) unlinkSync(join(directory, "trials.key"));
      else writeFileSync(join(directory, "trials.key"), key);
      const store = open();
      assert.deepEqual(store.record, { ...full(), lastGood: undefined });
      assert.deepEqual(
        events.map(({ t }) => t),
        ["settings unreadable"],
      );
      assert.ok(store.save(full()));
      assert.deepEqual(open().record, full());
    }
  });

  it("ignores what an end in the middle of writing has left", () => {
    const store = open();
    assert.ok(store.save(full()));
    writeFileSync(join(directory, "trials.json.new"), '{"passedVersions":["cut sh');
    assert.deepEqual(open().record, full());
    assert.ok(open().save(NEW_RECORD));
    assert.deepEqual(open().record, NEW_RECORD);
  });

  for (const text of ["", "{", "null", "[]", '{"passedVersions":"2.0.0"}', "\0\0\0\0"]) {
    it(`puts aside what is no trial record, and starts a new one: ${JSON.stringify(text)}`, () => {
      writeFileSync(join(directory, "trials.json"), text);
      const store = open();
      assert.deepEqual(store.record, NEW_RECORD);
      assert.deepEqual(
        events.map(({ t }) => t),
        ["record unreadable"],
      );
      assert.equal(readFileSync(join(directory, "trials.json.unreadable"), "utf8"), text);
      assert.ok(store.save(full()));
      assert.deepEqual(open().record, full());
    });
  }

  it("quotes nothing of what it cannot read: documents may hold passwords", () => {
    writeFileSync(join(directory, "trials.json"), "rtsp://u:hunter2@cam");
    open();
    const [unreadable] = events;
    assert.ok(unreadable?.t === "record unreadable");
    assert.doesNotMatch(inspect(unreadable.err), /u:h|hunter2/);
  });

  it("reads what a newer version has written", () => {
    const newer = JSON.parse(formatRecord(full()));
    newer.rings = { passed: 3 };
    newer.failedRevisions[0].faults[0].code = "too warm";
    newer.lastGood.figures.watts = 12;
    const read = parseRecord(JSON.stringify(newer));
    assert.deepEqual(read.lastGood, full().lastGood);
    assert.deepEqual(read.failedRevisions[0]?.faults, [{ code: "unknown", detail: "half" }]);
  });

  /** Directories in which not even root can write. */
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
    it(`keeps the record in memory, and says once why, where the directory ${name}`, () => {
      const store = open(prepare());
      assert.equal(store.save(full()), false);
      assert.equal(store.save({ ...full(), ongoing: undefined }), false);
      assert.deepEqual(store.record, { ...full(), ongoing: undefined });
      assert.deepEqual(
        events.map((one) => ("code" in one ? one.code : one.t)),
        [code],
      );
    });
  }

  it("says that it saves again", () => {
    symlinkSync("/dev/full", join(directory, "trials.json.new"));
    const store = open();
    store.save(full());
    unlinkSync(join(directory, "trials.json.new"));
    assert.ok(store.save(full()));
    assert.deepEqual(
      events.map(({ t }) => t),
      ["record not saved", "record saved again"],
    );
    assert.deepEqual(open().record, full());
  });

  it("keeps the old file when the disk is full", () => {
    assert.ok(open().save(full()));
    symlinkSync("/dev/full", join(directory, "trials.json.new"));
    assert.equal(open().save(NEW_RECORD), false);
    assert.deepEqual(open().record, full());
  });
});

describe("a version at its start", () => {
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
    const store = new TrialStore({ directory: join(directory, volume), onEvent: () => {} });
    return exitAtStart({ ...service, agreementId }, store, marker, nowMs);
  }

  it("runs where it has not failed", () => {
    assert.equal(gate(), undefined);
    assert.equal(existsSync(marker), false);
  });

  it("exits at every start after a failure, in as many agreements as Horizon counts", () => {
    const store = new TrialStore({ directory: join(directory, "volume"), onEvent: () => {} });
    const failure = { version: "3.0.0", at, agreements: ["a"], faults };
    assert.ok(store.save(full()));
    assert.equal(writeMarker(marker, failure), EXIT_VERSION_FAILED);
    for (let start = 0; start < 3; start++) {
      const { code, why } = gate() ?? { code: 0, why: "" };
      assert.equal(code, EXIT_VERSION_FAILED);
      assert.match(why, /3\.0\.0.*: half$/);
    }
    rmSync(marker);
    assert.ok(gate("b"), "the second agreement has a new container");
    assert.equal(readMarker(marker)?.version, "3.0.0");
    assert.ok(gate("b"));
    rmSync(marker);
    assert.equal(gate("c"), undefined, "nobody has another version");
  });

  it("runs where the next failure cannot be recorded", () => {
    const store = new TrialStore({ directory: join(directory, "volume"), onEvent: () => {} });
    assert.ok(store.save(full()));
    symlinkSync("/dev/full", join(directory, "volume", "trials.json.new"));
    assert.equal(gate("b"), undefined);
    assert.equal(existsSync(marker), false);
  });

  it("ignores a marker that was cut short", () => {
    assert.ok(writeMarker(marker, { version: "3.0.0", at }));
    writeFileSync(marker, '{"version":"3.');
    assert.equal(gate(), undefined);
  });

  it("says that no marker can be written", () => {
    writeFileSync(join(directory, "container"), "");
    assert.equal(writeMarker(marker, { version: "3.0.0", at }), undefined);
  });
});
