import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayProblem } from "../problem.js";
import type { Secret, Secrets } from "../secrets/secrets.js";
import { loadConfig } from "./config.js";
import { type DesiredState, desiredState } from "./desired-state.js";
import type { Models } from "./models.js";
import { describeOrigin, type SourcedDocument } from "./precedence.js";
import { readSettingsDocument } from "./settings-document.js";

/** A Monday, 12:00 UTC. */
const NOON = Date.UTC(2026, 5, 1, 12);
const HOUR = 3_600_000;

interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: unknown;
  readonly hub?: unknown;
  readonly secrets?: Readonly<Record<string, Secret>>;
  readonly nowMs?: number;
}

const models: Models = {
  resolve: (reference) =>
    reference.startsWith("/") || reference === "people"
      ? {
          t: "found",
          path: reference === "people" ? "/m/people/2" : reference,
          name: "people",
          version: "2",
        }
      : { t: "absent", detail: "there is people" },
  labels: (path) => (path === "/m/people/2" ? ["person", "bag"] : undefined),
};

function secretsOf(secrets: Readonly<Record<string, Secret>>): Secrets {
  return {
    toHide: [],
    find: (name) => {
      const secret = secrets[name];
      return secret === undefined ? { t: "absent", detail: "bind it" } : { t: "found", secret };
    },
  };
}

function documentOf(from: "file" | "hub", content: unknown): SourcedDocument[] {
  if (content === undefined) return [];
  const reading = readSettingsDocument(JSON.stringify(content), from);
  assert.ok(reading.t === "document", JSON.stringify(reading));
  return [{ from, document: reading.document }];
}

function state({ env = {}, file, hub, secrets = {}, nowMs = NOON }: Given = {}): DesiredState {
  return desiredState({
    config: loadConfig({ RTSPINPUT: "front=rtsp://cam/1", ...env }, "/work", true),
    documents: [...documentOf("file", file), ...documentOf("hub", hub)],
    secrets: secretsOf(secrets),
    models,
    nowMs,
  });
}

function desired(given?: Given) {
  const result = state(given);
  assert.ok(result.t === "desired", JSON.stringify(result));
  return result;
}

function spec(given?: Given) {
  return desired(given).desired.spec;
}

function refusals(given?: Given): string[] {
  const result = state(given);
  assert.ok(result.t === "refused", "it was taken");
  return result.problems.map(displayProblem);
}

describe("desiredState: sources", () => {
  it("lets the hub override the file, the file the environment, and the environment the defaults", () => {
    const env = { BITRATE: "1000000", OUTPUT_WIDTH: "640", OUTPUT_HEIGHT: "360" };
    const file = { outputDefaults: { width: 800, height: 450 } };
    const hub = { outputDefaults: { height: 600 } };
    const { desired: result, origins } = desired({ env, file, hub });
    assert.deepEqual(result.spec.outputs[0]?.encoding, {
      codec: "H264",
      width: 800,
      height: 600,
      bitrate: 1_000_000,
      frameRate: 25,
    });
    const from = (name: string) => {
      const origin = origins.get(`outputs[0].encoding.${name}`);
      return origin && describeOrigin(origin);
    };
    assert.deepEqual(["codec", "bitrate", "width", "height"].map(from), [
      "default of CODEC",
      "BITRATE",
      "file",
      "hub",
    ]);
  });

  it("does not depend on the order of the documents", () => {
    const [file, hub] = [
      documentOf("file", { tracker: "iou" }),
      documentOf("hub", { tracker: "nvdcf" }),
    ];
    const sources = {
      config: loadConfig({ RTSPINPUT: "test://" }, "/work"),
      secrets: secretsOf({}),
      models,
      nowMs: NOON,
    };
    for (const documents of [
      [...file, ...hub],
      [...hub, ...file],
    ]) {
      const result = desiredState({ ...sources, documents });
      assert.ok(result.t === "desired");
      assert.equal(result.desired.spec.tracker, "nvdcf");
    }
  });

  it("gives every value of the specification an origin", () => {
    const { desired: result, origins } = desired({
      file: {
        cameras: [
          { uri: "test://" },
          {
            uri: "test://",
            masks: [
              [
                [0, 0],
                [0, 1],
                [1, 1],
              ],
            ],
          },
        ],
      },
    });
    const leaves = (value: unknown, path: string): string[] => {
      if (origins.has(path)) return [];
      if (typeof value !== "object" || value === null) return [path];
      const isList = Array.isArray(value);
      return Object.entries(value).flatMap(([key, part]) =>
        leaves(part, isList ? `${path}[${key}]` : `${path}${path === "" ? "" : "."}${key}`),
      );
    };
    const without = leaves(result.spec, "").filter((path) => !/\.(?:off|target\.t)$/.test(path));
    assert.deepEqual(without, []);
  });

  it("names equal content equally, wherever it came from", () => {
    const { generation } = desired({ env: { CODEC: "H265" } }).desired;
    assert.equal(
      desired({ hub: { outputDefaults: { codec: "h265" } } }).desired.generation,
      generation,
    );
    assert.notEqual(desired().desired.generation, generation);
  });
});

