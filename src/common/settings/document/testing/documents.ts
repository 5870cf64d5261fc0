/** Random settings documents: valid ones, ones with one mistake, and hostile ones. */

import type { SeededRandom } from "../../../testing/seeded-random.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

/** A document that every node accepts. */
export function rightDocument(random: SeededRandom): { [key: string]: Json } {
  return some(random, {
    $schema: () => "settings.schema.json",
    cameras: () => random.list(1, 6, (index) => camera(random, index)),
    cameraDefaults: () => some(random, cameraFields(random)),
    model: () =>
      some(random, {
        bundle: () => random.pick(["nanodet-coco", "people@1.2.0", "/var/lib/m", "models/x"]),
        interval: () => random.between(0, 10_000),
        threshold: () => random.pick([0, 1, 0.35, 1e-9, random.number()]),
        classes: () => random.list(0, 5, () => random.pick(["person", "traffic light", "人"])),
      }),
    tracker: () => random.pick(["none", "iou", "nvsort", "nvdcf", "nvdeepsort", "NvDCF"]),
    analytics: () =>
      some(random, {
        point: () => random.pick(["foot", "centre"]),
        margin: () => random.number(),
        seenAfter: () => duration(random, 0, 60_000),
        goneAfter: () => duration(random, 0, 600_000),
      }),
    events: () =>
      some(random, {
        sinks: () => random.list(0, 4, (index) => sink(random, index)),
        queue: () =>
          some(random, {
            maxBytes: () => random.between(100_000, 1e9),
            maxAge: () => duration(random, 60_000, 86_400_000),
            whenFull: () => random.pick(["drop-oldest", "drop-newest"]),
          }),
      }),
    overlay: () => some(random, yesOrNo(random, ["boxes", "labels", "counts", "names"])),
    outputs: () => random.list(1, 4, (index) => output(random, index)),
    outputDefaults: () => some(random, encodingFields(random)),
    rtspServer: () =>
      some(random, {
        port: () => random.between(1, 65_535),
        users: () =>
          random.chance(0.5)
            ? "secret:viewers"
            : random.list(0, 3, (i) => ({ username: `viewer ${i}`, password: 'pä ss"' })),
      }),
    hours: () => hours(random),
    trial: () =>
      some(random, {
        time: () => duration(random, 1000, 3_600_000),
        frameRate: () => random.number(),
        latencyFactor: () => random.between(1, 100),
        deaths: () => random.between(0, 100),
        connectionFailures: () => random.between(0, 100),
        detections: () => random.number(),
      }),
    maintenance: () =>
      some(random, {
        timeZone: () => random.pick(["UTC", "Europe/Berlin"]),
        rebuilds: () => hours(random),
        modelCheck: () => "0 3 * * *",
        report: () => "@daily",
      }),
  });
}

/** Each field is there or not. */
function some(random: SeededRandom, fields: Readonly<Record<string, () => Json>>) {
  const entries = Object.entries(fields).filter(() => random.chance(0.6));
  return Object.fromEntries(entries.map(([name, make]) => [name, make()]));
}

function camera(random: SeededRandom, index: number): Json {
  const uris = [
    "rtsp://10.0.0.9/live?ch=1&subtype=0",
    "rtsp://u:p%40ss@cam.local:554/live",
    "rtsp://secret:cam-1@cam/1",
    "rtsps://cam/1?password=secret:cam-1",
    "file:///data/clip.mp4",
    "/dev/video0",
    "test://ball",
  ];
  const optional = {
    id: () => `cam-${index}`,
    name: () => random.pick([`Camera ${index}`, "玄関", "a".repeat(62) + index, `𝒳 ${index}`]),
    credentials: () => credentials(random),
    ...cameraFields(random),
    masks: () =>
      random.list(0, 3, () => random.list(3, 8, () => [random.number(), random.number()])),
    zones: () =>
      random.list(0, 3, (index) => ({
        id: `zone-${index}`,
        points: triangle(random),
        ...some(random, {
          classes: () => random.list(0, 3, () => random.pick(["person", "car"])),
          loiteringAfter: () => duration(random, 1000, 86_400_000),
          crowd: () => random.between(0, 10_000),
          crowdAfter: () => duration(random, 0, 86_400_000),
        }),
      })),
    lines: () =>
      random.list(0, 3, (index) => {
        const [from, to] = triangle(random);
        return { id: `line-${index}`, from: from ?? [], to: to ?? [] };
      }),
    hours: () => hours(random),
  };
  return { uri: random.pick(uris), ...some(random, optional) };
}

/** A corner of the frame of any size. */
function triangle(random: SeededRandom): number[][] {
  const size = 0.1 + 0.9 * random.number();
  return [
    [0, 0],
    [size, 0],
    [0, size],
  ];
}

