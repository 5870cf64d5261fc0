import assert from "node:assert/strict";
import { basename } from "node:path";
import { beforeEach, describe, it } from "node:test";
import type { z } from "zod";
import type { Secret, Secrets } from "../../common/secrets/secrets.js";
import { type Environment, loadConfig } from "../../common/settings/config.js";
import type { Candidate } from "../trial/candidate.js";
import { Control, type ControlEvent } from "./control.js";
import type { FileText } from "./settings-file.js";

/** A Thursday. */
const NOON = Date.parse("2026-01-01T12:00:00Z");
const EVENING = Date.parse("2026-01-01T19:00:00Z");

/** As HTTP Basic authentication sends a login. */
function basic(login: string): string {
  return Buffer.from(login).toString("base64");
}

describe("Control", () => {
  let env: Environment;
  let hub: string | null;
  let file: string | undefined;
  let node: FileText | undefined;
  let unreadable: FileText | undefined;
  let secrets: Map<string, Secret>;
  let lastGood: z.JSONType | undefined;
  let nowMs: number;
  let considered: { candidate: Candidate; lastGood: Candidate | undefined }[];
  let events: ControlEvent[];
  let wakeMs: number | undefined;
  let held: readonly string[];
  let control: Control;

  beforeEach(() => {
    env = { RTSPINPUT: "front=rtsp://cam/1", HZN_ESS_API_ADDRESS: "ess.sock" };
    [hub, file, unreadable, lastGood, wakeMs] = [null, undefined, undefined, undefined, undefined];
    secrets = new Map();
    nowMs = NOON;
    node = undefined;
    [considered, events, held] = [[], [], []];
    control = start();
  });

  function start(): Control {
    return new Control({
      config: loadConfig(env, "/work"),
      version: "1.0.0",
      file: () => unreadable ?? (file === undefined ? undefined : { t: "text", text: file }),
      node: () => node,
      hub: () => hub,
      secrets: (): Secrets => ({
        toHide: [],
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
        labels: () => undefined,
      },
      lastGood: () => lastGood,
      wallClock: () => nowMs,
      consider: (candidate, good) => considered.push({ candidate, lastGood: good }),
      setRuntimeOptions: () => {},
      wake: (atMs) => {
        wakeMs = atMs;
      },
      hold: (paths) => {
        held = paths;
      },
      onEvent: (event) => events.push(event),
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

  const kinds = () => events.splice(0).map(({ t }) => t);

  it("uses the environment where there is nothing else", () => {
    control.refresh();
    assert.deepEqual(
      latest().desired.spec.cameras.map(({ uri }) => uri),
      ["rtsp://cam/1"],
    );
    assert.match(latest().revision, /^settings \w+, model .*@1\.0\.0, service 1\.0\.0$/);
    assert.deepEqual(kinds(), ["candidate", "settings warning"]);
  });

  it("prefers the hub's document to the file's, and the file's to the environment", () => {
    file = '{"model":{"threshold":0.5,"interval":3}}';
    hub = '{"model":{"threshold":0.7}}';
    control.refresh();
    const { threshold, interval } = latest().desired.spec.models[0];
    assert.deepEqual([threshold, interval], [0.7, 3]);
  });

  it("prefers what was applied on the node to the file, and the hub's document to both", () => {
    file = '{"model":{"threshold":0.5,"interval":3,"classes":["car"]}}';
    node = { t: "text", text: '{"model":{"threshold":0.6,"interval":4}}' };
    hub = '{"model":{"threshold":0.7}}';
    control.refresh();
    const { threshold, interval, classes } = latest().desired.spec.models[0];
    assert.deepEqual([threshold, interval, classes], [0.7, 4, ["car"]]);
  });

  it("says what would be wrong with a document of the node, and changes nothing", () => {
    control.refresh();
    const before = latest();
    assert.deepEqual(control.problemsWith('{"model":{"threshold":0.6}}'), []);
    const [found] = control.problemsWith('{"model":{"bundle":"missing"}}');
    assert.match(found?.message ?? "", /there is no such model/);
    control.refresh();
    assert.deepEqual(latest(), before);
  });

  it("lists the cameras for a document of the node, without a login and only where it may change them", () => {
    env = { ...env, RTSPINPUT: "front=rtsp://secret:cam@cam/1" };
    control = start();
    const [front] = control.cameraList.t === "cameras" ? control.cameraList.cameras : [];
    const expected = { id: "front", uri: "rtsp://cam/1", credentials: "secret:cam" };
    assert.deepEqual({ ...front, ...expected }, front);
    file = '{"cameras":[{"uri":"rtsp://cam/2","name":"Yard"}]}';
    const fromFile = control.cameraList;
    assert.ok(fromFile.t === "cameras");
    assert.deepEqual(fromFile.cameras, [{ uri: "rtsp://cam/2", name: "Yard", id: "yard" }]);
    node = { t: "text", text: '{"cameras":[{"id":"gate","uri":"test://"}]}' };
    assert.deepEqual(control.cameraList, {
      t: "cameras",
      cameras: [{ id: "gate", uri: "test://" }],
    });
    node = undefined;
    for (const uri of ["rtsp://me:hunter2@cam/3", "rtsp://cam/3?password=hunter2"]) {
      file = JSON.stringify({ cameras: [{ uri }] });
      assert.equal(control.cameraList.t, "fixed");
      file = undefined;
      env = { ...env, RTSPINPUT: uri };
      control = start();
      assert.equal(control.cameraList.t, "fixed");
    }
    hub = '{"cameras":[{"uri":"test://"}]}';
    const list = control.cameraList;
    assert.match(list.t === "fixed" ? list.why : "", /the hub lists the cameras/);
  });

  it("reports a refusal once, and changes nothing of what runs", () => {
    control.refresh();
    const before = latest();
    hub = '{"model":{"bundle":"missing"}}';
    events = [];
    control.refresh();
    control.refresh();
    assert.deepEqual(latest(), before);
    assert.deepEqual(kinds(), ["settings refused"]);
    hub = null;
    control.refresh();
    assert.deepEqual(kinds(), ["settings accepted again"]);
  });

  it("changes nothing while a document cannot be read", () => {
    file = '{"model":{"threshold":0.7}}';
    control.refresh();
    file = undefined;
    unreadable = { t: "unreadable", why: "it is away" };
    control.refresh();
    assert.equal(latest().desired.spec.models[0].threshold, 0.7);
    assert.equal(kinds().at(-1), "settings refused");
  });

  it("starts with the last good one where the settings are refused", () => {
    hub = '{"model":{"threshold":0.7}}';
    control.refresh();
    lastGood = latest().content;
    hub = "{";
    control = start();
    control.refresh();
    assert.equal(latest().desired.spec.models[0].threshold, 0.7);
  });

  it("starts with what is left where there is no last good one", () => {
    hub = '{"cameras":[{"uri":"what?"}]}';
    file = '{"model":{"interval":3}}';
    control.refresh();
    assert.equal(latest().desired.spec.models[0].interval, 3);
    assert.equal(kinds()[0], "settings refused");
  });

  it("runs nothing without a camera, and reports that", () => {
    env = { HZN_ESS_API_ADDRESS: "ess.sock" };
    control = start();
    control.refresh();
    assert.deepEqual(considered, []);
    assert.deepEqual(kinds(), ["settings refused"]);
    hub = '{"cameras":[{"uri":"rtsp://cam/2"}]}';
    control.refresh();
    assert.equal(latestCamera()?.uri, "rtsp://cam/2");
  });

  it("holds the bundles of all models, and renders the last good one with those that it ran with", () => {
    hub = '{"model":{"bundle":"old"},"secondaryModels":[{"bundle":"colour"}]}';
    control.refresh();
    lastGood = considered.at(-1)?.candidate.content;
    hub = '{"model":{"bundle":"old"},"secondaryModels":[{"bundle":"make"}]}';
    control.refresh();
    const bundles = considered.at(-1)?.lastGood?.desired.spec.models;
    assert.deepEqual(
      bundles?.map(({ bundlePath }) => bundlePath),
      ["/models/old", "/models/colour"],
    );
    assert.deepEqual(held, ["/models/old", "/models/make", "/models/colour"]);
    assert.match(latest().revision, /, model old@1\.0\.0 \+ make@1\.0\.0, service/);
  });

  it("renders the last good one with the model that it ran with, and holds both bundles", () => {
    hub = '{"model":{"bundle":"old"}}';
    control.refresh();
    lastGood = latest().content;
    hub = '{"model":{"bundle":"new"}}';
    control.refresh();
    assert.equal(considered.at(-1)?.lastGood?.desired.spec.models[0].bundlePath, "/models/old");
    assert.deepEqual(held, ["/models/new", "/models/old"]);
  });

  it("switches a camera by its hours without another revision, and asks to be woken", () => {
    const hours = { on: "0 8 * * *", off: "0 18 * * *", timeZone: "UTC" };
    hub = JSON.stringify({ hours });
    control.refresh();
    const { revision } = latest();
    assert.equal(latestCamera()?.off, undefined);
    assert.equal(wakeMs, Date.parse("2026-01-01T18:00:00Z"));
    nowMs = EVENING;
    control.refresh();
    assert.equal(latest().revision, revision);
    assert.deepEqual(latestCamera()?.off, { untilMs: Date.parse("2026-01-02T08:00:00Z") });
  });

  it("applies a secret that has changed without another revision, and knows its password", () => {
    env = { ...env, RTSPINPUT: "front=rtsp://secret:cam@cam/1" };
    control = start();
    control.refresh();
    const { revision, desired } = latest();
    assert.ok(kinds().includes("settings warning"));
    secrets.set("cam", { t: "login", username: "u", password: "s3cret" });
    control.refresh();
    assert.equal(latest().revision, revision);
    assert.notEqual(latest().desired.generation, desired.generation);
    assert.deepEqual(control.passwords, ["s3cret", basic("u:s3cret")]);
  });

  it("applies a secret in an address that has changed without another revision", () => {
    env = { ...env, RTSPINPUT: "front=rtsp://cam/1?token=secret:cam" };
    secrets.set("cam", { t: "value", value: "first" });
    control = start();
    control.refresh();
    const { revision } = latest();
    secrets.set("cam", { t: "value", value: "second" });
    control.refresh();
    assert.equal(latestCamera()?.uri, "rtsp://cam/1?token=second");
    assert.equal(latest().revision, revision);
  });

  it("knows passwords of earlier settings, too", () => {
    hub = '{"cameras":[{"uri":"rtsp://u:before@cam/1"}]}';
    control.refresh();
    hub = '{"cameras":[{"uri":"rtsp://u:after@cam/1"}]}';
    control.refresh();
    control.refresh();
    const logins = ["after", basic("u:after"), "before", basic("u:before")];
    assert.deepEqual(control.passwords, logins);
  });

  it("knows what the parameters of an address hold", () => {
    hub = '{"cameras":[{"uri":"rtsp://cam/1?channel=1&auth=hunter2"}]}';
    control.refresh();
    assert.deepEqual(control.passwords, ["hunter2"]);
  });

  describe("with a maintenance window", () => {
    const maintenance = {
      timeZone: "UTC",
      rebuilds: { on: "0 2 * * *", off: "0 4 * * *" },
    };
    const hours = { on: "0 8 * * *", off: "0 18 * * *", timeZone: "UTC" };

    beforeEach(() => {
      hub = JSON.stringify({ maintenance, hours });
      control.refresh();
      events = [];
    });

    it("postpones what interrupts a stream until then, while hours still apply", () => {
      hub = JSON.stringify({ maintenance, hours, model: { bundle: "new" } });
      control.refresh();
      control.refresh();
      assert.notEqual(latest().desired.spec.models[0].bundlePath, "/models/new");
      assert.deepEqual(kinds(), ["postponed"]);
      assert.equal(wakeMs, Date.parse("2026-01-01T18:00:00Z"));
      nowMs = EVENING;
      control.refresh();
      assert.ok(latestCamera()?.off);
      assert.equal(wakeMs, Date.parse("2026-01-02T02:00:00Z"));
      nowMs = wakeMs;
      control.refresh();
      assert.equal(latest().desired.spec.models[0].bundlePath, "/models/new");
    });

    it("applies at once what changes live", () => {
      hub = JSON.stringify({ maintenance, hours, model: { threshold: 0.9 } });
      control.refresh();
      assert.equal(latest().desired.spec.models[0].threshold, 0.9);
    });
  });
});
