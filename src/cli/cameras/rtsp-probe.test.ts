import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { type CameraAddress, probeCamera, streamsIn } from "../../common/cameras/rtsp-probe.js";
import { recordingTerminal } from "../../common/testing/recording-terminal.js";
import { camerasCommand } from "./command.js";

const SDP = [
  "v=0",
  "m=video 0 RTP/AVP 96",
  "a=rtpmap:96 H264/90000",
  "m=audio 0 RTP/AVP 0",
  "a=rtpmap:0 PCMU/8000",
  "",
].join("\r\n");
const NONCE = "7b2f";

const never = new AbortController().signal;

describe("a probe of a camera", () => {
  let ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    ends = [];
  });

  /** A camera that answers each request as it is told. Returns its port and what it was asked. */
  async function serve(answer: (request: string, socket: Socket) => string) {
    const requests: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      let text = "";
      socket.on("data", (data) => {
        text += data.toString();
        if (!text.endsWith("\r\n\r\n")) return;
        requests.push(text);
        socket.write(answer(text, socket));
        text = "";
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ends.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    // The cast holds for every server that listens on TCP.
    const { port } = server.address() as AddressInfo;
    return { port, requests };
  }

  function described(headers: readonly string[] = [], sdp = SDP): string {
    const lines = ["RTSP/1.0 200 OK", "CSeq: 1", `Content-Length: ${sdp.length}`, ...headers];
    return `${lines.join("\r\n")}\r\n\r\n${sdp}`;
  }

  function address(port: number, more: Partial<CameraAddress> = {}): CameraAddress {
    const uri = `rtsp://127.0.0.1:${port}/live`;
    return { uri, credentials: undefined, acceptAnyCertificate: false, ...more };
  }

  it("tells the streams that it offers, and how far its clock is off", async () => {
    const ahead = new Date(Date.now() + 3_600_000).toUTCString();
    const { port, requests } = await serve(() => described([`Date: ${ahead}`, "Server: cam/1"]));
    const probe = await probeCamera(address(port), never);
    assert.ok(probe.t === "answers", probe.t);
    assert.deepEqual(probe.streams, [
      { kind: "video", encoding: "H264" },
      { kind: "audio", encoding: "PCMU" },
    ]);
    assert.equal(probe.server, "cam/1");
    assert.equal(Math.round((probe.clockOffsetMs ?? 0) / 60_000), 60);
    assert.match(requests[0] ?? "", /^DESCRIBE rtsp:\/\/127\.0\.0\.1:\d+\/live RTSP\/1\.0\r\n/);
  });

  for (const [algorithm, name] of [
    ["md5", ""],
    ["sha256", ", algorithm=SHA-256"],
  ] as const) {
    it(`logs in by digest (${algorithm}), and sends no password`, async () => {
      const hash = (text: string) => createHash(algorithm).update(text).digest("hex");
      const { port, requests } = await serve((request) => {
        const response = /response="(\w+)"/.exec(request)?.[1];
        const uri = /uri="([^"]+)"/.exec(request)?.[1] ?? "";
        const wanted = hash([hash("u:cam:hunter2"), NONCE, hash(`DESCRIBE:${uri}`)].join(":"));
        if (response === wanted) return described();
        return `RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="cam"\r\nWWW-Authenticate: Digest realm="cam", nonce="${NONCE}"${name}\r\n\r\n`;
      });
      const credentials = { username: "u", password: "hunter2" };
      const probe = await probeCamera(address(port, { credentials }), never);
      assert.equal(probe.t, "answers");
      const sent = requests.join();
      assert.ok(!sent.includes("hunter2") && !sent.includes("Basic"));
      const wrong = { username: "u", password: "hunter3" };
      assert.deepEqual(await probeCamera(address(port, { credentials: wrong }), never), {
        t: "login refused",
        hasLogin: true,
      });
      assert.deepEqual(await probeCamera(address(port), never), {
        t: "login refused",
        hasLogin: false,
      });
    });
  }

  it("tells what is not a camera, not there, or has no such stream", async () => {
    const { port: web } = await serve(() => "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert.equal((await probeCamera(address(web), never)).t, "not rtsp");
    const { port: other } = await serve(() => "RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n");
    assert.deepEqual(await probeCamera(address(other), never), {
      t: "refused",
      status: 404,
      detail: "Not Found",
    });
    const { port: rude } = await serve((_, socket) => {
      socket.destroy();
      return "";
    });
    assert.equal((await probeCamera(address(rude), never)).t, "unreachable");
    assert.equal((await probeCamera(address(1), never)).t, "unreachable");
    const nowhere = { ...address(1), uri: "rtsp://no-such-host.invalid/" };
    assert.equal((await probeCamera(nowhere, never)).t, "no such host");
  });

  it("reads no more of an endless answer than a description has", async () => {
    const { port } = await serve(() => `RTSP/1.0 200 OK\r\nX: ${"x".repeat(200_000)}`);
    assert.deepEqual(await probeCamera(address(port), never), {
      t: "not rtsp",
      detail: "its answer has no end",
    });
  });

  it("ends with its signal, while a camera says nothing", async () => {
    const { port, requests } = await serve(() => "");
    const controller = new AbortController();
    const probe = probeCamera(address(port), controller.signal);
    while (requests.length === 0) await new Promise(setImmediate);
    controller.abort(new Error("late"));
    await assert.rejects(probe, /late/);
  });

  it("knows an encoding that a description does not name", () => {
    assert.deepEqual(streamsIn("v=0\r\nm=video 0 RTP/AVP 26\r\n"), [
      { kind: "video", encoding: "JPEG" },
    ]);
  });

  describe("slipstream cameras test", () => {
    async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
      const { terminal, result } = recordingTerminal(environment);
      await camerasCommand(terminal).parseAsync(["test", ...args], { from: "user" });
      return result;
    }

    it("prints what a camera offers, or what is wrong and what to do", async () => {
      const { port } = await serve(() => described());
      const good = await run([`rtsp://127.0.0.1:${port}/live`]);
      assert.equal(good.exit, 0);
      assert.match(good.out, /\/live: video H264, audio PCMU\n$/);
      const bad = await run(["rtsp://u:hunter2@127.0.0.1:1/live"]);
      assert.equal(bad.exit, 1);
      assert.match(bad.out, /error: nothing answers \(ECONNREFUSED\)\n {2}check address/);
      assert.doesNotMatch(bad.out + bad.err, /hunter2/);
    });

    it("prints JSON, and takes a login from the environment", async () => {
      const { port, requests } = await serve((request) =>
        request.includes("Authorization")
          ? described()
          : 'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="c", nonce="1"\r\n\r\n',
      );
      const { out } = await run([`rtsp://127.0.0.1:${port}/`, "--json"], {
        CAMERA_LOGIN: "u:hunter2",
      });
      const { t, findings } = JSON.parse(out) as { t: string; findings: unknown[] };
      assert.deepEqual([t, findings], ["answers", []]);
      assert.equal(requests.length, 2);
    });

    it("refuses what is no address of a camera on the network", async () => {
      for (const address of ["http://cam/", "file:///a.mp4", "rtsp://", "x"]) {
        assert.equal((await run([address])).exit, 2, address);
      }
    });
  });
});
