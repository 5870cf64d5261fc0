import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { connectAsync, type MqttClient } from "mqtt";
import type { MqttOptions } from "../../../common/settings/events.js";
import { defer } from "../../../common/testing/deferred.js";
import { eventually } from "../../../common/testing/eventually.js";
import { selfSigned } from "../../hub/testing/certificate.js";
import type { Connection } from "../sink.js";
import { type BrokerOptions, Mosquitto } from "../testing/mosquitto.js";
import { entered, occupied, outgoing } from "../testing/outgoing.js";
import { mqttSink } from "./mqtt.js";

const never = new AbortController().signal;
const NO_TLS = { ca: undefined, certificate: undefined, key: undefined };
const INVENTORY = { cameras: [{ id: "front", zones: ["door"], lines: ["gate"] }] };

interface Message {
  readonly topic: string;
  readonly text: string;
  readonly retained: boolean;
}

describe("an MQTT sink", () => {
  const ends: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function broker(options: BrokerOptions = {}): Promise<Mosquitto> {
    const started = await Mosquitto.start(options);
    ends.push(() => started.stop());
    return started;
  }

  function sinkOf({ port }: Mosquitto, options: Partial<MqttOptions> = {}, timeoutMs = 30_000) {
    return mqttSink(
      {
        ...{ url: `mqtt://127.0.0.1:${port}`, version: "5", clientId: undefined, topic: "site" },
        ...{ login: undefined, tls: NO_TLS, homeAssistant: false, ...options },
      },
      { node: "node/1", inventory: INVENTORY, form: "cloudevents", timeoutMs },
    );
  }

  async function open(...given: Parameters<typeof sinkOf>): Promise<Connection> {
    const connection = await sinkOf(...given).connect(never);
    ends.push(() => connection.close());
    return connection;
  }

  async function listen({ port }: Mosquitto, filter = "#"): Promise<Message[]> {
    const messages: Message[] = [];
    const client: MqttClient = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      protocolVersion: 5,
    });
    ends.push(() => client.endAsync(true));
    client.on("message", (topic, payload, { retain: retained }) => {
      messages.push({ topic, text: payload.toString(), retained });
    });
    await client.subscribeAsync(filter, { qos: 1 });
    return messages;
  }

  for (const version of ["5", "3.1.1"] as const) {
    it(`publishes events in order with MQTT ${version}, and retains states`, async () => {
      const mosquitto = await broker();
      const before = await listen(mosquitto, "site/node_1/cameras/#");
      const connection = await open(mosquitto, { version });
      const events = Array.from({ length: 300 }, (_, index) => outgoing(entered(String(index))));
      await connection.deliver([...events, outgoing(occupied(2))], never);
      await eventually(() => before.length === 301, "all have arrived");
      assert.deepEqual(
        before.slice(0, 300).map(({ topic, text }) => [topic, text]),
        events.map(({ text }) => ["site/node_1/cameras/front/zones/door/entered", text]),
      );
      const after = await listen(mosquitto, "site/node_1/cameras/#");
      await eventually(() => after.length > 0, "the state has arrived");
      assert.deepEqual(
        after.map(({ topic, retained }) => [topic, retained]),
        [["site/node_1/cameras/front/zones/door/occupancy", true]],
      );
    });
  }

  it("says online, offline when it stops, and offline by its last will when it is killed", async () => {
    const mosquitto = await broker();
    const seen = await listen(mosquitto, "site/node_1/status");
    const first = await sinkOf(mosquitto).connect(never);
    await first.close();
    await eventually(() => seen.length === 2, "it has said both");
    // Another client of the same id: the broker cuts off the first one, as a dead connection.
    const killed = await open(mosquitto);
    const broken = defer<Error>();
    killed.onBroken?.(broken.resolve);
    const other = await connectAsync(`mqtt://127.0.0.1:${mosquitto.port}`, {
      clientId: "slipstream-node/1",
    });
    ends.push(() => other.endAsync(true));
    await broken.promise;
    await eventually(() => seen.length === 4, "the last will has arrived");
    assert.deepEqual(
      seen.map(({ text }) => text),
      ["online", "offline", "online", "offline"],
    );
  });

  it("repeats states to a broker that has lost them", async () => {
    const mosquitto = await broker();
    const sink = sinkOf(mosquitto);
    const first = await sink.connect(never);
    await first.deliver([outgoing(occupied(1)), outgoing(occupied(2))], never);
    const broken = defer<Error>();
    first.onBroken?.(broken.resolve);
    await mosquitto.kill();
    await broken.promise;
    await first.close();
    await mosquitto.start();
    const second = await sink.connect(never);
    ends.push(() => second.close());
    const seen = await listen(mosquitto, "site/node_1/cameras/#");
    await eventually(() => seen.length > 0, "the state has arrived");
    assert.deepEqual(
      seen.map(({ text }) => JSON.parse(text).data.count),
      [2],
    );
  });

  it("fails when the broker dies, and says so", async () => {
    const mosquitto = await broker();
    const connection = await open(mosquitto);
    const broken = defer<Error>();
    connection.onBroken?.(broken.resolve);
    await mosquitto.kill();
    await broken.promise;
    await assert.rejects(connection.deliver([outgoing(entered("1"))], never), {
      name: "SinkError",
    });
    await assert.rejects(open(mosquitto), {
      name: "SinkError",
      message: /ECONNREFUSED|cannot reach/,
    });
  });

  it("names a broker that refuses its login", async () => {
    const mosquitto = await broker({
      settings: ["allow_anonymous false", "password_file DIRECTORY/users"],
      files: { users: "" },
    });
    const login = { username: "u", password: "hunter2" };
    await assert.rejects(open(mosquitto, { login }), (err: Error) => {
      assert.match(err.message, /^the broker refuses: .*[Nn]ot authorized/);
      assert.doesNotMatch(err.message, /hunter2/);
      return true;
    });
  });

  it("connects with TLS and a client certificate, and not without them", async () => {
    const [server, client] = [selfSigned(), selfSigned("node")];
    const mosquitto = await broker({
      settings: [
        "certfile DIRECTORY/server.pem",
        "keyfile DIRECTORY/server.key",
        "cafile DIRECTORY/client.pem",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous false",
      ],
      files: {
        "server.pem": server.certificate,
        "server.key": server.key,
        "client.pem": client.certificate,
      },
    });
    const url = `mqtts://localhost:${mosquitto.port}`;
    const tls = { ca: server.certificate, certificate: client.certificate, key: client.key };
    const connection = await open(mosquitto, { url, tls });
    await connection.deliver([outgoing(entered("1"))], never);
    await assert.rejects(open(mosquitto, { url, tls: { ...tls, ca: undefined } }), {
      message: /self-signed certificate/,
    });
    await assert.rejects(open(mosquitto, { url, tls: { ...NO_TLS, ca: server.certificate } }), {
      name: "SinkError",
    });
  });

  it("announces cameras, zones and lines to Home Assistant", async () => {
    const mosquitto = await broker();
    await open(mosquitto, { homeAssistant: true });
    const seen = await listen(mosquitto, "homeassistant/#");
    await eventually(() => seen.length === 4, "all are announced");
    const zone = seen.find(({ topic }) => topic.includes("door"));
    assert.equal(zone?.topic, "homeassistant/sensor/slipstream_node_1_front_door/config");
    const config = JSON.parse(zone?.text ?? "");
    assert.equal(config.state_topic, "site/node_1/cameras/front/zones/door/occupancy");
    assert.equal(config.availability_topic, "site/node_1/status");
  });
});
