import assert from "node:assert/strict";
import test from "node:test";
import type { NodeFacts } from "./probe.js";
import { BOARDS, PROBED, propertiesOf } from "./properties.js";

const { t4: T4, nano: NANO, "orin-nano": ORIN_NANO } = BOARDS;

const EMPTY: NodeFacts = {
  arch: "x64",
  model: undefined,
  l4t: undefined,
  driver: undefined,
  gpus: [],
  memoryMiB: 16000,
  defaultRuntime: undefined,
  dockerSilence: "away",
  freeDiskGiB: undefined,
};

function valuesOf(facts: NodeFacts): Record<string, unknown> {
  const { properties } = propertiesOf(facts);
  return Object.fromEntries(
    properties.map(({ name, value }) => [name.replace("slipstream.", ""), value]),
  );
}

test("a T4 server, a Nano and an Orin Nano are told apart, with the release that each can run", () => {
  assert.deepEqual(valuesOf(T4), {
    board: "t4",
    runtime: "nvidia",
    deepstream: "7.1",
    "gpu-memory": 15360,
    driver: "535.183.06",
    "free-disk": 60,
  });
  assert.deepEqual(valuesOf(NANO), {
    board: "nano",
    runtime: "nvidia",
    deepstream: "6.0.1",
    "gpu-memory": 3964,
    l4t: "32.7.1",
    "free-disk": 14,
  });
  assert.deepEqual(valuesOf(ORIN_NANO), {
    board: "orin-nano",
    runtime: "nvidia",
    deepstream: "7.1",
    "gpu-memory": 7620,
    l4t: "36.4.0",
    "free-disk": 30,
  });
});

test("unknown properties are left out, each with the reason", () => {
  const { properties, unknown } = propertiesOf(EMPTY);
  assert.deepEqual(properties, []);
  assert.deepEqual(
    unknown.map(({ name }) => name),
    [...PROBED],
  );
});

test("the reason says that only root may ask Docker", () => {
  const { unknown } = propertiesOf({ ...EMPTY, dockerSilence: "refused" });
  const why = unknown.find(({ name }) => name === "slipstream.runtime")?.why;
  assert.match(
    why ?? "",
    /socket refuses this user: run this as root, in a container with --user root$/,
  );
});

const drivers: ReadonlyArray<readonly [string, boolean]> = [
  ["470.256.02", false],
  ["535.104.12", false],
  ["535.183.06", true],
  ["535.230.02", true],
  ["550.54.15", false],
  ["560.35.03", true],
  ["595.10", true],
];
for (const [driver, fits] of drivers) {
  test(`a driver ${driver} ${fits ? "runs" : "does not run"} DeepStream 7.1`, () => {
    const { deepstream } = valuesOf({ ...T4, driver });
    assert.equal(deepstream, fits ? "7.1" : undefined);
  });
}

test("a Jetson with another JetPack runs neither release, and is still recognized as the board", () => {
  const { board, deepstream } = valuesOf({ ...ORIN_NANO, l4t: "35.4.1" });
  assert.deepEqual([board, deepstream], ["orin-nano", undefined]);
});

test("an unknown GPU or board is not taken for a known one", () => {
  const gpu = (name: string) => valuesOf({ ...T4, gpus: [{ name, memoryMiB: 2048 }] });
  assert.equal(gpu("NVIDIA T400")["board"], undefined);
  assert.equal(gpu("NVIDIA T400")["gpu-memory"], 2048);
  assert.equal(
    valuesOf({ ...NANO, model: "NVIDIA Jetson Xavier NX Developer Kit" })["board"],
    undefined,
  );
});

test("a discrete GPU with an ARM CPU gets no release, since there is no image for it", () => {
  assert.equal(valuesOf({ ...T4, arch: "arm64" })["deepstream"], undefined);
});

test("without nvidia-smi the GPU is known, but not its memory", () => {
  const values = valuesOf({ ...T4, gpus: [{ name: "Tesla T4", memoryMiB: undefined }] });
  assert.deepEqual([values["board"], values["gpu-memory"]], ["t4", undefined]);
});
