import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { OnnxOperatorsFile } from "../../catalogue/data.js";
import { loadCatalogue } from "../../catalogue/load.js";
import { compareReleases } from "../../catalogue/release.js";
import { NETWORKS, network } from "../corpus/networks.js";
import { readOnnx } from "./onnx.js";
import { type Refusal, refusals } from "./operators.js";

const RELEASES = ["8.0", "8.2", "8.4", "8.5", "8.6", "10.3", "10.9", "10.14", "10.16", "11.0"];

describe("what TensorRT refuses of a network", () => {
  let table: OnnxOperatorsFile;
  before(async () => {
    table = (await loadCatalogue()).onnx;
  });

  function refused(name: string, tensorrt: string, hasLibrary = false): readonly Refusal[] {
    const bytes = network(name);
    const facts = readOnnx(
      (offset, length) => bytes.subarray(offset, offset + length),
      bytes.length,
    );
    return refusals(facts, tensorrt, table, hasLibrary);
  }

  for (const { name, refused: expected } of NETWORKS) {
    it(`is told of ${name}, release by release`, () => {
      for (const release of RELEASES) {
        const isRefused =
          expected !== null &&
          (expected.until === "always" || compareReleases(release, expected.until) <= 0);
        const told = refused(name, release).map(({ code, what }) => `${code} ${what}`);
        assert.deepEqual(told, isRefused ? expected.told : [], release);
      }
    });
  }

  it("names the node, and where the input comes from", () => {
    const [one] = refused("a bias behind a Cast", "8.2.1");
    assert.equal(
      one?.why,
      "takes the bias of Conv from an initializer only up to 8.4, and here it comes from a Cast",
    );
    assert.equal(one?.where, "node first");
    assert.match(one?.cure ?? "", /fold_casts\.py/);
  });

  it("names a node without a name by what it gives", () => {
    assert.equal(refused("NonZero", "8.2")[0]?.where, "the node of out");
  });

  it("says which release has the operator", () => {
    assert.match(refused("NonZero", "8.2")[0]?.why ?? "", /others have it \(from 8\.5\)/);
  });

  it("leaves unknown operators to a library of the bundle", () => {
    assert.deepEqual(refused("an operator that is none", "8.2", true), []);
  });
});
