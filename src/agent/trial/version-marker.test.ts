import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readVersion } from "../../common/version.js";
import { failedHere, writeMarker } from "./version-marker.js";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const before = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "marker-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, "failed-version");
}

describe("a version that failed its trial in this container", () => {
  it("is known by the marker alone, for an hour", (t) => {
    const path = place(t);
    assert.equal(failedHere(path, NOW), undefined);
    writeMarker(path, { version: readVersion(), at: before(1) });
    const { code, line } = failedHere(path, NOW) ?? { code: 0, line: "{}" };
    assert.deepEqual(
      [code, JSON.parse(line).message],
      [70, "this version has failed its trial here, exiting"],
    );
    writeMarker(path, { version: readVersion(), at: before(61) });
    assert.equal(failedHere(path, NOW), undefined);
  });

  it("is not another version, nor one with a damaged marker", (t) => {
    const path = place(t);
    writeMarker(path, { version: "97.0.0", at: before(1) });
    assert.equal(failedHere(path, NOW), undefined);
    for (const text of ["", "null", "[]", '{"version": 1}', '{"version"']) {
      writeFileSync(path, text);
      assert.equal(failedHere(path, NOW), undefined, text);
    }
  });
});