function sink(random: SeededRandom, index: number): Json {
  const tls = {
    ca: () => "secret:ca",
    ...(random.chance(0.5) ? {} : { certificate: () => "secret:c", key: () => "secret:k" }),
  };
  const both = (target: { [key: string]: Json }) => {
    const { certificate, key, ...others } = target;
    return certificate === undefined || key === undefined ? others : target;
  };
  const target = random.pick<() => Json>([
    () => ({
      mqtt: both({
        url: random.pick(["mqtt://broker", "mqtts://[::1]:8884"]),
        ...some(random, {
          version: () => random.pick(["5", "3.1.1"]),
          clientId: () => "node",
          topic: () => "site/north",
          credentials: () => "secret:broker",
          homeAssistant: () => random.chance(0.5),
          ...tls,
        }),
      }),
    }),
    () => ({
      webhook: both({
        url: "https://example.com/events?key=secret:key",
        ...some(random, {
          batch: () => random.between(1, 1000),
          signWith: () => "secret:key",
          token: () => "secret:token",
          ...tls,
        }),
      }),
    }),
    () => ({ file: some(random, { name: () => `${index}.jsonl`, files: () => 3 }) }),
  ])() as { [key: string]: Json };
  const common = {
    types: () => random.list(0, 3, () => random.pick(["zone.entered", "camera.state"])),
    cameras: () => ["front"],
    classes: () => ["person"],
    maxPerSecond: () => 0.5,
  };
  return { id: `sink-${index}`, ...some(random, common), ...target };
}

function cameraFields(random: SeededRandom) {
  return {
    transport: () => random.pick(["tcp", "udp", "TCP"]),
    latency: () => duration(random, 0, 10_000),
    acceptAnyCertificate: () => random.chance(0.5),
    frozenAfter: () => duration(random, 0, 86_400_000),
    silentAfter: () => duration(random, 0, 86_400_000),
    stillInterval: () => duration(random, 0, 60_000),
  };
}

function credentials(random: SeededRandom): Json {
  const password = random.pick(["p", "secret:x", "pä ss@/%", "\\\"'{}", ""]);
  return random.chance(0.5) ? "secret:cam-front" : { username: "u", password };
}

function output(random: SeededRandom, index: number): Json {
  const target: { [key: string]: Json } = random.chance(0.7)
    ? { rtsp: { path: `/out/${index}` } }
    : random.pick<{ [key: string]: Json }>([
        { file: { path: `north/${index}.mkv`, duration: "30s", maxBytes: 5_000_000_000 } },
        { file: { path: `${index}.mkv` } },
        { window: {} },
      ]);
  return { ...some(random, { id: () => `out-${index}`, ...encodingFields(random) }), ...target };
}

function encodingFields(random: SeededRandom) {
  return {
    layout: () => random.pick(["tiled", "per-camera"]),
    codec: () => random.pick(["H264", "H265", "h265"]),
    width: () => 2 * random.between(8, 3840),
    height: () => 2 * random.between(8, 3840),
    bitrate: () => random.between(10_000, 100_000_000),
    frameRate: () => random.between(1, 120),
  };
}

function yesOrNo(random: SeededRandom, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, () => random.chance(0.5)]));
}

function hours(random: SeededRandom): Json {
  const on = random.pick<Json>(["0 7 * * 1-5", ["0 6 * * *", "30 12 * * sat"]]);
  return { ...some(random, { timeZone: () => "America/New_York" }), on, off: "0 19 * * *" };
}

function duration(random: SeededRandom, minMs: number, maxMs: number): string {
  const ms = random.between(minMs, maxMs);
  return random.chance(0.5) && ms >= 1000 ? `${Math.floor(ms / 1000)}s` : `${ms}ms`;
}

/** A valid document with one mistake, and its path. */
export function nearlyRight(random: SeededRandom): { readonly text: string; readonly path: Path } {
  for (;;) {
    const document = rightDocument(random);
    const places = placesIn(document, []).filter(([first]) => first !== "$schema");
    if (places.length === 0) continue;
    const path = random.pick(places);
    const spoilt = random.chance(0.2)
      ? rename(document, path)
      : replace(document, path, random.pick(WRONG));
    if (spoilt !== undefined) return { text: JSON.stringify(spoilt, null, 2), path };
  }
}

/** Valid nowhere. */
const WRONG: readonly Json[] = [
  null,
  [[[]]],
  "\0",
  "x".repeat(5000),
  "\ud800",
  -1,
  1e300,
  { nothing: { of: "ours" } },
];

function placesIn(value: Json, path: Path): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const parts = Object.entries(value).flatMap(([key, part]) =>
    placesIn(part, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? parts : [path, ...parts];
}

/** A copy with another value at a path. */
function replace(value: Json, [key, ...rest]: Path, by: Json): Json {
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    return value.map((item, index) => (index === key ? replace(item, rest, by) : item));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      name === key ? replace(part, rest, by) : part,
    ]),
  );
}

