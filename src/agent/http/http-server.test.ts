import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, linkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { askAgent } from "../../common/api/client.js";
import { stateSchema } from "../../common/api/schema.js";
import { problem } from "../../common/problem.js";
import type { Secret } from "../../common/secrets/secrets.js";
import { loadConfig } from "../../common/settings/config.js";
import { eventually } from "../../common/testing/eventually.js";
import { type Clock, systemClock } from "../../common/time/clock.js";
import { NodeSettings } from "../control/node-settings.js";
import { selfSigned } from "../hub/testing/certificate.js";
import type { Log } from "../log/log.js";
import { ServerDouble, socketDirectory } from "../sidecar/testing/server-double.js";
import type { HttpFacts } from "./facts.js";
import { HttpServer } from "./http-server.js";
import { DEFAULT_BOUNDS, HttpListener } from "./listener.js";
import { facts, state } from "./testing/facts.js";

/** Of gRPC. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;

const never = new AbortController().signal;

/** Whoever waits for a time looks again soon. */
const impatient: Clock = {
  now: systemClock.now,
  at: (timeMs, callback) => systemClock.at(Math.min(timeMs, systemClock.now() + 20), callback),
};

describe("HttpServer", () => {
  let place: Awaited<ReturnType<typeof socketDirectory>>;
  let port: number;
  let current: HttpFacts;
  let secrets: Map<string, Secret>;
  let lines: string[];
  let ends: (() => unknown)[];
  let decisions: string[];
  let redacted: string[];
  let failsToStart: boolean;
  let nodeSettings: NodeSettings;
  let server: HttpServer;

  beforeEach(async () => {
    place = await socketDirectory();
    port = await freePort();
    [current, secrets, lines, ends, decisions] = [facts(), new Map(), [], [], []];
    [redacted, failsToStart] = [[], false];
    nodeSettings = new NodeSettings({
      path: inPlace("node-settings.json"),
      cameras: () => ({ t: "cameras", cameras: [] }),
      problemsWith: (text) =>
        text.includes("absent") ? [problem("wrong-setting", "model.bundle", "there is none")] : [],
      onChange: () => lines.push("applied"),
    });
  });

  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    await place.remove();
  });

  const inPlace = (name: string) => join(place.path, name);
  const socketPath = () => inPlace("agent.sock");
  const url = () => `http://127.0.0.1:${port}`;
  const said = (text: string) => eventually(() => lines.some((line) => line.includes(text)), text);

  function start(env: Record<string, string> = {}): () => Promise<void> {
    const config = loadConfig(
      {
        RTSPINPUT: "test://",
        SLIPSTREAM_SOCKET: inPlace("worker.sock"),
        STATE_DIR: inPlace("."),
        HTTP_ADDRESS: `127.0.0.1:${port}`,
        ...env,
      },
      place.path,
    );
    const note = (message: string, fields: object = {}) => {
      lines.push(`${message} ${JSON.stringify(fields)}`);
    };
    const log: Log = { error: note, warn: note, info: note, debug: note };
    server = new HttpServer({
      ...{ config, log, clock: impatient, version: "1.2.3", facts: () => current },
      redact: (text) => {
        redacted.push(text);
        return text.replaceAll("hunter2", "***");
      },
      decideTrial: (decision) => {
        decisions.push(decision);
        return decision === "taken back";
      },
      nodeSettings,
      get picture() {
        if (failsToStart) throw new Error("no such file");
        return (id: string) =>
          Promise.resolve(id === "known" ? new Uint8Array([0xff, 0xd8]) : undefined);
      },
      secrets: () => ({
        toHide: [],
        find: (name) => {
          const secret = secrets.get(name);
          return secret === undefined ? { t: "absent", detail: "" } : { t: "found", secret };
        },
      }),
    });
    const controller = new AbortController();
    const running = server.run(controller.signal);
    const stop = () => {
      controller.abort();
      return running;
    };
    ends.push(stop);
    return stop;
  }

  async function get(path: string, at = url(), login?: string, certificate?: string) {
    const { status, body } = await askAgent({ at, login, certificate }, path, never);
    return { status, text: body.toString(), json: () => JSON.parse(body.toString()) as object };
  }

  it("answers on its Unix socket, which is for its own user, and at its address", async () => {
    start();
    await said("agent.sock");
    await said(`127.0.0.1:${port}`);
    assert.equal(statSync(socketPath()).mode & 0o777, 0o600);
    for (const at of [socketPath(), url()]) {
      const { status, json } = await get("/healthz", at);
      assert.equal(status, 200);
      const { status: word, version } = json() as { status: string; version: string };
      assert.deepEqual([word, version], ["ok", "1.2.3"]);
    }
  });

  async function settings(init: RequestInit = {}) {
    const headers = { "Content-Type": "application/json", ...init.headers };
    const response = await fetch(`${url()}/api/v1/settings`, { ...init, headers });
    const text = await response.text();
    return { status: response.status, tag: response.headers.get("etag") ?? "", text };
  }

  const put = (body: string, tag: string) =>
    settings({ method: "PUT", body, headers: { "If-Match": tag } });

  it("takes settings for this node from whoever knows the current ones, and keeps them", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    const empty = await settings();
    assert.equal(empty.text, "{}");
    const text = '{"model":{"threshold":0.5}}';
    const applied = await put(text, empty.tag);
    assert.equal(applied.status, 200);
    assert.deepEqual(await settings(), { status: 200, tag: applied.tag, text });
    assert.deepEqual(lines.filter((line) => line === "applied").length, 1);
    assert.equal(statSync(inPlace("node-settings.json")).mode & 0o777, 0o600);
    const restarted = new NodeSettings({
      path: inPlace("node-settings.json"),
      cameras: () => ({ t: "cameras", cameras: [] }),
      problemsWith: () => [],
      onChange: () => {},
    });
    await restarted.load();
    assert.deepEqual(restarted.current(), { t: "text", text });
  });

  it("loses no change of two people who apply settings at a time", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    const { tag } = await settings();
    const texts = ['{"model":{"threshold":0.5}}', '{"model":{"threshold":0.6}}'];
    const results = await Promise.all(texts.map((text) => put(text, tag)));
    assert.deepEqual(results.map(({ status }) => status).sort(), [200, 412]);
    assert.equal((await settings()).text, texts[results.findIndex(({ status }) => status === 200)]);
    const blind = await settings({ method: "PUT", body: "{}" });
    assert.equal(blind.status, 428);
  });

  it("refuses settings with every problem's place and cure, and changes nothing", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    const { tag } = await settings();
    const camera = (fields: object) => JSON.stringify({ cameras: [{ id: "a", ...fields }] });
    for (const [body, path, message] of [
      ['{"modle":{}}', "modle", /unknown/],
      ['{"model":{},\n"model":{}}', "model", /twice|repeated|already/],
      ["{", "", /./],
      ['{"model":{"bundle":"absent"}}', "model.bundle", /there is none/],
      [camera({ uri: "rtsp://me:hunter2@h/1" }), "cameras[0].uri", /secret:NAME/],
      [camera({ uri: "rtsp://h/1?password=hunter2" }), "cameras[0].uri", /secret:NAME/],
      [
        camera({ uri: "rtsp://h/1", credentials: { username: "me", password: "hunter2" } }),
        "cameras[0].credentials",
        /secret:NAME/,
      ],
    ] as const) {
      const { status, text } = await put(body, tag);
      assert.equal(status, 422, body);
      assert.ok(!text.includes("hunter2"), text);
      const { problems } = JSON.parse(text) as { problems: { path: string; message: string }[] };
      assert.equal(problems[0]?.path, path, text);
      assert.match(problems[0]?.message ?? "", message);
    }
    assert.equal((await settings()).tag, tag);
    const secret = camera({ uri: "rtsp://secret:cam@h/1?password=secret:other" });
    assert.equal((await put(secret, tag)).status, 200);
  });

  it("takes no settings from another site, of another type or too long", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    const { tag } = await settings();
    const from = (headers: Record<string, string>, body = "{}") =>
      settings({ method: "PUT", body, headers: { "If-Match": tag, ...headers } });
    assert.equal((await from({ Origin: "http://evil.example" })).status, 403);
    assert.equal((await from({ "Content-Type": "text/plain" })).status, 415);
    assert.equal((await from({}, " ".repeat(256 * 1024 + 1))).status, 413);
  });

  it("says whether frames flow, by the status too", async () => {
    start();
    await said("agent.sock");
    assert.equal((await get("/readyz", socketPath())).status, 200);
    current = facts({ state: undefined });
    const { status, text } = await get("/readyz", socketPath());
    assert.equal(status, 503);
    assert.match(text, /"subject":"sidecar","reason":"no worker answers"/);
  });

  it("answers as its schemas say, and hides what may not be printed", async () => {
    const lost = { t: "lost", reason: "timeout", detail: "hunter2", nextAttempt: new Date() };
    const [camera] = state().cameras;
    assert.ok(camera !== undefined);
    current = facts({
      state: state({
        cameras: [
          { ...camera, state: lost as never },
          { ...camera, id: "b" },
        ],
      }),
    });
    start();
    await said("agent.sock");
    const { json, text } = await get("/api/v1/state", socketPath());
    const { cameras } = stateSchema.parse(json());
    assert.deepEqual(
      cameras.map(({ id, state, detail }) => [id, state, detail]),
      [
        ["front", "lost", "***"],
        ["b", "live", undefined],
      ],
    );
    assert.doesNotMatch(text, /hunter2/);
    assert.equal((await get("/api/v1/cameras/b", socketPath())).status, 200);
    assert.equal((await get("/api/v1/cameras/nobody", socketPath())).status, 404);
    for (const path of ["cameras", "outputs", "model", "trials", "history"]) {
      assert.equal((await get(`/api/v1/${path}`, socketPath())).status, 200, path);
    }
  });

  it("hides what may not be printed in the history too, without a look at each number", async () => {
    const cameras = state().cameras.map((camera) => ({ ...camera, id: "hunter2" }));
    current = facts({ state: state({ cameras }) });
    start();
    await said("agent.sock");
    let text = "";
    while (!text.includes('"frames"')) {
      redacted.splice(0);
      ({ text } = await get("/api/v1/history", socketPath()));
    }
    assert.match(text, /"\*\*\*":\[\{"frames"/);
    assert.deepEqual(redacted, ["hunter2"]);
  });

  it("tells of a camera whatever its id is", async () => {
    const cameras = state().cameras.map((camera) => ({ ...camera, id: "test" }));
    current = facts({ state: state({ cameras }) });
    start();
    await said("agent.sock");
    assert.equal((await get("/api/v1/cameras/test", socketPath())).status, 200);
  });

  it("answers with an error while it cannot answer at all, and tries again", async () => {
    failsToStart = true;
    start();
    await said("agent.sock");
    assert.equal((await get("/healthz", socketPath())).status, 500);
    await said("cannot answer HTTP requests");
    failsToStart = false;
    assert.equal((await get("/healthz", socketPath())).status, 200);
  });

  it("refuses a stream in the words of the sidecar, without secrets", async () => {
    const sidecar = new ServerDouble({
      watchVideo: (call) => {
        call.emit("error", { code: INVALID_ARGUMENT, details: "not hunter2" });
      },
    });
    await sidecar.listen(inPlace("worker.sock"));
    ends.push(() => sidecar.stop());
    start();
    await said("agent.sock");
    const { status, text } = await get("/api/v1/video?output=rtsp", socketPath());
    assert.deepEqual([status, text], [404, '{"error":"not ***"}']);
    const tooLong = await get(`/api/v1/video?output=${"a".repeat(64)}`, socketPath());
    assert.equal(tooLong.status, 400);
  });

  it("describes every path of its API", async () => {
    start();
    await said("agent.sock");
    const { json } = await get("/api/v1/openapi.json", socketPath());
    const { openapi, paths } = json() as { openapi: string; paths: Record<string, object> };
    assert.match(openapi, /^3\.1/);
    assert.deepEqual(Object.keys(paths), [
      "/healthz",
      "/readyz",
      "/metrics",
      "/api/v1/state",
      "/api/v1/cameras",
      "/api/v1/cameras/{id}",
      "/api/v1/outputs",
      "/api/v1/model",
      "/api/v1/trials",
      "/api/v1/history",
      "/api/v1/snapshot",
      "/api/v1/pictures/{id}",
      "/api/v1/cameras/{id}/restart",
      "/api/v1/trials/confirm",
      "/api/v1/trials/take-back",
      "/api/v1/camera-tests",
      "/api/v1/settings",
      "/api/v1/settings/cameras",
    ]);
  });

  it("returns the picture that an event names", async () => {
    start();
    await said("agent.sock");
    const known = await get("/api/v1/pictures/known", socketPath());
    assert.equal(known.status, 200);
    assert.equal(Buffer.byteLength(known.text, "latin1") > 0, true);
    assert.equal((await get("/api/v1/pictures/unknown", socketPath())).status, 404);
    assert.equal((await get("/api/v1/pictures/..%2f..%2fagent.json", socketPath())).status, 404);
  });

  it("gives metrics to whoever asks for them", async () => {
    start();
    await said("agent.sock");
    const { text } = await get("/metrics", socketPath());
    assert.match(text, /^slipstream_camera_state\{camera="front",state="live"\} 1$/m);
    assert.match(text, /^slipstream_process_resident_memory_bytes\{process="agent"\} \d{7,}$/m);
  });

  it("takes a snapshot of the sidecar's next frame, and says why there is none", async () => {
    const sidecar = new ServerDouble({
      takeSnapshot: ({ request }, done) => {
        const { outputId, cameraId } = request;
        if (outputId === "rtsp")
          done(null, { jpeg: Buffer.from(`jpeg${cameraId}`), time: undefined });
        else done({ code: NOT_FOUND, details: `there is no output ${outputId}` });
      },
    });
    await sidecar.listen(inPlace("worker.sock"));
    ends.push(() => sidecar.stop());
    start();
    await said("agent.sock");
    assert.equal((await get("/api/v1/snapshot", socketPath())).text, "jpeg");
    const front = await get("/api/v1/snapshot?output=rtsp&camera=front", socketPath());
    assert.equal(front.text, "jpegfront");
    const unknown = await get("/api/v1/snapshot?output=no", socketPath());
    assert.deepEqual([unknown.status, unknown.text], [404, '{"error":"there is no output no"}']);
    const wrong = await get("/api/v1/snapshot?outpt=rtsp", socketPath());
    assert.equal(wrong.status, 400);
    sidecar.stop();
    assert.equal((await get("/api/v1/snapshot", socketPath())).status, 503);
  });

  it("restarts a camera, and takes what a person decides about a trial", async () => {
    const restarted: string[] = [];
    const sidecar = new ServerDouble({
      restartCamera: ({ request: { cameraId } }, done) => {
        restarted.push(cameraId);
        if (cameraId === "front") done(null, {});
        else done({ code: NOT_FOUND, details: `there is no camera ${cameraId}` });
      },
    });
    await sidecar.listen(inPlace("worker.sock"));
    ends.push(() => sidecar.stop());
    start();
    await said(`127.0.0.1:${port}`);
    assert.equal((await post("/api/v1/cameras/front/restart")).status, 200);
    assert.equal((await post("/api/v1/cameras/nobody/restart")).status, 404);
    assert.deepEqual(restarted, ["front", "nobody"]);
    assert.equal((await post("/api/v1/trials/take-back")).status, 200);
    assert.equal((await post("/api/v1/trials/confirm")).status, 409);
    assert.deepEqual(decisions, ["taken back", "confirmed"]);
    assert.equal((await post("/api/v1/trials/confirm", { more: 1 })).status, 400);
  });

  it("tests a camera's address, and takes no other", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    const tested = await post("/api/v1/camera-tests", { address: "rtsp://u:p@127.0.0.1:1/live" });
    assert.equal(tested.status, 200);
    assert.match(tested.text, /"address":"rtsp:\/\/127\.0\.0\.1:1\/live".*camera-reachable/);
    for (const address of ["file:///etc/passwd", "http://127.0.0.1/", "rtsp://secret:a@h/", ""]) {
      const { status, text } = await post("/api/v1/camera-tests", { address });
      assert.equal(status, 200, address);
      assert.match(text, /"streams":\[\],"findings":\[\{"code":"camera-address"/, address);
    }
  });

  it("has room for 32 of 200 open pages, and goes on answering on its Unix socket", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    const heads = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => {});
        ends.push(() => socket.destroy());
        const head = new Promise<string>((resolve) => {
          socket.once("data", (data: Buffer) => resolve(data.toString("latin1", 0, 12)));
          socket.once("close", () => resolve("closed"));
        });
        socket.write("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return await head;
      }),
    );
    const count = (head: string) => heads.filter((one) => one === head).length;
    assert.equal(count("HTTP/1.1 200"), 32);
    assert.equal(count("HTTP/1.1 503") + count("closed"), 168);
    assert.equal((await get("/healthz", socketPath())).status, 200);
  });

  it("refuses what is not a question, and what other sites ask", async () => {
    start();
    await said(`127.0.0.1:${port}`);
    assert.equal(await statusOf("POST", {}), 405);
    assert.equal(await statusOf("GET", { origin: "https://evil.example" }), 403);
    assert.equal(await statusOf("GET", { host: "evil.example" }), 403);
    assert.equal(await statusOf("GET", {}), 200);
    assert.equal((await get("/nothing", url())).status, 404);
    assert.equal((await get("/api/v1/cameras/%ff", url())).status, 400);
    const long = await get(`/api/v1/cameras/${"x".repeat(64)}`, url());
    assert.deepEqual([long.status, Object.keys(long.json())], [400, ["error"]]);
    assert.equal((await get(`/api/v1/cameras/${"%F0%9D%95%BF".repeat(30)}`, url())).status, 404);
  });

  it("asks for a login where logins are set, lets nobody in before their secret is there, and takes a new one", async () => {
    start({ HTTP_USERS: "secret:ops" });
    await said(`127.0.0.1:${port}`);
    assert.equal((await get("/readyz", url(), "ops:hunter2")).status, 401);
    secrets.set("ops", { t: "login", username: "ops", password: "hunter2" });
    assert.equal((await get("/readyz", url(), "ops:hunter2")).status, 200);
    secrets.set("ops", { t: "login", username: "ops", password: "hunter3" });
    assert.equal((await get("/readyz", url(), "ops:hunter2")).status, 401);
    assert.equal((await get("/readyz", url())).status, 401);
    assert.equal((await get("/readyz", socketPath())).status, 200);
  });

  it("lets an open page log in again when logins change", async () => {
    secrets.set("ops", { t: "login", username: "ops", password: "hunter2" });
    start({ HTTP_USERS: "secret:ops" });
    await said(`127.0.0.1:${port}`);
    const socket = connect(port, "127.0.0.1");
    ends.push(() => socket.destroy());
    const login = Buffer.from("ops:hunter2").toString("base64");
    const head = `GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${login}\r\n\r\n`;
    socket.write(head);
    const [data] = (await once(socket, "data")) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 200/);
    const closed = once(socket, "close");
    secrets.set("ops", { t: "login", username: "ops", password: "hunter3" });
    server.onSecrets();
    await closed;
  });

  it("speaks TLS once its certificate is there, and takes another without a restart", async () => {
    const pem = (name: string) => {
      const { certificate, key } = selfSigned(name);
      secrets.set("tls", { t: "value", value: `${certificate}${key}` });
      return certificate;
    };
    start({ HTTP_CERTIFICATE: "secret:tls" });
    await said("the secret of HTTP_CERTIFICATE is missing");
    const first = pem("localhost");
    server.onSecrets();
    await said('"tls":true');
    const at = `https://localhost:${port}`;
    assert.equal((await get("/healthz", at, undefined, first)).status, 200);
    const second = pem("localhost");
    server.onSecrets();
    let isTaken = false;
    while (!isTaken) {
      isTaken = await get("/healthz", at, undefined, second).then(
        () => true,
        () => false,
      );
    }
    await assert.rejects(get("/healthz", at, undefined, first), /does not answer/);
  });

  it("waits for an address that another program uses", async () => {
    const other = createServer();
    other.listen(port, "127.0.0.1");
    await once(other, "listening");
    start();
    await said("another program uses this address");
    await new Promise((resolve) => other.close(resolve));
    await said(`serving HTTP {"address":"127.0.0.1:${port}"`);
    assert.equal((await get("/healthz")).status, 200);
  });

  it("replaces the socket of an agent that was killed, recreates one that is removed, and takes none away", async () => {
    // The file of a socket that nobody serves.
    const killed = createServer().listen(inPlace("killed.sock"));
    await once(killed, "listening");
    linkSync(inPlace("killed.sock"), socketPath());
    await new Promise((resolve) => killed.close(resolve));
    const stop = start();
    await said('serving HTTP {"address":"/');
    rmSync(socketPath());
    await eventually(() => existsSync(socketPath()), "the socket is there again");
    lines.length = 0;
    start({ HTTP_ADDRESS: "off" });
    await said("another agent listens there");
    await stop();
    await said('serving HTTP {"address":"/');
  });

  it("removes no file that is not a socket", async () => {
    writeFileSync(socketPath(), "");
    start();
    await said("a file that is not a socket is in the way");
    rmSync(socketPath());
    await said('serving HTTP {"address":"/');
  });

  it("ends with open connections, and leaves no socket behind", async () => {
    const stop = start();
    await said(`127.0.0.1:${port}`);
    const idle = connect(port, "127.0.0.1");
    await once(idle, "connect");
    await stop();
    assert.ok(!existsSync(socketPath()));
  });

  async function post(path: string, body: object = {}) {
    const response = await fetch(url() + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  function statusOf(method: string, headers: Record<string, string>): Promise<number> {
    return new Promise((resolve, reject) => {
      httpRequest(`${url()}/healthz`, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .once("error", reject)
        .end();
    });
  }
});

describe("HttpListener", () => {
  /** A listener whose every answer is `size` bytes long. */
  async function listen(size: number, bounds: Partial<typeof DEFAULT_BOUNDS>) {
    const port = await freePort();
    let isListening = false;
    const listener = new HttpListener({
      at: { host: "127.0.0.1", port },
      policy: () => ({ t: "local" }),
      certificate: () => undefined,
      handle: (_, response) => response.end(Buffer.alloc(size)),
      clock: systemClock,
      bounds: { ...DEFAULT_BOUNDS, ...bounds },
      onEvent: () => {
        isListening = true;
      },
    });
    const controller = new AbortController();
    const running = listener.run(controller.signal);
    await eventually(() => isListening, "it listens");
    return {
      port,
      stop: () => {
        controller.abort();
        return running;
      },
    };
  }

  async function peer(port: number): Promise<{ socket: Socket; closed: Promise<unknown> }> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    const closed = once(socket, "close");
    await once(socket, "connect");
    return { socket, closed };
  }

  it("cuts off a client that does not finish its request", async () => {
    const { port, stop } = await listen(1, { headersMs: 50 });
    const { socket, closed } = await peer(port);
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    socket.resume();
    await closed;
    await stop();
  });

  it("cuts off a client that does not read its answer", async () => {
    const { port, stop } = await listen(50_000_000, { responseMs: 50 });
    const { socket, closed } = await peer(port);
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // A reader that has read nothing learns of the end only when it reads.
    await once(socket, "readable");
    socket.resume();
    await closed;
    assert.ok(socket.bytesRead < 50_000_000);
    await stop();
  });

  it("closes connections beyond its bound, and serves those that it has", async () => {
    const { port, stop } = await listen(1, { connections: 2 });
    const first = await peer(port);
    await peer(port);
    const third = await peer(port);
    third.socket.resume();
    await third.closed;
    first.socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const [data] = (await once(first.socket, "data")) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 200/);
    await stop();
  });

  it("refuses a header that is too long", async () => {
    const { port, stop } = await listen(1, {});
    const { socket } = await peer(port);
    socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(10_000)}\r\n\r\n`);
    const [data] = (await once(socket, "data")) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 431/);
    await stop();
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // The cast holds for every server that listens on TCP.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
