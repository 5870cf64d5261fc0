import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { redactor } from "../../common/secrets/redact.js";
import { SidecarError } from "../sidecar/calls.js";
import { createLogs, type Log, type LogOptions } from "./log.js";

function logTo(options: Partial<LogOptions> = {}): { log: Log; lines: () => string[] } {
  const stream = new PassThrough();
  const logs = createLogs({
    level: "info",
    format: "json",
    redact: redactor([]),
    stream,
    ...options,
  });
  return {
    log: logs("test"),
    lines: () =>
      String(stream.read() ?? "")
        .split("\n")
        .slice(0, -1),
  };
}

describe("JSON lines", () => {
  it("contain timestamp, level, component and message, then the fields", () => {
    const { log, lines } = logTo();
    log.warn("camera lost", { camera: "front", frames: 3n, since: new Date(0), x: undefined });
    const line = lines()[0] ?? "";
    assert.match(
      line,
      /^\{"timestamp":"\d{4}-\d\d-\d\dT[\d:.]+Z","level":"warn","component":"test"/,
    );
    const { timestamp: _, ...rest } = JSON.parse(line);
    assert.deepEqual(rest, {
      level: "warn",
      component: "test",
      message: "camera lost",
      camera: "front",
      frames: "3",
      since: "1970-01-01T00:00:00.000Z",
    });
  });

  it("are left out below the configured level", () => {
    const { log, lines } = logTo({ level: "warn" });
    log.info("a");
    log.error("b");
    assert.deepEqual(
      lines().map((line) => JSON.parse(line).message),
      ["b"],
    );
  });

  it("contain an error's code, stack and cause", () => {
    const { log, lines } = logTo();
    const cause = Object.assign(new Error("connect ENOENT"), { code: "ENOENT" });
    log.error("call failed", {
      err: new SidecarError("UNAVAILABLE", "Connect", "gone", { cause }),
    });
    const { err } = JSON.parse(lines()[0] ?? "");
    assert.equal(err.name, "SidecarError");
    assert.equal(err.message, "Connect: UNAVAILABLE: gone");
    assert.equal(err.code, "UNAVAILABLE");
    assert.match(err.stack, /log\.test/);
    assert.deepEqual([err.cause.message, err.cause.code], ["connect ENOENT", "ENOENT"]);
  });
});

describe("redaction", () => {
  for (const format of ["json", "text"] as const) {
    it(`hides secrets in messages, fields, keys and errors as ${format}`, () => {
      const password = 'hun"ter@2/#';
      const { log, lines } = logTo({ format, redact: redactor([password]) });
      const address = `rtsp://admin:${password}@10.0.0.9/live`;
      const cause = new Error(`cannot open ${address}`);
      log.error(`lost ${address}`, {
        detail: `login ${password} refused`,
        deep: [{ address, [password]: 1 }],
        encoded: encodeURIComponent(password),
        err: new Error(`no ${password}`, { cause }),
        unknown: "rtsp://joe:else@10.0.0.8/",
      });
      const text = lines().join("\n");
      assert.doesNotMatch(text, /hun|ter@2|joe|else/);
      assert.match(text, /10\.0\.0\.9\/live/);
    });
  }
});

describe("text lines", () => {
  /** The line without its time of day. */
  function lineOf(act: (log: Log) => void): string {
    const { log, lines } = logTo({ format: "text", level: "debug" });
    act(log);
    const [line = "", ...others] = lines();
    assert.deepEqual(others, []);
    assert.match(line, /^\d\d:\d\d:\d\d {2}/);
    return line.slice(10);
  }

  it("are readable", () => {
    const url = "rtsp://127.0.0.1:8554/ds";
    assert.equal(
      lineOf((log) => log.info("output ready", { url })),
      `output ready  ${url}`,
    );
    assert.equal(
      lineOf((log) => log.info("camera live", { size: "640x360", encoding: "H264", camera: "a" })),
      "camera live  a  H264  640x360",
    );
    const trouble = { reason: "timeout", detail: "no frame for 5 s", nextAttempt: "none" };
    assert.equal(
      lineOf((log) => log.warn("camera lost", { camera: "a", ...trouble })),
      "warn  camera lost  a  timeout: no frame for 5 s  not tried again",
    );
    const nextAttempt = new Date(2026, 0, 1, 9, 8, 7);
    assert.equal(
      lineOf((log) => log.error("output failed", { nextAttempt, detail: "no" })),
      "error  output failed  no  next attempt 09:08:07",
    );
    assert.equal(
      lineOf((log) => log.info("frame", { camera: "a", counts: { person: 2, car: 1 } })),
      "frame  a  person 2, car 1",
    );
    assert.equal(
      lineOf((log) => log.debug("x", { a: 1, b: "c d" })),
      'debug  x  a=1  b="c d"',
    );
  });

  it("stay one line whatever a camera sends", () => {
    assert.equal(
      lineOf((log) => log.warn("x", { detail: "a\nb\u001b[2Jc" })),
      "warn  x  a b?[2Jc",
    );
  });

  it("contain the stack of an unexpected error", () => {
    const { log, lines } = logTo({ format: "text" });
    log.error("unexpected error", { err: new Error("boom") });
    const [first, second] = lines();
    assert.match(first ?? "", /error {2}unexpected error {2}boom$/);
    assert.match(second ?? "", /^ +at .*log\.test/);
  });
});