/** A copy whose key at a path is misspelt; undefined where the path ends in a list. */
function rename(value: Json, path: Path): Json | undefined {
  const [key, parents] = [path.at(-1), path.slice(0, -1)];
  if (typeof key !== "string") return undefined;
  const object = parents.reduce<Json | undefined>(
    (part, name) =>
      Array.isArray(part)
        ? part[Number(name)]
        : typeof part === "object" && part !== null
          ? part[name]
          : undefined,
    value,
  );
  if (typeof object !== "object" || object === null || Array.isArray(object)) return undefined;
  const renamed = Object.entries(object).map(([name, part]): [string, Json] => [
    name === key ? `${name}x` : name,
    part,
  ]);
  return replace(value, parents, Object.fromEntries(renamed));
}

/** Texts that try to cost time or memory, to escape their directory or to pass for something else. */
export function hostileText(random: SeededRandom): string {
  return random.pick(HOSTILE)(random);
}

const HOSTILE: readonly ((random: SeededRandom) => string)[] = [
  // Depth.
  (random) => random.pick(["[", '{"a":', '[{"a":']).repeat(random.between(33, 100_000)),
  (random) => {
    const depth = random.between(33, 10_000);
    return `{"cameras":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  },
  // Numbers.
  (random) => `{"model":{"interval":${random.pick(["1e999", "-1", "1e-3", "9".repeat(50_000)])}}}`,
  (random) =>
    `{"rtspServer":{"port":${random.pick(["8554.5", "1e999", "0x10", "+1", "NaN", "08554"])}}}`,
  // Names of what every object has.
  (random) => `{"${random.pick(INHERITED)}":{"uri":"test://"}}`,
  (random) => `{"cameras":[{"uri":"test://","${random.pick(INHERITED)}":{}}]}`,
  (random) => `{"overlay":{"${random.pick(INHERITED)}":true}}`,
  // Length.
  (random) => JSON.stringify({ cameras: [{ uri: `rtsp://${random.pick(LONG)}` }] }),
  (random) => JSON.stringify({ cameras: [{ uri: "test://", name: random.pick(LONG) }] }),
  (random) => JSON.stringify({ tracker: random.pick(LONG) }),
  (random) => JSON.stringify({ [random.pick(LONG)]: 1 }),
  (random) => JSON.stringify({ hours: { on: random.pick(LONG), off: "0 19 * * *" } }),
  (random) =>
    JSON.stringify({
      hours: { on: "0-999999999 * * * *", off: `${random.between(0, 59)}/0 0 * * *` },
    }),
  () => JSON.stringify({ cameras: Array.from({ length: 5000 }, () => ({ uri: "rtsp://" })) }),
  () =>
    JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`camera${i}`, i]))),
  () => JSON.stringify({ model: { classes: Array.from({ length: 50_000 }, () => 5) } }),
  () => " ".repeat(1024 * 1024 + 1),
  // Twice the same key.
  () => '{"tracker":"iou","tracker":"none"}',
  () => '{"cameras":[{"uri":"test://","uri":"rtsp://cam/1"}]}',
  () => '{"tracker":"iou","\\u0074racker":"none"}',
  // Half characters, and bytes that are none.
  (random) =>
    `{"cameras":[{"uri":"test://","name":"${random.pick(["\\ud800", "\\udc00\\ud800", "\\u0000"])}"}]}`,
  (random) => random.list(1, 2000, () => String.fromCharCode(random.between(0, 0xffff))).join(""),
  // Places.
  (random) =>
    JSON.stringify({ outputs: [{ rtsp: { path: random.pick(["/../x", "//", "/a b", "/%2e"]) } }] }),
  (random) =>
    JSON.stringify({
      cameras: [
        { uri: random.pick(["/etc/passwd", "/dev/../etc/passwd", "file://x", "http://x"]) },
      ],
    }),
  (random) =>
    JSON.stringify({ rtspServer: { users: [`secret:${random.pick(["../x", "a/b", ""])}`] } }),
  // Cut short.
  (random) => {
    const text = JSON.stringify({ cameras: [{ uri: "test://" }], ...rightDocument(random) });
    return text.slice(0, random.between(0, text.length - 1));
  },
];

const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty"];

const LONG: readonly string[] = [
  "a".repeat(200_000),
  "@".repeat(200_000),
  "a-".repeat(100_000),
  "a@".repeat(100_000),
  "?pass".repeat(40_000),
  "://".repeat(60_000),
  "* ".repeat(100_000),
  "1,".repeat(100_000),
  "e\u0301".repeat(100_000),
];
