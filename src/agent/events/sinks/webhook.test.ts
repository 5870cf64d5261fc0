import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { CloudEvent } from "../../../common/events/cloud-event.js";
import type { WebhookOptions } from "../../../common/settings/events.js";
import { selfSigned } from "../../hub/testing/certificate.js";
import { entered, outgoing } from "../testing/outgoing.js";
import { webhookSink } from "./webhook.js";

const never = new AbortController().signal;
const NOW_MS = Date.parse("2026-11-30T12:00:00Z");
const NO_TLS = { ca: undefined, certificate: undefined, key: undefined };

interface Request {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

describe("a webhook sink", () => {
  let server: Server;
  let requests: Request[];
  let answer: (response: ServerResponse, events: readonly CloudEvent[]) => void;

  beforeEach(async () => {
    requests = [];
    answer = (response) => response.writeHead(204).end();
    server = createServer(onRequest);
    await once(server.listen(0, "127.0.0.1"), "listening");
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests.push({ headers: request.headers, body });
    answer(response, JSON.parse(body));
  }

  function deliver(
    tracks: readonly string[],
    options: Partial<WebhookOptions> = {},
    timeoutMs = 30_000,
  ) {
    const { port } = server.address() as AddressInfo;
    const sink = webhookSink(
      {
        ...{ url: `http://127.0.0.1:${port}/events`, batch: 100, tls: NO_TLS },
        ...{ signWith: undefined, token: undefined, ...options },
      },
      { wallClock: () => NOW_MS, form: "cloudevents", timeoutMs },
    );
    return sink.connect(never).then(async (connection) => {
      try {
        return await connection.deliver(
          tracks.map((track) => outgoing(entered(track))),
          never,
        );
      } finally {
        await connection.close();
      }
    });
  }

  function tracksIn({ body }: Request): string[] {
    return JSON.parse(body).map(
      ({ data }: { data: { object: { track: string } } }) => data.object.track,
    );
  }

  it("posts a batch of CloudEvents, signed with the key and the time", async () => {
    await deliver(["1", "2"], { signWith: "hunter2", token: "t0ken" });
    const [request] = requests;
    assert.ok(request !== undefined && requests.length === 1);
    assert.deepEqual(tracksIn(request), ["1", "2"]);
    const { headers, body } = request;
    assert.equal(headers["content-type"], "application/cloudevents-batch+json; charset=utf-8");
    assert.equal(headers["authorization"], "Bearer t0ken");
    const time = headers["x-slipstream-time"];
    assert.equal(Number(time), NOW_MS / 1000);
    const expected = createHmac("sha256", "hunter2").update(`${time}.${body}`).digest("hex");
    assert.equal(headers["x-slipstream-signature"], `sha256=${expected}`);
  });

  for (const [status, headers, retryAfterMs] of [
    [503, { "retry-after": "7" }, 7000],
    [429, { "retry-after": "Mon, 30 Nov 2026 12:01:00 GMT" }, 60_000],
    [500, { "retry-after": "soon" }, undefined],
    [401, {}, undefined],
    [302, { location: "http://elsewhere" }, undefined],
  ] as const) {
    it(`tries again after status ${status}, when ${JSON.stringify(headers)} says`, async () => {
      answer = (response) => response.writeHead(status, headers).end("no");
      await assert.rejects(deliver(["1"]), (err: Error & { retryAfterMs?: number }) => {
        assert.match(err.message, new RegExp(`^the server answers ${status}`));
        assert.equal(err.retryAfterMs, retryAfterMs);
        return true;
      });
    });
  }

  it("finds the events that the server refuses, and delivers the others", async () => {
    const taken: string[] = [];
    answer = (response, events) => {
      const tracks = events.map(({ data }) => ("object" in data ? data.object.track : ""));
      if (tracks.includes("3")) return response.writeHead(422).end();
      taken.push(...tracks);
      return response.writeHead(200).end();
    };
    const delivery = await deliver(["1", "2", "3", "4", "5"]);
    assert.deepEqual(delivery, { refused: 1, why: "the server answers 422" });
    assert.deepEqual(taken, ["1", "2", "4", "5"]);
  });

  it("sends smaller batches to a server that takes no large ones", async () => {
    answer = (response, events) => response.writeHead(events.length > 2 ? 413 : 200).end();
    assert.equal((await deliver(["1", "2", "3", "4", "5"])).refused, 0);
    assert.deepEqual(
      requests
        .map(tracksIn)
        .filter(({ length }) => length < 3)
        .flat(),
      ["1", "2", "3", "4", "5"],
    );
  });

  for (const [what, misbehave] of [
    ["never answers", () => {}],
    ["never ends its answer", (response: ServerResponse) => response.writeHead(200).write("x")],
  ] as const) {
    it(`gives up on a server that ${what}`, async () => {
      answer = misbehave;
      await assert.rejects(deliver(["1"], {}, 100), { message: "no answer within 100 ms" });
    });
  }

  it("says so if the connection is cut, or nothing listens", async () => {
    answer = (response) => response.destroy();
    await assert.rejects(deliver(["1"]), {
      message: /^cannot reach 127\.0\.0\.1:\d+: socket hang up/,
    });
    const url = "http://127.0.0.1:1/";
    await assert.rejects(deliver(["1"], { url }), {
      message: /^cannot reach 127\.0\.0\.1:1: .*ECONNREFUSED/,
    });
  });

  it("accepts only a certificate that it is told to trust", async () => {
    const { key, certificate } = selfSigned();
    const secure = createTlsServer({ key, cert: certificate }, onRequest);
    await once(secure.listen(0, "127.0.0.1"), "listening");
    try {
      const url = `https://localhost:${(secure.address() as AddressInfo).port}/`;
      await assert.rejects(deliver(["1"], { url }), { message: /self-signed certificate/ });
      await deliver(["1"], { url, tls: { ...NO_TLS, ca: certificate } });
      assert.equal(requests.length, 1);
    } finally {
      secure.closeAllConnections();
      secure.close();
    }
  });
});
