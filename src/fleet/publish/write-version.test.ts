import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { writeVersion } from "./write-version.js";

const FILES = ["package.json", "package-lock.json", "horizon/hzn.json", "src/sidecar/version.py"];

function copy(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "version-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const file of FILES) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file));
  }
  return folder;
}

/** By file: the lines that are not as they are here. */
function changed(folder: string): Record<string, string[]> {
  return Object.fromEntries(
    FILES.map((file) => {
      const before = readFileSync(file, "utf8").split("\n");
      const after = readFileSync(join(folder, file), "utf8").split("\n");
      return [file, after.filter((line, i) => line !== before[i]).map((line) => line.trim())];
    }),
  );
}

test("a new version is written to every place that has one, and nothing else changes", (t) => {
  const folder = copy(t);
  writeVersion(folder, "97.1.20");
  assert.deepEqual(changed(folder), {
    "package.json": ['"version": "97.1.20",'],
    "package-lock.json": ['"version": "97.1.20",', '"version": "97.1.20",'],
    "horizon/hzn.json": ['"SERVICE_VERSION": "97.1.20",'],
    "src/sidecar/version.py": ['VERSION = "97.1.20"'],
  });
});

for (const wrong of ["", "1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", '1.0.0"']) {
  test(`a version that Horizon does not accept is refused: "${wrong}"`, (t) => {
    const folder = copy(t);
    assert.throws(() => writeVersion(folder, wrong), /three numbers, as in 0\.2\.0/);
    assert.deepEqual(Object.values(changed(folder)).flat(), []);
  });
}

test("the lock has the version of package.json", () => {
  const [{ version }, lock] = ["package.json", "package-lock.json"].map((file) =>
    JSON.parse(readFileSync(file, "utf8")),
  );
  assert.deepEqual([lock.version, lock.packages[""].version], [version, version]);
});
