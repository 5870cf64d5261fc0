/** What the engines say of a bundle, the linter says too: src/sidecar/tests/test_bundle_table.py goes through the same table. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { loadCatalogue } from "../../../common/catalogue/load.js";
import { findTarget } from "../../../common/catalogue/targets.js";
import { BUNDLE_TABLE, filesOf } from "../corpus/bundle-table.js";
import { lint } from "../lint.js";
import { readBundle } from "./bundle.js";

for (const one of BUNDLE_TABLE) {
  test(`the linter says what the engines say: ${one.name}`, async (t) => {
    const catalogue = await loadCatalogue();
    const place = await mkdtemp(join(tmpdir(), "bundle-"));
    t.after(() => rm(place, { recursive: true }));
    for (const [name, content] of filesOf(one)) await writeFile(join(place, name), content);
    const { bundle, problems } = await readBundle(place, catalogue);
    for (const [targets, expected] of Object.entries(one.expected)) {
      for (const id of targets.split(" ")) {
        const found = findTarget(catalogue.targets, id);
        assert.ok(found.t === "target", id);
        const all = [...problems, ...lint({ bundle }, found.target, catalogue)];
        const lines = all.map(({ severity, code, line }) => `${severity} ${code} ${line ?? 0}`);
        const messages = all.map(({ message }) => message).join("\n");
        assert.deepEqual([...new Set(lines)].sort(), expected, `on ${id}: ${messages}`);
      }
    }
  });
}
