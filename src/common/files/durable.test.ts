import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readIfThere, readIfThereSync, writeDurably, writeDurablySync } from "./durable.js";

/** Both must behave in the same way. */
const writers = {
  writeDurably,
  writeDurablySync: async (path: string, content: string) => writeDurablySync(path, content),
};

for (const [name, write] of Object.entries(writers)) {
  describe(name, () => {
    let directory: string;
    let path: string;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "durable-"));
      path = join(directory, "made", "file");
    });

    afterEach(() => rmSync(directory, { recursive: true }));

    it("creates the directory, lets only the owner read the file, and leaves nothing else", async () => {
      await write(path, "one");
      await write(path, "two");
      assert.equal(readFileSync(path, "utf8"), "two");
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(join(directory, "made")), ["file"]);
    });

    it("keeps the old file when the disk is full, and replaces an unfinished one", async () => {
      await write(path, "old");
      symlinkSync("/dev/full", `${path}.new`);
      await assert.rejects(write(path, "fresh"), { code: "ENOSPC" });
      assert.equal(readFileSync(path, "utf8"), "old");
      rmSync(`${path}.new`);
      writeFileSync(`${path}.new`, "cut sh");
      await write(path, "fresh");
      assert.equal(readFileSync(path, "utf8"), "fresh");
    });

    it("reports what is in the way of the directory", async () => {
      writeFileSync(join(directory, "made"), "");
      await assert.rejects(write(path, "x"), { code: "EEXIST" });
    });
  });
}

describe("reading a file that may be absent", () => {
  it("returns undefined for an absent file, also below a file, and throws other errors", async () => {
    for (const read of [readIfThere, async (path: string) => readIfThereSync(path)]) {
      assert.equal(await read("/nowhere/file"), undefined);
      assert.equal(await read("/dev/null/file"), undefined);
      await assert.rejects(read("/"), { code: "EISDIR" });
    }
  });
});