describe("desiredState: cameras", () => {
  it("takes all cameras from the document that lists cameras", () => {
    const file = { cameras: [{ uri: "rtsp://a/1" }, { id: "door", uri: "rtsp://u:p@b/2" }] };
    assert.deepEqual(
      spec({ file, hub: { tracker: "iou" } }).cameras.map(({ id, name, uri }) => [id, name, uri]),
      [
        ["cam1", "cam1", "rtsp://a/1"],
        ["door", "door", "rtsp://b/2"],
      ],
    );
    const hub = { cameras: [{ name: "Entrée Nord", uri: "test://" }] };
    assert.deepEqual(
      spec({ file, hub }).cameras.map(({ id, name }) => [id, name]),
      [["entree-nord", "Entrée Nord"]],
    );
  });

  it("gives a camera the defaults of documents and settings, unless it has values of its own", () => {
    const { cameras } = spec({
      env: { RTSP_TRANSPORT: "udp", RTSP_LATENCY: "300ms" },
      file: { cameras: [{ uri: "rtsp://a/1", latency: "0s" }, { uri: "rtsp://b/2" }] },
      hub: { cameraDefaults: { latency: "2s" } },
    });
    assert.deepEqual(
      cameras.map(({ transport, latencyMs }) => [transport, latencyMs]),
      [
        ["udp", 0],
        ["udp", 2000],
      ],
    );
  });

  it("requires a camera, and tells where to set one", () => {
    const [fault, ...others] = refusals({ env: { RTSPINPUT: "" }, hub: { tracker: "iou" } });
    assert.match(
      fault ?? "",
      /^environment: RTSPINPUT: is not set; allowed: .*cameras in a settings document.*SETTINGS_FILE$/,
    );
    assert.deepEqual(others, []);
  });

  it("refuses two cameras of one id, given or made from a name", () => {
    const cameras = [
      { id: "front-door", uri: "test://" },
      { name: "Front Door", uri: "test://" },
    ];
    assert.deepEqual(refusals({ hub: { cameras } }), [
      "hub: cameras[1].id: is front-door, which cameras[0] has already; allowed: a different id for every camera",
    ]);
  });
});

