import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import test from "node:test";
import { RtspClient } from "./rtsp-client.js";

const SDP = "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:stream=0\r\n";
const PACKETS = Buffer.from("$\0\0\x06\r\n\r\n$\0$\x01\0\x04RTSP", "latin1");

for (const parts of [1, 7]) {
  test(`packets that come before the answer to PLAY, in chunks of ${parts}, are no answer`, async (t) => {
    const server = createServer((socket) => {
      socket.on("data", (data) => {
        const [method = ""] = data.toString().split(" ");
        const head = ["RTSP/1.0 200 OK", `CSeq: ${/CSeq: (\d+)/.exec(data.toString())?.[1]}`];
        if (method === "DESCRIBE") head.push(`Content-Length: ${SDP.length}`);
        if (method === "SETUP") head.push("Session: 1");
        const answer = Buffer.from(
          `${head.join("\r\n")}\r\n\r\n${method === "DESCRIBE" ? SDP : ""}`,
        );
        const all = method === "PLAY" ? Buffer.concat([PACKETS, answer, PACKETS]) : answer;
        for (let at = 0; at < all.length; at += parts) socket.write(all.subarray(at, at + parts));
      });
      socket.on("error", () => {});
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = await RtspClient.play(`rtsp://127.0.0.1:${port}/ds`);
    t.after(() => client.leave());
    assert.ok(client.isConnected);
  });
}
