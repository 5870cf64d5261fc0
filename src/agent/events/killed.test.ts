import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { DEFAULT_QUEUE } from "../../common/settings/events.js";
import { systemClock } from "../../common/time/clock.js";
import { EventQueue } from "./queue.js";

const PROGRAM = fileURLToPath(new URL("testing/queue-process.js", import.meta.url));
const ROUNDS = 5;

describe("a queue", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "killed-"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  /** Runs until a line satisfies the condition, and kills the process then. Returns the last number that was accepted. */
  async function runUntil(
    child: ChildProcess & { readonly stdout: Readable },
    isEnough: (line: string, lines: number) => boolean,
  ): Promise<number> {
    const ended = once(child, "exit");
    let accepted = -1;
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (/^\d+$/.test(line)) accepted = Number(line);
      if (isEnough(line, ++lines)) child.kill("SIGKILL");
    }
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    return accepted;
  }

  /** All numbers that are in the queue, and the state that was written with the last of them. */
  async function contents() {
    const queue = new EventQueue(
      {
        ...{ directory, clock: systemClock, wallClock: Date.now },
        onEvent: ({ t }) => assert.fail(t),
        onAppend: () => {},
      },
      DEFAULT_QUEUE,
    );
    await queue.load();
    queue.setSinks(["sink"]);
    const stop = new AbortController();
    const numbers: number[] = [];
    for (let last = 0; ; ) {
      const entries = await queue.read("sink", 1000);
      if (entries.length === 0) break;
      numbers.push(...entries.map(({ text }) => Number(text)));
      last = entries.at(-1)?.sequence ?? last;
      queue.acknowledge("sink", last);
    }
    // The acknowledgements are not written.
    stop.abort();
    await queue.run(stop.signal);
    return { numbers, state: Number(queue.states.get("camera front")) };
  }

  it("that is killed at any moment has every event that it has accepted, in order, and the state of the last", async () => {
    let next = 0;
    for (let round = 0; round < ROUNDS; round++) {
      rmSync(directory, { recursive: true });
      const args = [PROGRAM, directory, String(next)];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      const accepted = await runUntil(child, (_, lines) => lines === 3 + round * 40);
      const { numbers, state } = await contents();
      const last = numbers.at(-1) ?? -1;
      assert.ok(last >= accepted, `${last} is there, ${accepted} was accepted`);
      assert.equal(state, last);
      assert.deepEqual(
        numbers,
        Array.from({ length: last - next + 1 }, (_, index) => next + index),
      );
      next = last + 1;
    }
  });

  it("says that the disk is full, loses nothing that it has accepted, and does not end the process", async () => {
    // Files of at most 256 KiB: as if the disk were full.
    const limited = `trap '' XFSZ; ulimit -f 256; exec "$@"`;
    const args = ["-c", limited, "bash", process.execPath, PROGRAM, directory, "0"];
    const child = spawn("bash", args, { stdio: ["ignore", "pipe", "inherit"] });
    const accepted = await runUntil(child, (line) => line === "queue failed");
    assert.ok(accepted > 0);
    const { numbers } = await contents();
    const last = numbers.at(-1) ?? -1;
    assert.ok(last >= accepted, `${last} is there, ${accepted} was accepted`);
  });
});
