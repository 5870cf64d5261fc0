import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/scope.js";
import { makeRunDir, removeRunDir } from "./run-dir.js";

describe("the run directory", () => {
  it("is a new one each time, in the temporary directory", async (t) => {
    const temporary = await temporaryDirectory(t);
    const made = await Promise.all([makeRunDir(temporary), makeRunDir(temporary)]);
    assert.notEqual(made[0], made[1]);
    assert.deepEqual(made.map(dirname), [temporary, temporary]);
  });

  it("is in /tmp if a socket's address cannot hold the temporary directory's name", async (t) => {
    const long = join(await temporaryDirectory(t), "x".repeat(100));
    await mkdir(long);
    const made = await makeRunDir(long);
    t.after(() => removeRunDir(made));
    assert.equal(dirname(made), "/tmp");
  });

  it("is removed with the sockets that are left in it", async (t) => {
    const made = await makeRunDir(await temporaryDirectory(t));
    await writeFile(join(made, "worker.sock"), "");
    await removeRunDir(made);
    assert.equal(existsSync(made), false);
  });
});
