import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryDirectory } from "../../test/support/scope.js";
import { lastError, lastErrorIn } from "./last-error.js";

const line = (level: string, message: string, rest: object = {}) =>
  JSON.stringify({
    timestamp: "2026-01-01T00:00:00.000Z",
    level,
    component: "worker",
    message,
    ...rest,
  });

describe("lastErrorIn", () => {
  it("returns the last error with the message of its cause", () => {
    const log = [
      line("error", "first"),
      line("error", "cannot listen", { err: { name: "OSError", message: "address in use" } }),
      line("info", "stopped"),
      "",
    ].join("\n");
    assert.equal(lastErrorIn(log), "cannot listen: address in use");
  });

  it("returns the end of a traceback if no error was logged", () => {
    const log = `${line("info", "starting")}\nTraceback (most recent call last):\nImportError: no module named gi\n`;
    assert.equal(lastErrorIn(log), "ImportError: no module named gi");
  });

  it("hides the login of an address", () => {
    const reason = lastErrorIn(line("error", "cannot open rtsp://eve:p@ss@10.0.0.1/live"));
    assert.equal(reason, "cannot open rtsp://***@10.0.0.1/live");
  });

  it("skips lines that are cut or not objects", () => {
    assert.equal(
      lastErrorIn(`{"level":"err\n${line("error", "bad")}\n{"level":"error","mess`),
      "bad",
    );
  });

  it("finds nothing in a log without errors", () => {
    assert.equal(lastErrorIn(`${line("info", "all is well")}\n\n`), undefined);
  });
});

describe("lastError", () => {
  it("reads the end of a long log", async (t) => {
    const path = join(await temporaryDirectory(t), "long.log");
    await writeFile(
      path,
      `${line("info", "x".repeat(100))}\n`.repeat(5000) + line("error", "the last"),
    );
    assert.equal(await lastError(path), "the last");
  });

  it("finds nothing if there is no log", async (t) => {
    assert.equal(await lastError(join(await temporaryDirectory(t), "none.log")), undefined);
  });
});
