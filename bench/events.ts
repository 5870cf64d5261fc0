/** Measures what events cost: node dist/bench/events.js. Prints one line of JSON. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NEW_CAMERA, observeFrame } from "../src/agent/analytics/camera.js";
import { Forwarder } from "../src/agent/events/forwarder.js";
import { EventQueue } from "../src/agent/events/queue.js";
import { mqttSink } from "../src/agent/events/sinks/mqtt.js";
import { Mosquitto } from "../src/agent/events/testing/mosquitto.js";
import { entered, outgoing } from "../src/agent/events/testing/outgoing.js";
import { detectionOf, frameOf } from "../src/agent/testing/detections.js";
import { type CameraAnalytics, DEFAULT_OBJECTS } from "../src/common/settings/analytics.js";
import { DEFAULT_QUEUE } from "../src/common/settings/events.js";
import { systemClock } from "../src/common/time/clock.js";

const CAMERAS = 8;
const RATE = 30;
const OBJECTS = 20;
const SECONDS = 20;
const EVENTS = 20_000;

const ANALYTICS: CameraAnalytics = {
  zones: Array.from({ length: 4 }, (_, index) => ({
    id: `zone-${index}`,
    points: [
      [index / 4, 0],
      [(index + 1) / 4, 0],
      [(index + 1) / 4, 1],
      [index / 4, 1],
    ],
    classes: [],
    loiteringAfterMs: 10_000,
    crowd: { limit: 10, afterMs: 1000 },
  })),
  lines: [{ id: "middle", from: [0.5, 0], to: [0.5, 1], classes: [] }],
  objects: DEFAULT_OBJECTS,
};

/** Share of a core, for cameras whose objects walk from side to side. */
function analyticsShare(): { readonly share: number; readonly eventsPerSecond: number } {
  const states = Array.from({ length: CAMERAS }, () => NEW_CAMERA);
  const startMs = Date.UTC(2026, 10, 30);
  let events = 0;
  const before = process.cpuUsage();
  for (let frame = 0; frame < SECONDS * RATE; frame++) {
    for (const [camera, state] of states.entries()) {
      const detections = Array.from({ length: OBJECTS }, (_, object) => {
        const left = 450 + 450 * Math.sin(frame / 60 + object);
        const box = { left, top: 20 * object, width: 50, height: 100 };
        return detectionOf({ trackId: BigInt(object), box });
      });
      const timeMs = startMs + (frame * 1000) / RATE;
      const observed = observeFrame(state, frameOf({ detections }, []), timeMs, ANALYTICS);
      states[camera] = observed.state;
      events += observed.events.length;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { share: (user + system) / 1e6 / SECONDS, eventsPerSecond: events / SECONDS };
}

/** Events a second from the queue to a broker on this machine. */
async function mqttRate() {
  const directory = mkdtempSync(join(tmpdir(), "bench-events-"));
  const broker = await Mosquitto.start();
  const stop = new AbortController();
  const queue = new EventQueue(
    {
      ...{ directory: join(directory, "queue"), clock: systemClock, wallClock: Date.now },
      onEvent: () => {},
      onAppend: () => forwarder.notify(),
    },
    DEFAULT_QUEUE,
  );
  let done = () => {};
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  let before = Infinity;
  const forwarder = new Forwarder({
    ...{ id: "mqtt", form: "cloudevents" },
    sink: mqttSink(
      {
        ...{ url: `mqtt://127.0.0.1:${broker.port}`, version: "5", clientId: undefined },
        ...{ topic: "bench", login: undefined, homeAssistant: false },
        tls: { ca: undefined, certificate: undefined, key: undefined },
      },
      { node: "bench", inventory: { cameras: [] }, form: "cloudevents", timeoutMs: 30_000 },
    ),
    filter: { types: undefined, cameras: undefined, classes: undefined },
    maxPerSecond: Infinity,
    queue: {
      read: (sink, limit) => queue.read(sink, limit),
      acknowledge: (sink, sequence) => {
        queue.acknowledge(sink, sequence);
        if (sequence - before >= EVENTS) done();
      },
    },
    ...{ clock: systemClock, random: Math.random, onEvent: () => {} },
  });
  await queue.load();
  queue.setSinks(["mqtt"]);
  const running = [queue.run(stop.signal), forwarder.run(stop.signal)];
  const texts = Array.from({ length: EVENTS }, (_, index) => outgoing(entered(String(index))).text);
  queue.append([outgoing(entered("first")).text]);
  before = (await queue.read("mqtt", 1))[0]?.sequence ?? 0;
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  // As they come from cameras: a few at a time.
  for (let first = 0; first < EVENTS; first += 20) {
    queue.append(texts.slice(first, first + 20));
    if (first % 1000 === 0) await queue.saved();
  }
  await finished;
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  stop.abort();
  await Promise.all(running);
  await broker.stop();
  rmSync(directory, { recursive: true });
  return {
    eventsPerSecond: Math.round(EVENTS / seconds),
    cpuMicrosecondsPerEvent: Math.round((user + system) / EVENTS),
  };
}

const analytics = analyticsShare();
const mqtt = await mqttRate();
const memoryMb = Math.round(process.memoryUsage.rss() / 1e6);
process.stdout.write(`${JSON.stringify({ analytics, mqtt, memoryMb })}\n`);
