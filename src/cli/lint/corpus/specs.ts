/** Specifications, right and wrong, and a builder of right ones. */

import type { LintCase } from "./lint-case.js";
import { network } from "./networks.js";

interface Changes {
  readonly cameras?: number | readonly object[];
  readonly outputs?: readonly object[];
  readonly [field: string]: unknown;
}

/** A right specification with some of its fields changed. */
export function spec(changes: Changes = {}): object {
  const cameras = typeof changes.cameras === "number" ? changes.cameras : 1;
  return {
    models: [{ bundlePath: "/models/nanodet-coco" }],
    outputs: [output({})],
    ...changes,
    cameras: Array.isArray(changes.cameras)
      ? changes.cameras
      : Array.from({ length: cameras }, (_, i) => ({ id: `cam-${i}`, uri: `rtsp://host/${i}` })),
  };
}

function output(changes: object, encoding: object = {}): object {
  return {
    id: "main",
    encoding: {
      codec: "CODEC_H264",
      width: 1280,
      height: 720,
      bitrate: 4000000,
      frameRate: 25,
      ...encoding,
    },
    rtsp: { port: 8554, path: "/ds" },
    ...changes,
  };
}

export const SPECS: readonly LintCase[] = [
  {
    name: "every field, in both spellings",
    spec: {
      cameras: [
        {
          id: "front",
          name: "Front door",
          uri: "rtsp://10.0.0.1/ds",
          credentials: { username: "u", password: "p" },
          transport: "TRANSPORT_UDP",
          latency: "0.1s",
          masks: [
            {
              points: [
                { x: 0, y: 0 },
                { x: 1, y: 0 },
                { x: 0.5, y: 1 },
              ],
            },
          ],
        },
        { id: "test", uri: "test://", transport: 1, credentials: null },
      ],
      models: [{ bundle_path: "/m", interval: 0, threshold: 0.5, classes: ["person"] }],
      tracker: { algorithm: "TRACKER_ALGORITHM_NVDCF" },
      overlay: { boxes: true, labels: true, counts: false, names: true },
      outputs: [
        output({ layout: "LAYOUT_PER_CAMERA" }),
        output(
          {
            id: "file",
            rtsp: undefined,
            file: { path: "north/a.mkv", file_duration: "60s", max_bytes: "5000000000" },
          },
          { frame_rate: 5 },
        ),
      ],
    },
    on: { "t4 nano": [] },
  },
  {
    name: "a window",
    spec: spec({
      outputs: [
        { id: "screen", window: {}, encoding: { width: 640, height: 360, frameRate: 25 } },
        { id: "wall", window: {}, encoding: { width: 640, frameRate: 25 } },
      ],
    }),
    on: {
      "t4 nano orin-nano": [
        "out-of-range outputs[1].encoding.height",
        "window-needs-display outputs[0].window",
        "window-needs-display outputs[1].window",
      ],
    },
    says: /DISPLAY/,
  },
  {
    name: "no hardware encoder on the board",
    spec: spec(),
    on: { "orin-nano": ["software-encoder outputs[0].encoding.codec"], "t4 nano 7.1/jetson": [] },
  },
  {
    name: "more than the boards are known to do",
    spec: spec({
      cameras: 9,
      outputs: [output({ layout: "LAYOUT_PER_CAMERA" }, { width: 1920, height: 1080 })],
    }),
    on: {
      t4: [],
      nano: ["too-many-cameras cameras", "too-many-streams outputs"],
      "orin-nano": [
        "too-many-cameras cameras",
        "software-encoder outputs[0].encoding.codec",
        "too-many-streams outputs",
      ],
    },
  },
  {
    name: "detection that looks where something moves",
    spec: spec({ cameras: [{ id: "a", uri: "test://ball", still_interval: "2s" }] }),
    on: { t4: ["still-interval-ignored cameras[0].still_interval"], cpu: [] },
  },
  {
    name: "the tracker of engine cpu",
    spec: spec({ tracker: { algorithm: "TRACKER_ALGORITHM_IOU" } }),
    on: { cpu: [] },
  },
  {
    name: "a tracker that engine cpu lacks",
    spec: spec({ tracker: { algorithm: "TRACKER_ALGORITHM_NVDCF" } }),
    on: { cpu: ["tracker-unavailable tracker.algorithm"] },
  },
  {
    name: "hidden objects",
    spec: spec({
      cameras: [{ id: "a", uri: "rtsp://host/0", hiding: { classes: ["person"], method: 2 } }],
    }),
    on: { cpu: [], t4: ["hiding-unsupported cameras[0].hiding"] },
  },
  {
    name: "hidden objects of a class that the bundle drops",
    spec: spec({
      cameras: [{ id: "a", uri: "rtsp://host/0", hiding: { classes: ["car", "person", "cat"] } }],
    }),
    bundle: {
      "config_infer.txt":
        "[property]\nonnx-file=network.onnx\nlabelfile-path=labels.txt\nnum-detected-classes=2\nnetwork-mode=2\nfilter-out-class-ids=1\ncluster-mode=2\n",
      "labels.txt": "person\ncar\n",
      "network.onnx": network("any number of pictures"),
    },
    on: {
      cpu: [
        "class-filtered-out cameras[0].hiding.classes[0]",
        "unknown-class cameras[0].hiding.classes[2]",
        "config-no-meaning config_infer.txt",
      ],
    },
    says: /filter-out-class-ids/,
  },
  {
    name: "hidden objects of no class",
    spec: spec({ cameras: [{ id: "a", uri: "rtsp://host/0", hiding: {} }] }),
    on: { cpu: ["missing-field cameras[0].hiding.classes"] },
  },
  {
    name: "a tracker of later releases",
    spec: spec({ tracker: { algorithm: "TRACKER_ALGORITHM_NVSORT" } }),
    on: {
      t4: [],
      nano: ["tracker-unavailable tracker.algorithm"],
      cpu: ["tracker-unavailable tracker.algorithm"],
    },
    says: /it has IOU, NvDCF, NvDeepSORT/,
  },
  {
    name: "the tracker that every engine has",
    spec: spec({ tracker: { algorithm: "TRACKER_ALGORITHM_IOU" } }),
    on: { "t4 nano cpu": [] },
  },
  {
    name: "nothing in it",
    spec: {},
    on: {
      t4: ["missing-field cameras", "missing-field models", "missing-field outputs"],
    },
  },
  {
    name: "misspelt fields and values, and values of the wrong type",
    spec: spec({
      overlays: {},
      tracker: { algorithm: "TRACKER_ALGORITHM_NVDFC" },
      models: [{ bundlePath: 7, treshold: 0.5, interval: -1 }],
      outputs: [output({ layout: ["x"] }, { codec: "H266", bitrate: "a lot" })],
    }),
    on: {
      t4: [
        "unknown-field overlays",
        "unknown-value tracker.algorithm",
        "wrong-type models[0].bundle_path",
        "unknown-field models[0].treshold",
        "wrong-type models[0].interval",
        "unknown-value outputs[0].layout",
        "unknown-value outputs[0].encoding.codec",
        "wrong-type outputs[0].encoding.bitrate",
        "missing-field models[0].bundle_path",
        "out-of-range outputs[0].encoding.bitrate",
      ],
    },
    says: /did you mean TRACKER_ALGORITHM_NVDCF\?/,
  },
  {
    name: "cameras with bad ids, addresses and masks",
    spec: spec({
      cameras: [
        { id: "Front door", uri: "http://host/a" },
        { id: "a", uri: "rtsp://user:secret@host/a", latency: "fast" },
        { id: "a", masks: [{ points: [{ x: 0, y: 0 }] }] },
        {
          uri: "/dev/video0",
          masks: [
            {
              points: [
                { x: 0, y: 0 },
                { x: 2, y: 0 },
                { x: 0, y: 1 },
              ],
            },
          ],
        },
        ["rtsp://host/b"],
      ],
    }),
    on: {
      t4: [
        "wrong-type cameras[1].latency",
        "wrong-type cameras[4]",
        "invalid-id cameras[0].id",
        "duplicate-id cameras[2].id",
        "missing-field cameras[3].id",
        "missing-field cameras[4].id",
        "invalid-uri cameras[0].uri",
        "login-in-uri cameras[1].uri",
        "missing-field cameras[2].uri",
        "missing-field cameras[4].uri",
        "out-of-range cameras[2].masks[0].points",
        "out-of-range cameras[3].masks[0].points[1]",
      ],
    },
  },
  {
    name: "outputs that clash or cannot be",
    spec: spec({
      outputs: [
        output({ id: "a" }, { width: 1279, height: 0, frameRate: 0 }),
        output({ id: "b", rtsp: { port: 9000, path: "/ds" } }),
        output({ id: "c", rtsp: { port: 0, path: "ds" } }),
        output({ id: "d", rtsp: undefined, file: { path: "/a.mkv" } }),
        output({ id: "e", file: { path: "a.mkv" } }),
        { id: "f", file: { path: "b.mkv" } },
        output({ id: "g", rtsp: undefined, file: { path: "b.mkv", max_bytes: -1 } }),
      ],
    }),
    on: {
      t4: [
        "out-of-range outputs[0].encoding.width",
        "out-of-range outputs[0].encoding.height",
        "out-of-range outputs[0].encoding.frame_rate",
        "several-ports outputs[1].rtsp.port",
        "duplicate-id outputs[1].rtsp.path",
        "out-of-range outputs[2].rtsp.port",
        "unknown-value outputs[2].rtsp.path",
        "several-ports outputs[2].rtsp.port",
        "unknown-value outputs[3].file.path",
        "wrong-type outputs[6].file.max_bytes",
        "missing-field outputs[4]",
        "duplicate-id outputs[4].rtsp.path",
        "missing-field outputs[5].encoding",
        "duplicate-id outputs[6].file.path",
      ],
    },
  },
  {
    name: "a threshold beyond 1",
    spec: spec({ models: [{ bundlePath: "/m", threshold: 50 }] }),
    on: { t4: ["out-of-range models[0].threshold"] },
  },
  { name: "no JSON", spec: "cameras:\n  - id: a\n", on: { t4: ["not-json spec.json:1"] } },
  {
    name: "JSON that ends too early",
    spec: '{\n"cameras": [{',
    on: { t4: ["not-json spec.json:2"] },
  },
  {
    name: "a comma too many, and everything after it right",
    spec: '{\n"cameras": [],,\n"outputs": []\n}\n',
    on: { t4: ["not-json spec.json:2"] },
  },
  { name: "JSON that is no object", spec: "[1]", on: { t4: ["not-json spec.json"] } },
  { name: "an empty file", spec: "", on: { t4: ["not-json spec.json:1"] } },
  {
    name: "names that JavaScript's objects have",
    spec: '{"cameras":[{"id":"a","uri":"test://","__proto__":{},"constructor":1}],"models":[{"bundlePath":"/m"}],"outputs":[{"id":"f","file":{"path":"a.mkv"},"encoding":{"width":64,"height":64,"bitrate":90000,"frameRate":5}}]}',
    on: { t4: ["unknown-field cameras[0].__proto__", "unknown-field cameras[0].constructor"] },
  },
];
