/** What the engines say of models that run together, the linter says too: src/sidecar/tests/test_cascade_table.py goes through the same table. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { loadCatalogue } from "../../../common/catalogue/load.js";
import { findTarget } from "../../../common/catalogue/targets.js";
import { type Bundle, readBundle } from "../bundle/bundle.js";
import { CASCADE_TABLE, filesOf } from "../corpus/bundle-table.js";
import { lintSpec } from "./rules.js";
import type { Spec } from "./schema.js";

const CAMERAS = [{ id: "a", uri: "test://" }];
const OUTPUT = {
  ...{ id: "f", file: { path: "a.mkv" } },
  encoding: { width: 64, height: 64, bitrate: 90000, frame_rate: 5 },
};

for (const one of CASCADE_TABLE) {
  test(`the linter says what the engines say: ${one.name}`, async (t) => {
    const catalogue = await loadCatalogue();
    const bundles: Bundle[] = [];
    for (const model of one.models) {
      const place = await mkdtemp(join(tmpdir(), "bundle-"));
      t.after(() => rm(place, { recursive: true }));
      for (const [name, content] of filesOf(model)) await writeFile(join(place, name), content);
      const { bundle } = await readBundle(place, catalogue);
      assert.ok(bundle);
      bundles.push(bundle);
    }
    const spec: Spec = {
      cameras: CAMERAS,
      models: one.models.map((_, i) => ({
        ...{ bundle_path: `/models/m${i}`, classes: one.classes?.[i] ?? [] },
      })),
      ...(one.tracked ? { tracker: { algorithm: "IOU" } } : {}),
      outputs: [OUTPUT],
    };
    for (const id of ["cpu", "t4"]) {
      const found = findTarget(catalogue.targets, id);
      assert.ok(found.t === "target", id);
      const problems = lintSpec(spec, bundles, found.target, catalogue.facts);
      const said = problems.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
      assert.deepEqual(said, one.expected, problems.map(({ message }) => message).join("\n"));
    }
  });
}

test("the linter says nothing that depends on a model which only a node has", async () => {
  const catalogue = await loadCatalogue();
  const found = findTarget(catalogue.targets, "cpu");
  assert.ok(found.t === "target");
  const models = [{ bundle_path: "street@1.0.0" }, { bundle_path: "colour@1.0.0" }];
  const spec: Spec = { cameras: CAMERAS, models, outputs: [OUTPUT] };
  assert.deepEqual(lintSpec(spec, [], found.target, catalogue.facts), []);
});
