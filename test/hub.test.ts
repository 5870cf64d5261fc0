import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cameraIn, untilState } from "./support/contract.js";
import { startHub } from "./support/hub.js";
import { squareModel } from "./support/models.js";
import { logOf, startPicture } from "./support/product.js";
import { until } from "./support/scope.js";
import { count, jump, seenFrames, startViewer } from "./support/video.js";

const TIMEOUT_MS = 30_000;
const CAMERA = { width: 640, height: 360, rate: 10 } as const;
const EVERYTHING = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];
/** Layers that make the network of the squares several times slower than the camera. */
const SLOW = 60;

describe("the hub", () => {
  it("changes settings while frames flow, and what it sends wrong changes nothing", async (t) => {
    const hub = await startHub(t);
    const camera = await count(t, CAMERA);
    const uri = camera.uri;
    const product = await startPicture(t, { ...hub.env, RTSPINPUT: `front=${uri}` });
    const viewer = startViewer(t, product.url, {});
    await until("a bright picture", TIMEOUT_MS, () => (seenFrames(viewer).at(-1)?.luma ?? 0) > 40);

    hub.settings({ cameras: [{ id: "front", uri, masks: [EVERYTHING] }] });
    await until("a masked picture", TIMEOUT_MS, () => (seenFrames(viewer).at(-1)?.luma ?? 99) < 30);

    hub.settings({ cameras: [{ id: "front", uri, masks: [[[0, 0]]] }], zebra: 1 });
    const refusal = await product.agent.line(/"object refused"/, TIMEOUT_MS);
    assert.match(refusal, /cameras\[0\]\.masks\[0\]/);
    assert.match(refusal, /zebra/);
    const frames = seenFrames(viewer).length;
    await until("more frames", TIMEOUT_MS, () => seenFrames(viewer).length > frames + 10);
    assert.ok((seenFrames(viewer).at(-1)?.luma ?? 99) < 30, "it is still masked");

    hub.ess.remove("slipstream-settings", "settings");
    await until("a bright picture", TIMEOUT_MS, () => (seenFrames(viewer).at(-1)?.luma ?? 0) > 40);
  });

  it("brings a model on trial: one within bounds stays, one that is slow gives way", async (t) => {
    const hub = await startHub(t);
    const camera = await jump(t);
    const product = await startPicture(t, {
      ...hub.env,
      RTSPINPUT: `front=${camera.uri}`,
      TRIAL_TIME: "6s",
    });
    const generation = () =>
      untilState(product.runDir, "a live camera", TIMEOUT_MS, (state) =>
        cameraIn(state, "front")?.state?.$case === "live" ? state.generation : undefined,
      );
    const passed = (count: number) =>
      until(`${count} trials passed`, TIMEOUT_MS, () => {
        const lines = logOf(product.agent).filter(({ message }) => message === "trial passed");
        return lines.length >= count;
      });
    await passed(1);
    const before = await generation();

    await hub.model(await squareModel(t), "squares", "1.0.0");
    await product.agent.line(/"object accepted".*squares@1\.0\.0/, TIMEOUT_MS);
    // A busy machine makes single inferences slow; what is slow here does not keep up with the camera.
    hub.settings({ model: { bundle: "squares" }, trial: { latencyFactor: 100 } });
    await passed(2);
    const good = await generation();
    assert.notEqual(good, before);
    await until("consumed", TIMEOUT_MS, () => {
      return hub.ess.statusOf("slipstream-model", "squares") === undefined;
    });

    await hub.model(await squareModel(t, SLOW), "squares", "2.0.0");
    const failure = await product.agent.line(/"trial failed, rolling back/, TIMEOUT_MS);
    assert.match(failure, /squares@2\.0\.0/);
    await until("the last good one", TIMEOUT_MS, async () => (await generation()) === good);
    const output = await untilState(product.runDir, "a served picture", TIMEOUT_MS, ({ outputs }) =>
      outputs.find(({ state }) => state?.$case === "serving"),
    );
    assert.equal(output.state?.$case, "serving");
  });
});
