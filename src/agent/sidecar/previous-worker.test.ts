import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { PreviousWorkerFile } from "./previous-worker.js";

const ENDED = {
  at: 1_700_000_000.5,
  how: "exited with code 1",
  last_lines: ["oh no"],
  failures: 3,
};

function place(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "ended-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "worker-ended.json");
  const write = (value: unknown) => writeFileSync(path, JSON.stringify(value));
  return { path, write, file: new PreviousWorkerFile(directory) };
}

describe("the file that tells how the last worker ended", () => {
  it("is read once the keeper has written it", async (t) => {
    const { file, write } = place(t);
    await file.load();
    assert.equal(await file.read(), undefined);
    write({ ...ENDED, version: "9.9.9", new: "field" });
    assert.deepEqual(await file.read(), {
      ended: new Date(1_700_000_000_500),
      how: "exited with code 1",
      lastLines: ["oh no"],
      failures: 3,
    });
  });

  it("is ignored if it was there at the start, until it changes", async (t) => {
    const { file, write } = place(t);
    write(ENDED);
    await file.load();
    assert.equal(await file.read(), undefined);
    write({ ...ENDED, failures: 4 });
    assert.equal((await file.read())?.failures, 4);
  });

  for (const [what, write] of [
    ["truncated", (path: string) => writeFileSync(path, '{"at": 17')],
    ["of another form", (path: string) => writeFileSync(path, '{"at": "now"}')],
    ["a directory", (path: string) => mkdirSync(path)],
    ["too long", (path: string) => writeFileSync(path, " ".repeat(100_000))],
  ] as const) {
    it(`is ignored if it is ${what}`, async (t) => {
      const { file, path } = place(t);
      await file.load();
      write(path);
      assert.equal(await file.read(), undefined);
    });
  }
});
