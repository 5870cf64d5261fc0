import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayProblem, InputError, problem, quote } from "./problem.js";

describe("a problem", () => {
  it("is displayed with what is known of its place", () => {
    const place = { file: "hub", line: 12, path: "model" };
    const lines = [
      [place, "hub:12: model: is missing"],
      [{ file: "hub", path: "model" }, "hub: model: is missing"],
      [{ file: "hub", path: "" }, "hub: is missing"],
      ["model", "model: is missing"],
    ] as const;
    for (const [at, line] of lines) {
      assert.equal(displayProblem(problem("wrong-setting", at, "is missing")), line);
    }
  });

  it("has the severity of its code, or the given one", () => {
    assert.equal(problem("duplicate-key", "x", "y").severity, "warning");
    assert.equal(problem("of-another-table", "x", "y", "error").severity, "error");
  });

  it("is one line without a login, however long its text is", () => {
    for (const length of [0, 580, 970, 990, 1000, 5000]) {
      const { message, path } = problem(
        "wrong-setting",
        "rtsp://u:hunter2@cam/1",
        `${"x ".repeat(length / 2)}rtsp://user:hunter2@10.0.0.9/\nlive ${"y".repeat(length)}`,
      );
      assert.doesNotMatch(message + path, /hunter|\n/);
      assert.ok(message.length <= 603);
    }
  });

  it("quotes a short text, and tells the length of a long one", () => {
    assert.equal(quote("a\nb"), '"a?b"');
    assert.equal(quote("x".repeat(10_000)), "a string of 10000 characters");
  });

  it("is part of the error that has all of them", () => {
    const problems = ["a", "b"].map((path) => problem("wrong-setting", path, "is missing"));
    assert.equal(new InputError(problems).message, "a: is missing\nb: is missing");
  });
});
