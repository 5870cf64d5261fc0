import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readSettings } from "./from-settings.js";

describe("readSettings", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "lint-settings-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const read = (content: unknown) => {
    writeFileSync(join(folder, "settings.json"), JSON.stringify(content, null, 2));
    return readSettings({ SETTINGS_FILE: "settings.json", MODEL: "models/x" }, folder);
  };

  it("reads the document that SETTINGS_FILE names beside the environment", async () => {
    const { spec, bundle, problems } = await read({
      cameras: [{ uri: "test://" }],
      tracker: "iou",
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(spec?.tracker, { algorithm: "IOU" });
    assert.equal(bundle, join(folder, "models/x"));
  });

  it("finds the bundles of the models behind the first, but not those that a node has", async () => {
    const secondaryModels = [{ bundle: "models/colour" }, { bundle: "make@1.0.0" }];
    const { spec, otherBundles } = await read({
      ...{ cameras: [{ uri: "test://" }], model: { bundle: "models/x" } },
      secondaryModels,
    });
    assert.equal(spec?.models.length, 3);
    assert.deepEqual(otherBundles, [join(folder, "models/colour"), undefined]);
  });

  it("keeps how long detection rests while nothing moves, which boards ignore", async () => {
    const { spec } = await read({
      cameras: [{ uri: "test://", stillInterval: "2s" }, { uri: "test://" }],
    });
    assert.deepEqual(
      spec?.cameras.map(({ still_interval }) => still_interval),
      [2000, 0],
    );
  });

  it("looks for no bundle where a model is named that a node has", async () => {
    const model = { bundle: "people@1.2.0" };
    const { spec, bundle } = await read({ cameras: [{ uri: "test://" }], model });
    assert.equal(spec?.cameras.length, 1);
    assert.equal(bundle, undefined);
  });

  it("tells faults of the document, and of all sources together", async () => {
    const wrong = await read({ cameras: [{ uri: "test://", latency: "5" }] });
    assert.deepEqual(
      wrong.problems.map(({ code, path }) => [code, path]),
      [["wrong-setting", "cameras[0].latency"]],
    );
    const { problems } = await read({ tracker: "iou" });
    assert.deepEqual(
      problems.map(({ path }) => path),
      ["RTSPINPUT"],
    );
  });
});
