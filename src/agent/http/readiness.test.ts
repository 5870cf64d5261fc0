import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CameraState, OutputState, PipelineStatus } from "../sidecar/state.js";
import { NO_TRIAL } from "../trial/trial.js";
import { readinessOf } from "./readiness.js";
import { camera, facts, output, state } from "./testing/facts.js";

const LOST = {
  t: "lost",
  reason: "login refused",
  detail: "check the password",
  nextAttempt: undefined,
} as const satisfies CameraState;
const OFF = { t: "off", until: undefined } as const;

function reasons(change: Parameters<typeof facts>[0]): string[] {
  const { ready, reasons } = readinessOf(facts(change));
  assert.equal(ready, reasons.length === 0);
  return reasons.map(({ subject, reason }) => `${subject}: ${reason}`);
}

describe("readiness", () => {
  it("is given when every camera is live and every stream is served", () => {
    assert.deepEqual(reasons({}), []);
  });

  it("names each camera that is not live, and why", () => {
    const cameras = [
      camera("a", LOST),
      camera("b"),
      camera("c", { t: "connecting", attempt: 2 }),
      camera("d", { t: "unknown" }),
    ];
    assert.deepEqual(reasons({ state: state({ cameras }) }), [
      "camera a: lost: login refused: check the password",
      "camera c: connecting",
      "camera d: unknown",
    ]);
  });

  it("does not miss a camera outside its hours, nor what it would send", () => {
    const cameras = [camera("a", OFF)];
    const outputs = [output("rtsp", { t: "waiting" })];
    assert.deepEqual(reasons({ state: state({ cameras, outputs }) }), []);
  });

  it("misses the frames of a camera that is live and from which nothing has left detection", () => {
    const { counters, ...rest } = camera("a");
    const silent = { ...rest, counters: { ...counters, lastFrame: undefined } };
    assert.deepEqual(reasons({ state: state({ cameras: [silent] }) }), [
      "camera a: live, and no frame has left detection",
    ]);
  });

  it("names each stream that does not leave although a camera is live", () => {
    const failed: OutputState = {
      t: "failed",
      reason: "port in use",
      detail: "8554",
      nextAttempt: undefined,
    };
    const cameras = [camera("a"), camera("b", OFF)];
    const outputs = [
      output("rtsp", failed),
      output("file", { t: "waiting" }, "a"),
      output("file", { t: "waiting" }, "b"),
    ];
    assert.deepEqual(reasons({ state: state({ cameras, outputs }) }), [
      "output rtsp: port in use: 8554",
      "output file/a: waiting",
    ]);
  });

  const pipelines: [PipelineStatus, string][] = [
    [{ t: "idle" }, "pipeline: idle"],
    [{ t: "loading", phase: "engine", progress: undefined }, "pipeline: loading: engine"],
    [
      { t: "failed", reason: "gpu", detail: "it is gone", nextAttempt: undefined },
      "pipeline: gpu: it is gone",
    ],
    [{ t: "unknown" }, "pipeline: unknown"],
  ];
  for (const [pipeline, reason] of pipelines) {
    it(`is not given while the pipeline is ${pipeline.t}`, () => {
      assert.deepEqual(reasons({ state: state({ pipeline }) }), [reason]);
    });
  }

  it("is not given without a worker, and says how the last one ended", () => {
    const ended = { ended: undefined, how: "exited with SIGSEGV", lastLines: [], failures: 1 };
    assert.deepEqual(reasons({ state: undefined }), ["sidecar: no worker answers"]);
    assert.deepEqual(reasons({ state: undefined, ended }), [
      "sidecar: no worker answers; the last one exited with SIGSEGV",
    ]);
  });

  it("is not given while nothing is applied, or while test patterns take the cameras' place", () => {
    assert.match(String(reasons({ state: state({ generation: "" }) })), /^settings: nothing is/);
    // Only the name of the state is read.
    const trial = { ...NO_TRIAL, t: "self-testing" } as never;
    assert.match(String(reasons({ trial })), /^trial: a self-test shows test patterns/);
  });
});