describe("desiredState: outputs", () => {
  it("sends an output without a target where the settings say", () => {
    const { outputs } = spec({
      env: { RTSPOUTPUTPATH: "/north" },
      file: {
        outputs: [
          {},
          { layout: "per-camera", rtsp: { path: "/c" } },
          { file: { path: "v/a.mkv", duration: "30s", maxBytes: 2_000_000 } },
          { window: {} },
        ],
      },
    });
    assert.deepEqual(
      outputs.map(({ id, layout, target }) => [id, layout, target]),
      [
        ["rtsp", "tiled", { t: "rtsp", port: 8554, path: "/north", users: [] }],
        ["output2", "per-camera", { t: "rtsp", port: 8554, path: "/c", users: [] }],
        [
          "output3",
          "tiled",
          { t: "file", path: "v/a.mkv", fileDurationMs: 30_000, maxBytes: 2_000_000 },
        ],
        ["output4", "tiled", { t: "window" }],
      ],
    );
  });

  it("sends the stream where OUTPUT says, also that of an output without a target", () => {
    const window = spec({ env: { OUTPUT: "window" } }).outputs;
    assert.deepEqual(
      window.map(({ id, target }) => [id, target]),
      [["window", { t: "window" }]],
    );
    const env = { OUTPUT: "file", OUTPUT_FILE: "yard.mkv", OUTPUT_FILE_MAX_BYTES: "5000000" };
    const file = { t: "file", path: "yard.mkv", fileDurationMs: 600_000, maxBytes: 5_000_000 };
    for (const outputs of [undefined, [{}], [{ file: {} }]]) {
      const found = spec({ env, file: outputs === undefined ? {} : { outputs } }).outputs;
      assert.deepEqual(
        found.map(({ id, target }) => [id, target]),
        [["file", file]],
      );
    }
  });

  /** Outputs of which the second has what the first has. */
  const conflicts: readonly [string, readonly unknown[], RegExp][] = [
    [
      "the same path",
      [{ rtsp: { path: "/ds" } }, {}],
      /outputs\[1\]\.target\.path: is \/ds, which outputs\[0\]/,
    ],
    [
      "a path that a camera's stream has",
      [{ layout: "per-camera" }, { rtsp: { path: "/ds/front" } }],
      /outputs\[1\]\.target\.path: is \/ds\/front, which outputs\[0\]/,
    ],
    [
      "the same file",
      [
        { layout: "per-camera", file: { path: "a.mkv" } },
        { layout: "tiled", file: { path: "a.mkv" } },
      ],
      /outputs\[1\]\.target\.path: is a\.mkv/,
    ],
    [
      "the same id",
      [{ id: "a" }, { id: "a", rtsp: { path: "/b" } }],
      /outputs\[1\]\.id: is a, which outputs\[0\]/,
    ],
  ];
  for (const [what, outputs, message] of conflicts) {
    it(`refuses two outputs with ${what}`, () => {
      const [fault, ...others] = refusals({ hub: { outputs } });
      assert.match(fault ?? "", message);
      assert.deepEqual(others, []);
    });
  }

  it("lets an RTSP path and a file be called the same", () => {
    assert.equal(spec({ file: { outputs: [{}, { file: { path: "ds.mkv" } }] } }).outputs.length, 2);
  });
});

describe("desiredState: secrets", () => {
  const login = { t: "login", username: "u", password: "p" } as const;

  it("replaces the names of secrets by logins and values", () => {
    const { cameras } = spec({
      env: { RTSPINPUT: "rtsp://secret:a@cam/1,rtsp://cam/2?user=x&password=secret:b" },
      secrets: { a: login, b: { t: "value", value: "w/rd" } },
    });
    assert.deepEqual(cameras[0]?.credentials, { username: "u", password: "p" });
    assert.equal(cameras[1]?.uri, "rtsp://cam/2?user=x&password=w%2Frd");
  });

  it("tries a camera without its missing secret, and warns", () => {
    const { desired: result, warnings } = desired({
      hub: { cameras: [{ uri: "rtsp://cam/1?password=secret:b", credentials: "secret:a" }] },
    });
    assert.equal(result.spec.cameras[0]?.credentials, undefined);
    assert.deepEqual(
      warnings
        .filter(({ code }) => code === "secret-missing")
        .map(({ path, message }) => `${path}: ${message}`),
      [
        "cameras[0].credentials: secret a is missing: bind it",
        "cameras[0].uri: secret b is missing: bind it",
      ],
    );
  });

  it("explains how to write a secret that has no user name", () => {
    const { warnings } = desired({
      env: { RTSPINPUT: "rtsp://secret:a@cam/1" },
      secrets: { a: { t: "value", value: "hunter2" } },
    });
    assert.match(
      warnings[0]?.message ?? "",
      /^secret a has no user name: write it as user:password/,
    );
    assert.doesNotMatch(JSON.stringify(warnings), /hunter2/);
  });

  it("lets those watch whom a secret or a document names", () => {
    const users = [{ username: "v", password: "w" }, "secret:a"];
    const { desired: result, warnings } = desired({
      hub: { rtspServer: { users } },
      secrets: { a: login },
    });
    assert.ok(result.spec.outputs[0]?.target.t === "rtsp");
    assert.deepEqual(result.spec.outputs[0].target.users, [
      { username: "v", password: "w" },
      { username: "u", password: "p" },
    ]);
    assert.deepEqual(warnings, []);
  });

  it("opens no output to everybody because a secret is missing", () => {
    assert.deepEqual(refusals({ env: { RTSP_USERS: "secret:a" } }), [
      "environment: RTSP_USERS: secret a is missing: bind it",
    ]);
    assert.deepEqual(refusals({ hub: { rtspServer: { users: ["secret:a"] } } }), [
      "hub: rtspServer.users: secret a is missing: bind it",
    ]);
  });

  it("refuses two viewers of one name", () => {
    const users = ["u", "v", "u"].map((username) => ({ username, password: "p" }));
    assert.deepEqual(refusals({ hub: { rtspServer: { users } } }), [
      "hub: rtspServer.users: two users have the same name",
    ]);
  });

  it("warns that everybody may watch, once for every output", () => {
    assert.deepEqual(
      desired().warnings.map(({ code, path }) => [code, path]),
      [["output-open", "outputs[0].target.users"]],
    );
  });
});

