import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayProblem } from "../problem.js";
import type { SettingsDocument } from "./document/schema.js";
import { readSettingsDocument } from "./settings-document.js";

function read(content: unknown): SettingsDocument {
  const reading = readSettingsDocument(JSON.stringify(content), "settings.json");
  assert.ok(reading.t === "document", JSON.stringify(reading));
  return reading.document;
}

function faults(content: unknown): string[] {
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  const reading = readSettingsDocument(text, "settings.json");
  assert.ok(reading.t === "refused", "it was read");
  return reading.problems.map(displayProblem);
}

function zoned(fields: object) {
  return { cameras: [{ uri: "test://", ...fields }] };
}

function square(size: number) {
  return [
    [0, 0],
    [size, 0],
    [size, 0.5],
    [0, 0.5],
  ];
}

describe("readSettingsDocument", () => {
  it("accepts an empty document", () => {
    assert.deepEqual(read({}), {});
  });

  it("reads values in the formats of the environment", () => {
    const document = read({
      cameraDefaults: { latency: "2s", transport: "UDP" },
      outputDefaults: { codec: "h265", width: 640 },
      model: { threshold: 0.0000001, classes: [] },
      overlay: { boxes: false },
    });
    assert.deepEqual(document, {
      cameraDefaults: { latency: 2000, transport: "udp" },
      outputDefaults: { codec: "H265", width: 640 },
      model: { threshold: 1e-7, classes: [] },
      overlay: { boxes: false },
    });
  });

  it("separates the login from an address, and reads references to secrets", () => {
    const { cameras, rtspServer } = read({
      cameras: [
        { uri: "rtsp://u:p@cam/1" },
        { uri: "rtsp://cam/2", credentials: "secret:cam-2" },
        { uri: "rtsp://cam/3", credentials: { username: "u", password: "secret:no" } },
      ],
      rtspServer: { users: "secret:viewers" },
    });
    const credentials = { username: "u", password: "p" };
    assert.deepEqual(cameras, [
      { uri: { t: "uri", uri: "rtsp://cam/1", credentials } },
      {
        uri: { t: "uri", uri: "rtsp://cam/2", credentials: undefined },
        credentials: { secret: "cam-2" },
      },
      {
        uri: { t: "uri", uri: "rtsp://cam/3", credentials: undefined },
        credentials: { username: "u", password: "secret:no" },
      },
    ]);
    assert.deepEqual(rtspServer, { users: { secret: "viewers" } });
  });

  it("ignores a byte order mark", () => {
    assert.equal(readSettingsDocument('\uFEFF{"tracker": "iou"}', "x").t, "document");
  });

  it("reports the place of a problem, what is allowed and what was meant", () => {
    const text = `{
  "cameras": [
    { "uri": "rtsp://cam/1",
      "latency": "5" },
    { "uri": "rtsp://cam/2", "transprot": "tcp" }
  ],
  "outputDefaults": { "bitrate": "4000000", "width": 641 },
  "camera": []
}`;
    assert.deepEqual(faults(text), [
      'settings.json:4: cameras[0].latency: is "5"; allowed: a duration such as 500ms, 5s or 2m, from 0s to ' +
        "10s (add the unit: 5ms or 5s)",
      "settings.json:5: cameras[1].transprot: is unknown; allowed: id, name, uri, credentials, transport, latency, " +
        "acceptAnyCertificate, frozenAfter, silentAfter, stillInterval, masks, hide, zones, lines, hours (did you mean transport?)",
      "settings.json:7: outputDefaults.width: is 641; allowed: an even number from 16 to 7680 pixels (the next even " +
        "number is 642)",
      "settings.json:7: outputDefaults.bitrate: is a string; allowed: a whole number from 10000 to 100000000 bit/s " +
        "(write it without quotes)",
      "settings.json:8: camera: is unknown; allowed: $schema, cameras, cameraDefaults, model, secondaryModels, tracker, analytics, " +
        "events, overlay, outputs, outputDefaults, rtspServer, hours, trial, maintenance (did you mean cameras?)",
    ]);
  });

  /** What is wrong, a document that is, and its only fault. */
  const wrong: readonly [string, unknown, RegExp][] = [
    ["text that is not JSON", '{\n"cameras": [\n}', /^settings\.json:3: is not JSON/],
    ["an empty text", "", /^settings\.json:1: is not JSON/],
    ["a comment", '{} // "x"', /:1: is not JSON/],
    ["a list", [], /:1: is a list; allowed: an object/],
    ["null", "null", /:1: is null; allowed: an object/],
    ["a repeated key", '{\n"tracker": "iou",\n"tracker": "iou"}', /:3: tracker: is repeated/],
    [
      "a repeated key in a list",
      '{"cameras": [{"uri": "", "uri": ""}]}',
      /cameras\[0\]\.uri: is repeated/,
    ],
    ["deep nesting", `${"[".repeat(100_000)}`, /is nested more than 32 levels deep/],
    [
      "what is too long",
      " ".repeat(1024 * 1024 + 1),
      /has 1048577 bytes; allowed: at most 1048576/,
    ],
    ["__proto__", '{"__proto__": {"cameras": []}}', /: __proto__: is unknown/],
    ["an empty list of cameras", { cameras: [] }, /cameras: has 0 items; allowed: at least 1/],
    ["null instead of nothing", { model: null }, /: model: is null; allowed: an object/],
    [
      "a camera without address",
      { cameras: [{ id: "a" }] },
      /cameras\[0\]\.uri: is missing; allowed: the address/,
    ],
    [
      "an invalid id",
      { cameras: [{ id: "A b", uri: "test://" }] },
      /cameras\[0\]\.id: is "A b"; allowed: up to 63/,
    ],
    [
      "a name over two lines",
      { cameras: [{ name: "a\nb", uri: "test://" }] },
      /name: is "a\?b"; allowed: 1 to 64 print/,
    ],
    [
      "a lone surrogate",
      '{"model": {"classes": ["\\ud800"]}}',
      /classes\[0\]: is "\?"; allowed: 1 to 128/,
    ],
    [
      "a zone outside the frame",
      zoned({ zones: [{ id: "a", points: square(1.2).toSpliced(2, 1) }] }),
      /cameras\[0\]\.zones\[0\]\.points\[1\]\[0\]: is 1\.2; allowed: a number from 0 to 1/,
    ],
    [
      "a zone of two points",
      zoned({ zones: [{ id: "a", points: square(0.5).slice(2) }] }),
      /cameras\[0\]\.zones\[0\]\.points: has 2 items; allowed: at least 3/,
    ],
    [
      "a zone that crosses itself",
      zoned({
        zones: [
          {
            id: "a",
            points: [
              [0, 0],
              [1, 1],
              [1, 0],
              [0, 1],
            ],
          },
        ],
      }),
      /cameras\[0\]\.zones\[0\]\.points: crosses itself; allowed: a polygon whose edges do not cross/,
    ],
    [
      "a zone without area",
      zoned({
        zones: [
          {
            id: "a",
            points: [
              [0, 0],
              [0.5, 0.5],
              [1, 1],
            ],
          },
        ],
      }),
      /cameras\[0\]\.zones\[0\]\.points: has no area/,
    ],
    [
      "two zones of one id",
      zoned({ zones: ["a", "b", "a"].map((id) => ({ id, points: square(0.5) })) }),
      /cameras\[0\]\.zones\[2\]\.id: is "a", as that of \[0\]; allowed: a different id for each/,
    ],
    [
      "a line of one point",
      zoned({ lines: [{ id: "a", from: [0.5, 0.5], to: [0.5, 0.5] }] }),
      /cameras\[0\]\.lines\[0\]\.to: is the same point as from/,
    ],
    [
      "a sink of two kinds",
      { events: { sinks: [{ file: {}, mqtt: { url: "mqtt://broker" } }] } },
      /events\.sinks\[0\]: has none or several of mqtt, webhook and file/,
    ],
    [
      "a login in the address of a broker",
      { events: { sinks: [{ mqtt: { url: "mqtt://u:hunter2@broker" } }] } },
      /events\.sinks\[0\]\.mqtt\.url: is refused; allowed: .*\(write user and password as a secret\)$/,
    ],
    [
      "an address that is no broker's",
      { events: { sinks: [{ mqtt: { url: "http://broker" } }] } },
      /events\.sinks\[0\]\.mqtt\.url: is refused; allowed: mqtt:\/\/host or mqtts:\/\/host/,
    ],
    [
      "a certificate without its key",
      { events: { sinks: [{ mqtt: { url: "mqtts://broker", certificate: "secret:c" } }] } },
      /events\.sinks\[0\]\.mqtt: needs both certificate and key/,
    ],
    [
      "Home Assistant with events that it cannot read",
      {
        events: {
          sinks: [
            { form: "nvmsgconv-minimal", mqtt: { url: "mqtt://broker", homeAssistant: true } },
          ],
        },
      },
      /events\.sinks\[0\]\.mqtt\.homeAssistant: cannot be true with form nvmsgconv-minimal/,
    ],
    [
      "an event that does not exist",
      { events: { sinks: [{ file: {}, types: ["zone.enter"] }] } },
      /events\.sinks\[0\]\.types\[0\]: is "zone\.enter"; allowed: .*\(did you mean zone\.entered\?\)/,
    ],
    [
      "a mask of two points",
      {
        cameras: [
          {
            uri: "test://",
            masks: [
              [
                [0, 0],
                [1, 1],
              ],
            ],
          },
        ],
      },
      /masks\[0\]: has 2 items; allowed: at least 3/,
    ],
    [
      "a point outside the frame",
      {
        cameras: [
          {
            uri: "test://",
            masks: [
              [
                [0, 0],
                [1, 1],
                [50, 1],
              ],
            ],
          },
        ],
      },
      /masks\[0\]\[2\]\[0\]: is 50; .*\(did you mean 0\.5\?\)/,
    ],
    [
      "an address over two lines",
      { cameras: [{ uri: "rtsp://cam/1\n" }] },
      /uri: is refused; allowed: the address of a camera/,
    ],
    [
      "an endless address",
      { cameras: [{ uri: `rtsp://cam/${"x".repeat(2048)}` }] },
      /uri: is refused; allowed: the address of a camera/,
    ],
    ["a yes", { overlay: { boxes: "yes" } }, /overlay\.boxes: is a string; allowed: true or false/],
    [
      "a huge number",
      '{"model": {"interval": 1e999}}',
      /model\.interval: is a number; allowed: a whole number/,
    ],
    [
      "a broken number",
      { model: { interval: 1.5 } },
      /model\.interval: is 1\.5; allowed: a whole number/,
    ],
    [
      "two targets",
      { outputs: [{ rtsp: { path: "/a" }, file: { path: "b.mkv" } }] },
      /outputs\[0\]: has more than one of rtsp, file and window; allowed: one/,
    ],
    [
      "a file outside the directory of recordings",
      { outputs: [{ file: { path: "/var/lib/slipstream/recordings/a.mkv" } }] },
      /file\.path: is ".*"; allowed: a name such as yard\.mkv .* \(did you mean a\.mkv\?\)/,
    ],
    [
      "a file above the directory of recordings",
      { outputs: [{ file: { path: "../a.mkv" } }] },
      /file\.path: is "\.\.\/a\.mkv"; allowed: a name/,
    ],
    [
      "a window that is to be something",
      { outputs: [{ window: { width: 5 } }] },
      /window\.width: is unknown/,
    ],
    [
      "a viewer with a colon",
      { rtspServer: { users: [{ username: "a:b", password: "p" }] } },
      /users\[0\]\.username: is refused; allowed: 1 to 255/,
    ],
    [
      "a viewer without a password",
      { rtspServer: { users: [{ username: "a", password: "" }] } },
      /users\[0\]\.password: is refused; allowed: 1 to 1024/,
    ],
    [
      "invalid hours",
      { hours: { on: "7 am", off: "0 19 * * *" } },
      /^settings\.json:3: hours\.on: is not a cron expression: it has 2 fields; allowed: five fields/,
    ],
    [
      "an invalid model",
      { model: { bundle: "two words" } },
      /model\.bundle: is "two words"; allowed: the name of a model/,
    ],
    [
      "a long text, without quoting it",
      { tracker: "x".repeat(10_000) },
      /tracker: is a string of 10000 characters; allowed: none, iou/,
    ],
  ];
  for (const [what, content, message] of wrong) {
    it(`refuses ${what}`, () => {
      const [fault, ...others] = faults(content);
      assert.match(fault ?? "", message);
      assert.deepEqual(others, []);
    });
  }

  it("shows no password, wherever it is", () => {
    const lines = faults({
      cameras: [
        { uri: "rstp://u:hunter2@cam/1" },
        { uri: "rtsp://u:hun/ter2@b/hunter2", credentials: "hunter2" },
        { uri: "rtsp://secret:hunter2/@cam/1", credentials: { username: "u", pasword: "hunter2" } },
        { uri: "rtsp://cam/1", credentials: { username: 5, password: 827364 } },
        { uri: "rtsp://cam/1", transport: "rtsp://u:hunter2@cam/1" },
      ],
      rtspServer: { users: ["viewer:hunter2", { username: "u", password: "hunter2\n" }] },
    });
    assert.ok(lines.length >= 9, lines.join("\n"));
    assert.doesNotMatch(lines.join("\n"), /hunter2|827364/);
  });

  it("reports at most twenty problems", () => {
    const content = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key${i}`, i]));
    assert.equal(faults(content).length, 20);
  });
});
