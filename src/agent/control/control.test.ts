import assert from "node:assert/strict";
import { basename } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { type Problem, problem } from "../../common/problem.js";
import type { Secret, Secrets } from "../../common/secrets/secrets.js";
import { type Environment, loadConfig } from "../../common/settings/config.js";
import type { Candidate, JsonValue } from "../trial/candidate.js";
import { Control, type ControlEvent } from "./control.js";

/** A Thursday. */
const NOON = Date.parse("2026-01-01T12:00:00Z");
const EVENING = Date.parse("2026-01-01T19:00:00Z");

describe("Control", () => {
  let env: Environment;
  let hub: string | undefined;
  let file: string | undefined;
  let unreadable: readonly Problem[];
  let secrets: Map<string, Secret>;
  let lastGood: JsonValue | undefined;
  let nowMs: number;
  let considered: { candidate: Candidate; lastGood: Candidate | undefined }[];
  let told: ControlEvent[];
  let wakeMs: number | undefined;
  let held: readonly string[];
  let control: Control;

  beforeEach(() => {
    env = { RTSPINPUT: "front=rtsp://cam/1", HZN_ESS_API_ADDRESS: "ess.sock" };
    [hub, file, lastGood, wakeMs] = [undefined, undefined, undefined, undefined];
    secrets = new Map();
    nowMs = NOON;
    [considered, told, held, unreadable] = [[], [], [], []];
    control = start();
  });

  function start(): Control {
    return new Control({
      config: loadConfig(env, "/work"),
      version: "1.0.0",
      texts: () => ({ file, hub }),
      unreadable: () => unreadable,
      secrets: (): Secrets => ({
        words: [],
        find: (name) => {
          const secret = secrets.get(name);
          return secret === undefined
            ? { t: "absent", detail: "nobody has set it" }
            : { t: "found", secret };
        },
      }),
      models: {
        resolve: (reference) => {
          const name = basename(reference);
          return name === "missing"
            ? { t: "absent", detail: "there is no such model" }
            : { t: "found", path: `/models/${name}`, name, version: "1.0.0" };
        },
      },
      lastGood: () => lastGood,
      wallClock: () => nowMs,
      consider: (candidate, good) => considered.push({ candidate, lastGood: good }),
      applyOptions: () => {},
      wake: (atMs) => {
        wakeMs = atMs;
      },
      hold: (paths) => {
        held = paths;
      },
      trace: (event) => told.push(event),
    });
  }

  function latest(): Candidate {
    const candidate = considered.at(-1)?.candidate;
    assert.ok(candidate);
    return candidate;
  }

  function latestCamera() {
    return latest().desired.spec.cameras[0];
  }

  const kinds = () => told.splice(0).map(({ t }) => t);

  it("takes the environment where there is nothing else", () => {
    control.renew();
    assert.deepEqual(
      latest().desired.spec.cameras.map(({ uri }) => uri),
      ["rtsp://cam/1"],
    );
    assert.match(latest().subject, /^settings \w+, model .*@1\.0\.0, service 1\.0\.0$/);
    assert.deepEqual(kinds(), ["wanted", "settings warning"]);
  });

  it("takes the hub's document before the file's, and the file's before the environment", () => {
    file = '{"model":{"threshold":0.5,"interval":3}}';
    hub = '{"model":{"threshold":0.7}}';
    control.renew();
    const { threshold, interval } = latest().desired.spec.model;
    assert.deepEqual([threshold, interval], [0.7, 3]);
  });

  it("says a refusal once, and changes nothing of what runs", () => {
    control.renew();
    const before = latest();
    hub = '{"model":{"bundle":"missing"}}';
    told = [];
    control.renew();
    control.renew();
    assert.deepEqual(latest(), before);
    assert.deepEqual(kinds(), ["settings refused"]);
    hub = undefined;
    control.renew();
    assert.deepEqual(kinds(), ["settings accepted again"]);
  });

  it("takes a document that cannot be read for no leave to do without it", () => {
    file = '{"model":{"threshold":0.7}}';
    control.renew();
    file = undefined;
    unreadable = [problem("file-unreadable", { file: "settings.json", path: "" }, "is away")];
    control.renew();
    assert.equal(latest().desired.spec.model.threshold, 0.7);
    assert.equal(kinds().at(-1), "settings refused");
  });

  it("starts with the last good one where what is said now is refused", () => {
    hub = '{"model":{"threshold":0.7}}';
    control.renew();
    lastGood = latest().content;
    hub = "{";
    control = start();
    control.renew();
    assert.equal(latest().desired.spec.model.threshold, 0.7);
  });

  it("starts with what is left where there is no last good one", () => {
    hub = '{"cameras":[{"uri":"what?"}]}';
    file = '{"model":{"interval":3}}';
    control.renew();
    assert.equal(latest().desired.spec.model.interval, 3);
    assert.equal(kinds()[0], "settings refused");
  });

  it("has nothing to run without a camera, and says so", () => {
    env = { HZN_ESS_API_ADDRESS: "ess.sock" };
    control = start();
    control.renew();
    assert.deepEqual(considered, []);
    assert.deepEqual(kinds(), ["settings refused"]);
    hub = '{"cameras":[{"uri":"rtsp://cam/2"}]}';
    control.renew();
    assert.equal(latestCamera()?.uri, "rtsp://cam/2");
  });

  it("makes the last good one with the model that it ran with, and keeps both bundles", () => {
    hub = '{"model":{"bundle":"old"}}';
    control.renew();
    lastGood = latest().content;
    hub = '{"model":{"bundle":"new"}}';
    control.renew();
    assert.equal(considered.at(-1)?.lastGood?.desired.spec.model.bundlePath, "/models/old");
    assert.deepEqual(held, ["/models/new", "/models/old"]);
  });

  it("switches a camera by its hours without another subject, and asks to be woken", () => {
    const hours = { on: "0 8 * * *", off: "0 18 * * *", timeZone: "UTC" };
    hub = JSON.stringify({ hours });
    control.renew();
    const { subject } = latest();
    assert.equal(latestCamera()?.off, undefined);
    assert.equal(wakeMs, Date.parse("2026-01-01T18:00:00Z"));
    nowMs = EVENING;
    control.renew();
    assert.equal(latest().subject, subject);
    assert.deepEqual(latestCamera()?.off, { untilMs: Date.parse("2026-01-02T08:00:00Z") });
  });

  it("takes a secret that has changed without another subject, and knows its password", () => {
    env = { ...env, RTSPINPUT: "front=rtsp://secret:cam@cam/1" };
    control = start();
    control.renew();
    const { subject, desired } = latest();
    assert.ok(kinds().includes("settings warning"));
    secrets.set("cam", { t: "login", username: "u", password: "s3cret" });
    control.renew();
    assert.equal(latest().subject, subject);
    assert.notEqual(latest().desired.generation, desired.generation);
    assert.deepEqual(control.passwords, ["s3cret"]);
  });

  it("takes a secret in an address that has changed without another subject", () => {
    env = { ...env, RTSPINPUT: "front=rtsp://cam/1?token=secret:cam" };
    secrets.set("cam", { t: "value", value: "first" });
    control = start();
    control.renew();
    const { subject } = latest();
    secrets.set("cam", { t: "value", value: "second" });
    control.renew();
    assert.equal(latestCamera()?.uri, "rtsp://cam/1?token=second");
    assert.equal(latest().subject, subject);
  });

  it("knows passwords of what was wanted before, too", () => {
    hub = '{"cameras":[{"uri":"rtsp://u:before@cam/1"}]}';
    control.renew();
    hub = '{"cameras":[{"uri":"rtsp://u:after@cam/1"}]}';
    control.renew();
    control.renew();
    assert.deepEqual(control.passwords, ["after", "before"]);
  });

  describe("with a window for rebuilds", () => {
    const maintenance = {
      timeZone: "UTC",
      rebuilds: { on: "0 2 * * *", off: "0 4 * * *" },
    };
    const hours = { on: "0 8 * * *", off: "0 18 * * *", timeZone: "UTC" };

    beforeEach(() => {
      hub = JSON.stringify({ maintenance, hours });
      control.renew();
      told = [];
    });

    it("keeps what interrupts the picture until then, while hours go on", () => {
      hub = JSON.stringify({ maintenance, hours, model: { bundle: "new" } });
      control.renew();
      control.renew();
      assert.notEqual(latest().desired.spec.model.bundlePath, "/models/new");
      assert.deepEqual(kinds(), ["held"]);
      assert.equal(wakeMs, Date.parse("2026-01-01T18:00:00Z"));
      nowMs = EVENING;
      control.renew();
      assert.ok(latestCamera()?.off);
      assert.equal(wakeMs, Date.parse("2026-01-02T02:00:00Z"));
      nowMs = wakeMs;
      control.renew();
      assert.equal(latest().desired.spec.model.bundlePath, "/models/new");
    });

    it("lets through at once what goes in live", () => {
      hub = JSON.stringify({ maintenance, hours, model: { threshold: 0.9 } });
      control.renew();
      assert.equal(latest().desired.spec.model.threshold, 0.9);
    });
  });
});