describe("desiredState: model", () => {
  it("finds the bundle of a name", () => {
    const { desired: result, modelNames } = desired({
      hub: { model: { bundle: "people", interval: 2 } },
    });
    assert.deepEqual(result.spec.models[0], {
      bundlePath: "/m/people/2",
      interval: 2,
      threshold: undefined,
      classes: [],
    });
    assert.deepEqual(modelNames, [{ name: "people", version: "2" }]);
  });

  it("puts models that work on its objects behind it, with their own options", () => {
    const secondaryModels = [{ bundle: "people", threshold: 0.6, classes: ["red"] }];
    const { desired: result, modelNames } = desired({
      hub: { model: { bundle: "people" }, secondaryModels },
      env: { SECONDARY_MODELS: "people@1", DETECTION_THRESHOLD: "0.3" },
    });
    assert.deepEqual(
      result.spec.models.map(({ threshold, classes }) => [threshold, classes]),
      [
        [0.3, []],
        [0.6, ["red"]],
      ],
    );
    assert.equal(result.spec.models[1]?.bundlePath, "/m/people/2");
    assert.equal(modelNames.length, 2);
  });

  it("takes models that work on its objects from the environment", () => {
    const { desired: result } = desired({ env: { MODEL: "people", SECONDARY_MODELS: "people" } });
    assert.deepEqual(
      result.spec.models.map(({ bundlePath }) => bundlePath),
      ["/m/people/2", "/m/people/2"],
    );
  });

  it("refuses one that is missing behind it, under the name of its setting", () => {
    const secondaryModels = [{ bundle: "people" }, { bundle: "peple" }];
    assert.deepEqual(refusals({ hub: { model: { bundle: "people" }, secondaryModels } }), [
      'hub: secondaryModels[1].bundle: is "peple": there is people',
    ]);
    assert.deepEqual(refusals({ env: { MODEL: "people", SECONDARY_MODELS: "peple" } }), [
      'environment: SECONDARY_MODELS: is "peple": there is people',
    ]);
  });

  it("refuses one that is missing, under the name of its setting", () => {
    assert.deepEqual(refusals({ hub: { model: { bundle: "peple" } } }), [
      'hub: model.bundle: is "peple": there is people',
    ]);
    assert.deepEqual(refusals({ env: { MODEL: "peple" } }), [
      'environment: MODEL: is "peple": there is people',
    ]);
  });
});

describe("desiredState: hours", () => {
  const days = { timeZone: "UTC", on: "0 7 * * *", off: "0 19 * * *" };
  const nights = { timeZone: "UTC", on: "0 19 * * *", off: "0 7 * * *" };

  it("turns a camera off outside its hours, and tells until when and when to ask again", () => {
    const { desired: result, nextChangeMs } = desired({
      hub: {
        cameras: [
          { uri: "test://", hours: days },
          { uri: "test://", hours: nights },
        ],
      },
    });
    assert.deepEqual(
      result.spec.cameras.map(({ off }) => off),
      [undefined, { untilMs: NOON + 7 * HOUR }],
    );
    assert.equal(nextChangeMs, NOON + 7 * HOUR);
  });

  it("has a camera on where its own hours and those of everything meet", () => {
    const mornings = { timeZone: "UTC", on: "0 6 * * *", off: "0 10 * * *" };
    const given = {
      hub: { hours: days, cameras: [{ uri: "test://", hours: mornings }, { uri: "test://" }] },
    };
    const offAt = (hour: number) =>
      spec({ ...given, nowMs: NOON + (hour - 12) * HOUR }).cameras.map(({ off }) => off?.untilMs);
    assert.deepEqual(offAt(6.5), [NOON - 5 * HOUR, NOON - 5 * HOUR]);
    assert.deepEqual(offAt(8), [undefined, undefined]);
    assert.deepEqual(offAt(11), [NOON + 19 * HOUR, undefined]);
  });

  it("stays the same specification until something changes", () => {
    const given = { hub: { hours: days } };
    const generationAt = (hour: number) =>
      desired({ ...given, nowMs: NOON + hour * HOUR }).desired.generation;
    assert.equal(generationAt(0), generationAt(6));
    assert.equal(generationAt(8), generationAt(18));
    assert.notEqual(generationAt(6), generationAt(8));
  });

  it("warns that a camera is never on", () => {
    const { desired: result, warnings } = desired({
      hub: { hours: days, cameras: [{ uri: "test://", hours: nights }] },
    });
    assert.deepEqual(result.spec.cameras[0]?.off, { untilMs: undefined });
    assert.ok(warnings.some(({ code, path }) => code === "never-on" && path === "cameras[0].off"));
  });

  it("does not ask again if there are no hours", () => {
    assert.equal(desired().nextChangeMs, undefined);
  });
});

