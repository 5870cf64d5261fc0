import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { entered, outgoing } from "../testing/outgoing.js";
import { jsonLinesSink } from "./json-lines.js";

const never = new AbortController().signal;

describe("a JSON lines sink", () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "lines-"));
    path = join(directory, "events", "events.jsonl");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  async function write(tracks: readonly string[], maxBytes = 1_000_000): Promise<void> {
    const connection = await jsonLinesSink(path, { maxBytes, files: 3 }).connect(never);
    await connection.deliver(
      tracks.map((track) => outgoing(entered(track))),
      never,
    );
    await connection.close();
  }

  function tracksIn(file: string): string[] {
    const lines = readFileSync(file, "utf8").split("\n");
    assert.equal(lines.pop(), "");
    return lines.map((line) => JSON.parse(line).data.object.track);
  }

  it("writes a line for each event, and appends after a restart", async () => {
    await write(["1", "2"]);
    await write(["3"]);
    assert.deepEqual(tracksIn(path), ["1", "2", "3"]);
  });

  it("cuts off the line that a kill has left unfinished", async () => {
    await write(["1"]);
    appendFileSync(path, `{"specversion":"1.0","data":${" ".repeat(100_000)}`);
    await write(["2"]);
    assert.deepEqual(tracksIn(path), ["1", "2"]);
  });

  it("keeps so many files of so many bytes", async () => {
    const line = outgoing(entered("10")).text.length + 1;
    await write(
      Array.from({ length: 10 }, (_, index) => String(10 + index)),
      3 * line,
    );
    assert.deepEqual(readdirSync(join(directory, "events")).sort(), [
      "events.jsonl",
      "events.jsonl.1",
      "events.jsonl.2",
    ]);
    assert.deepEqual(tracksIn(path), ["19"]);
    assert.deepEqual(tracksIn(`${path}.1`), ["16", "17", "18"]);
    assert.deepEqual(tracksIn(`${path}.2`), ["13", "14", "15"]);
  });

  it("says what it cannot write", async () => {
    writeFileSync(join(directory, "events"), "");
    await assert.rejects(write(["1"]), {
      name: "SinkError",
      message: /^cannot write .*events\.jsonl: (EEXIST|ENOTDIR)/,
    });
  });
});
