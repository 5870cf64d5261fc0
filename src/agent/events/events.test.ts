import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { CloudEvent } from "../../common/events/cloud-event.js";
import { type CameraAnalytics, DEFAULT_OBJECTS } from "../../common/settings/analytics.js";
import {
  DEFAULT_QUEUE,
  type PictureOptions,
  type SinkOptions,
  type SinkTarget,
} from "../../common/settings/events.js";
import { eventually } from "../../common/testing/eventually.js";
import { systemClock } from "../../common/time/clock.js";
import type { Peer, PictureRequest } from "../sidecar/sidecar.js";
import type { CameraState, SidecarEvent } from "../sidecar/state.js";
import { detectionOf, frameOf } from "../testing/detections.js";
import { Events, type EventsEvent } from "./events.js";
import { Mosquitto } from "./testing/mosquitto.js";

const ALL = { types: undefined, cameras: undefined, classes: undefined };
const FILE: SinkTarget = { t: "file", name: "e.jsonl", maxBytes: 1e9, files: 2 };
const ANALYTICS: CameraAnalytics = {
  zones: [
    {
      id: "door",
      points: [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ],
      classes: [],
      loiteringAfterMs: undefined,
      crowd: undefined,
    },
  ],
  lines: [],
  objects: { ...DEFAULT_OBJECTS, seenAfterMs: 0 },
};