describe("desiredState: runtime options", () => {
  it("merges trial and maintenance field by field", () => {
    const { runtimeOptions } = desired({
      env: { TRIAL: "off", TRIAL_TIME: "10s" },
      file: {
        trial: { time: "30s", deaths: 0 },
        maintenance: { report: "0 6 * * *", timeZone: "UTC" },
      },
      hub: { trial: { detections: 0.5 }, maintenance: { report: "0 7 * * *" } },
    });
    const { trial, maintenance } = runtimeOptions;
    assert.deepEqual(trial, { on: false, timeMs: 30_000, deaths: 0, detections: 0.5 });
    assert.deepEqual(maintenance, { report: "0 7 * * *", timeZone: "UTC" });
  });

  it("has zones and lines of each camera, with what counts as an object", () => {
    const points = [
      [0, 0],
      [1, 0],
      [1, 1],
    ];
    const { runtimeOptions, warnings } = desired({
      file: {
        analytics: { margin: 0.02, goneAfter: "5s" },
        cameras: [
          { uri: "test://" },
          { id: "back", uri: "test://", zones: [{ id: "door", points, crowd: 3 }] },
        ],
      },
      hub: { analytics: { goneAfter: "3s" } },
    });
    const objects = { point: "foot", margin: 0.02, seenAfterMs: 500, goneAfterMs: 3000 };
    const crowd = { limit: 3, afterMs: 2000 };
    const door = { id: "door", points, classes: [], loiteringAfterMs: undefined, crowd };
    assert.deepEqual(runtimeOptions.analytics, {
      cam1: { zones: [], lines: [], objects },
      back: { zones: [door], lines: [], objects },
    });
    assert.ok(warnings.some(({ code, path }) => code === "tracker-missing" && path === "tracker"));
  });

  it("refuses classes that the model does not have", () => {
    const points = [
      [0, 0],
      [1, 0],
      [1, 1],
    ];
    const zones = [{ id: "door", points, classes: ["person", "persn"] }];
    const file = {
      tracker: "iou",
      model: { bundle: "people" },
      cameras: [{ uri: "test://", zones }],
    };
    assert.deepEqual(refusals({ file }), [
      'file: cameras[0].zones[0].classes[1]: the model has no class "persn"; did you mean person?',
    ]);
  });

  it("has sinks with their secrets, and warns of a missing one", () => {
    const sinks = [
      { mqtt: { url: "mqtts://broker", credentials: "secret:broker" } },
      { webhook: { url: "https://x/?key=secret:key" } },
    ];
    const secrets: Given["secrets"] = { broker: { t: "login", username: "u", password: "p" } };
    const { runtimeOptions, warnings } = desired({ file: { events: { sinks } }, secrets });
    const [mqtt, webhook] = runtimeOptions.events.sinks.map(({ target }) => target);
    assert.ok(mqtt?.t === "mqtt" && webhook?.t === "webhook");
    assert.deepEqual(mqtt.login, { username: "u", password: "p" });
    assert.deepEqual(
      warnings.flatMap(({ code, path }) => (code === "secret-missing" ? [path] : [])),
      ["events.sinks[1]"],
    );
  });

  it("refuses two sinks of one id", () => {
    const file = { events: { sinks: [{ file: {} }, { file: { name: "b" } }] } };
    assert.deepEqual(refusals({ file }), [
      "file: events.sinks[1].id: is file, which another sink has already; allowed: a different id for every sink",
    ]);
  });
});
