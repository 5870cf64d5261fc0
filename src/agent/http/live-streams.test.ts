import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { type Chunk, LiveStreams, type StreamName } from "./live-streams.js";

const NAME: StreamName = { kind: "video", output: "rtsp", camera: "" };

/** A browser of which the test says how much it has not read yet. */
class Browser extends EventEmitter {
  writableLength = 0;
  readonly written: string[] = [];
  started = 0;
  refused: unknown;
  isEnded = false;

  write(bytes: Buffer) {
    this.written.push(bytes.toString());
  }

  end() {
    this.isEnded = true;
    this.emit("close");
  }

  destroy() {
    this.end();
  }
}

/** Streams whose frames the test sends. */
function setUp() {
  const clock = new FakeClock();
  const opened: { name: StreamName; signal: AbortSignal; send: (chunk: Chunk | Error) => void }[] =
    [];
  async function* open(name: StreamName, signal: AbortSignal): AsyncGenerator<Chunk> {
    const waiting: (Chunk | Error)[] = [];
    let notify = () => {};
    const send = (chunk: Chunk | Error) => {
      waiting.push(chunk);
      notify();
    };
    opened.push({ name, signal, send });
    signal.addEventListener("abort", () => send(new Error("aborted")));
    for (;;) {
      const next = waiting.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
    }
  }
  const streams = new LiveStreams({ clock, open });
  const watch = (name = NAME) => {
    const browser = new Browser();
    const hasRoom = streams.watch(name, {
      // The streams use nothing else of a response.
      response: browser as unknown as ServerResponse,
      start: () => {
        browser.started++;
      },
      refuse: (error) => {
        browser.refused = error;
      },
    });
    return { browser, hasRoom };
  };
  const send = async (text: string, isKey: boolean, stream = opened[0]) => {
    stream?.send({ bytes: Buffer.from(text), isKey });
    await new Promise(setImmediate);
  };
  return { clock, opened, streams, watch, send };
}

describe("LiveStreams", () => {
  it("calls the sidecar once for all browsers, and begins each at a key frame", async () => {
    const { opened, watch, send } = setUp();
    const first = watch().browser;
    await send("delta", false);
    assert.equal(first.started, 0);
    await send("key", true);
    const second = watch().browser;
    await send("delta", false);
    await send("key", true);
    assert.deepEqual(first.written, ["key", "delta", "key"]);
    assert.deepEqual(second.written, ["key"]);
    assert.deepEqual([first.started, second.started, opened.length], [1, 1, 1]);
  });

  it("ends the call with the last browser", () => {
    const { opened, watch, streams } = setUp();
    const browsers = [watch().browser, watch().browser];
    browsers[0]?.emit("close");
    assert.equal(opened[0]?.signal.aborted, false);
    browsers[1]?.emit("close");
    assert.equal(opened[0]?.signal.aborted, true);
    assert.equal(streams.viewerCount, 0);
    watch();
    assert.equal(opened.length, 2);
  });

  it("lets a slow browser miss frames until a key frame, and disturbs no other", async () => {
    const { watch, send } = setUp();
    const [slow, fast] = [watch().browser, watch().browser];
    await send("key 1", true);
    slow.writableLength = 1_000_000;
    await send("delta 1", false);
    slow.writableLength = 0;
    await send("delta 2", false);
    await send("key 2", true);
    assert.deepEqual(slow.written, ["key 1", "key 2"]);
    assert.deepEqual(fast.written, ["key 1", "delta 1", "delta 2", "key 2"]);
  });

  it("cuts off a browser that reads nothing for seconds", async () => {
    const { clock, watch, send } = setUp();
    const { browser } = watch();
    await send("key", true);
    browser.writableLength = 1_000_000;
    await send("key", true);
    clock.advance(5_001);
    await send("key", true);
    assert.ok(browser.isEnded);
  });

  it("tells browsers that wait why there is no stream, and ends those that had one", async () => {
    const { opened, watch, send } = setUp();
    const playing = watch().browser;
    await send("key", true);
    const waiting = watch().browser;
    const error = new Error("there is no such output");
    opened[0]?.send(error);
    await new Promise(setImmediate);
    assert.equal(waiting.refused, error);
    assert.ok(playing.isEnded && playing.refused === undefined);
  });

  it("has room for six streams and 24 browsers", () => {
    const { watch } = setUp();
    const all = Array.from({ length: 6 }, (_, number) => watch({ ...NAME, camera: `${number}` }));
    assert.ok(all.every(({ hasRoom }) => hasRoom));
    assert.ok(!watch({ ...NAME, camera: "seventh" }).hasRoom);
    const more = Array.from({ length: 18 }, () => watch({ ...NAME, camera: "0" }));
    assert.ok(more.every(({ hasRoom }) => hasRoom));
    assert.ok(!watch({ ...NAME, camera: "0" }).hasRoom);
  });
});