describe("Events", () => {
  let stateDir: string;
  let heard: EventsEvent[];
  let captured: number;
  let stops: (() => Promise<void>)[];
  let asked: PictureRequest[];

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "events-"));
    [heard, captured, stops, asked] = [[], Date.now(), [], []];
  });

  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
    rmSync(stateDir, { recursive: true });
  });

  function sink(target: SinkTarget, options: Partial<SinkOptions> = {}): SinkOptions {
    return {
      id: target.t,
      filter: ALL,
      maxPerSecond: Infinity,
      form: "cloudevents",
      target,
      ...options,
    };
  }

  async function start(sinks: readonly SinkOptions[] = [sink(FILE)], pictures?: PictureOptions) {
    const events = new Events({
      ...{ stateDir, node: "n1", clock: systemClock, wallClock: Date.now },
      redact: (text) => text.replaceAll("hunter2", "***"),
      openSidecar: () => ({
        takePicture: (request) => {
          asked.push(request);
          return Promise.resolve(new Uint8Array([1]));
        },
        close: () => {},
      }),
      onEvent: (event) => heard.push(event),
    });
    await events.load();
    events.setOptions({
      analytics: { front: ANALYTICS },
      events: { sinks, queue: DEFAULT_QUEUE, pictures },
    });
    const controller = new AbortController();
    const ended = events.run(controller.signal);
    const stop = async () => {
      controller.abort();
      await ended;
    };
    stops.push(stop);
    return { events, stop };
  }

  function update(events: Events, event: SidecarEvent, isTest = false): void {
    events.onReconcilerEvent({ t: "update", event }, isTest);
  }

  /** Shows the objects of these tracks for a frame. */
  function show(events: Events, tracks: readonly bigint[], isTest = false): void {
    captured += 100;
    const detections = tracks.map((trackId) => detectionOf({ trackId }));
    const frame = frameOf({ detections, captured: new Date(captured) }, []);
    update(events, { t: "detections", detections: frame }, isTest);
  }

  function connect(events: Events, instanceId: string): void {
    events.onReconcilerEvent({ t: "connected", peer: { instanceId } as Peer }, false);
  }

  function setCamera(events: Events, state: CameraState): void {
    const camera = { id: "front", since: undefined, state } as never;
    update(events, { t: "camera", camera });
  }

  function written(): CloudEvent[] {
    const path = join(stateDir, "events", "e.jsonl");
    if (!existsSync(path)) return [];
    return readFileSync(path, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  function typesIn(events: readonly CloudEvent[]): string[] {
    return events.map(({ type }) => type).filter((type) => type !== "slipstream.camera.counts");
  }

  const ENTERING = [
    "slipstream.object.seen",
    "slipstream.zone.entered",
    "slipstream.zone.occupancy",
  ];
  const LEAVING = ["slipstream.zone.left", "slipstream.object.gone", "slipstream.zone.occupancy"];

  it("bring what cameras see to a sink, with an id each, the node and the camera", async () => {
    const { events } = await start();
    connect(events, "w1");
    show(events, [1n]);
    await eventually(() => written().length === 4, "all are written");
    const all = written();
    assert.deepEqual(typesIn(all), ENTERING);
    assert.equal(new Set(all.map(({ id }) => id)).size, 4);
    const [seen] = all;
    assert.equal(seen?.source, "/slipstream/n1/cameras/front");
    assert.equal(seen?.partitionkey, "front");
    assert.equal(seen?.time, new Date(captured).toISOString());
  });

  it("end objects when the camera is lost, and when another worker follows them", async () => {
    const { events } = await start();
    connect(events, "w1");
    show(events, [1n]);
    setCamera(events, { t: "lost", reason: "timeout", detail: "", nextAttempt: undefined });
    show(events, [1n]);
    connect(events, "w2");
    const expected = [...ENTERING, ...LEAVING, "slipstream.camera.state", ...ENTERING, ...LEAVING];
    await eventually(() => typesIn(written()).length === expected.length, "all are written");
    assert.deepEqual(typesIn(written()), expected);
  });

  it("know after a restart who is in a zone, and what was counted", async () => {
    const first = await start();
    connect(first.events, "w1");
    show(first.events, [1n]);
    await eventually(() => written().length === 4, "all are written");
    await first.stop();
    const { events } = await start();
    connect(events, "w1");
    show(events, [1n, 2n]);
    await eventually(() => typesIn(written()).length === 6, "the second has entered");
    const [, , , seen, entered] = written().filter(({ type }) => !type.endsWith("counts"));
    assert.deepEqual([seen?.type, entered?.type], ENTERING.slice(0, 2));
    assert.ok(entered !== undefined && "totals" in entered.data && "day" in entered.data.totals);
    assert.equal(entered.data.totals.day, 2);
  });

  it("hold no secret that a camera has said", async () => {
    const { events } = await start();
    const detail = "401 for u:hunter2";
    setCamera(events, { t: "lost", reason: "login refused", detail, nextAttempt: undefined });
    await eventually(() => written().length === 1, "it is written");
    assert.doesNotMatch(JSON.stringify(written()), /hunter2/);
  });

  it("take no test pattern of a trial for a camera", async () => {
    const { events } = await start();
    show(events, [1n], true);
    show(events, [2n]);
    await eventually(() => written().length === 4, "all are written");
    assert.ok(written().every(({ data }) => !("object" in data) || data.object.track === "2"));
  });

  it("reach a sink that works while another is dead, and the dead one once it is back", async () => {
    const broker = await Mosquitto.start();
    stops.push(() => broker.stop());
    await broker.kill();
    const tls = { ca: undefined, certificate: undefined, key: undefined };
    const mqtt: SinkTarget = {
      ...{ t: "mqtt", url: `mqtt://127.0.0.1:${broker.port}`, version: "5", topic: "s", tls },
      ...{ clientId: undefined, login: undefined, homeAssistant: false },
    };
    const { events } = await start([sink(mqtt), sink(FILE)]);
    show(events, [1n]);
    await eventually(() => written().length === 4, "the file has them");
    await eventually(() => heard.some(({ t }) => t === "sink failed"), "the other one has failed");
    await broker.start();
    const isConnected = () =>
      heard.some((one) => one.t === "sink connected" && one.sink === "mqtt");
    await eventually(isConnected, "it is connected");
  });

  it("name a picture of the object in the events that get one, and keep it", async () => {
    const bounds = { maxBytes: 1e6, maxCount: 10, maxAgeMs: 60_000 };
    const { events } = await start([sink(FILE)], {
      types: ["zone.entered"],
      of: "object",
      ...bounds,
    });
    show(events, [1n]);
    await eventually(() => written().length === 4, "all are written");
    const named = written().flatMap(({ type, data }) =>
      "picture" in data && data.picture !== undefined ? [{ type, id: data.picture }] : [],
    );
    assert.deepEqual(
      named.map(({ type }) => type),
      ["slipstream.zone.entered"],
    );
    const directory = join(stateDir, "events", "pictures");
    const path = join(directory, `${named[0]?.id}.jpg`);
    await eventually(() => existsSync(path), "it is kept");
    assert.deepEqual([...((await events.picture(named[0]?.id ?? "")) ?? [])], [1]);
    const [request] = asked;
    assert.equal(request?.cameraId, "front");
    assert.notEqual(request?.area, undefined);
  });

  it("start a sink again whose settings have changed, and keep its place", async () => {
    const { events } = await start();
    show(events, [1n]);
    await eventually(() => written().length === 4, "all are written");
    events.setOptions({
      analytics: { front: ANALYTICS },
      events: {
        sinks: [sink(FILE, { filter: { ...ALL, types: ["object.gone"] } })],
        queue: DEFAULT_QUEUE,
        pictures: undefined,
      },
    });
    setCamera(events, { t: "lost", reason: "timeout", detail: "", nextAttempt: undefined });
    await eventually(() => written().length === 5, "one more is written");
    assert.equal(written().at(-1)?.type, "slipstream.object.gone");
  });

  it("go on if nothing in the directory can be written", async () => {
    const before = stateDir;
    stateDir = join(before, "file");
    writeFileSync(stateDir, "");
    const { events, stop } = await start();
    show(events, [1n]);
    await eventually(
      () => heard.some(({ t }) => t === "sink failed"),
      "the file cannot be written",
    );
    assert.deepEqual(heard.map(({ t }) => t).sort(), [
      "cannot be followed",
      "queue failed",
      "sink failed",
    ]);
    await stop();
    stateDir = before;
  });
});
