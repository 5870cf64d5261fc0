import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, describe, it } from "node:test";
import type { OnnxOperatorsFile } from "../../../common/catalogue/data.js";
import { loadCatalogue } from "../../../common/catalogue/load.js";
import { compareReleases } from "../../../common/release-number.js";
import { NETWORKS, network, VERDICTS } from "../corpus/networks.js";
import { readOnnx } from "./onnx.js";
import { type ParserRefusal, parserRefusals } from "./tensorrt-parser.js";

const RELEASES = ["8.0", "8.2", "8.4", "8.5", "8.6", "10.3", "10.9", "10.14", "10.16", "11.0"];

describe("what TensorRT refuses of a network", () => {
  let table: OnnxOperatorsFile;
  before(async () => {
    table = (await loadCatalogue()).onnx;
  });

  function refused(name: string, tensorrt: string, hasLibrary = false): readonly ParserRefusal[] {
    const bytes = network(name);
    const facts = readOnnx(
      (offset, length) => bytes.subarray(offset, offset + length),
      bytes.length,
    );
    return parserRefusals(facts, tensorrt, table, hasLibrary);
  }

  for (const { name, refused: expected } of NETWORKS) {
    it(`is reported for ${name}, release by release`, () => {
      for (const release of RELEASES) {
        const isRefused =
          expected !== null &&
          (expected.until === "always" || compareReleases(release, expected.until) <= 0);
        const found = refused(name, release).map(({ code, what }) => `${code} ${what}`);
        assert.deepEqual(found, isRefused ? expected.told : [], release);
      }
    });
  }

  for (const { tensorrt, networks } of VERDICTS) {
    it(`is what the parser of TensorRT ${tensorrt} refused`, () => {
      for (const { network: name, sha256, verdict, unlike } of networks) {
        const digest = createHash("sha256").update(network(name)).digest("hex");
        assert.equal(digest.slice(0, 16), sha256, `${name} is not the network that was judged`);
        const isFound = refused(name, tensorrt).length > 0;
        assert.equal(isFound, (verdict !== "accepted") !== (unlike !== undefined), name);
      }
    });
  }

  it("says whether an attribute is refused or ignored", () => {
    assert.match(
      refused("ScatterElements that adds", "8.2")[0]?.why ?? "",
      /^ignores reduction add of ScatterElements up to 9\.3/,
    );
    assert.match(refused("MaxPool with dilations", "8.2")[0]?.why ?? "", /^supports no MaxPool/);
  });

  it("says what may be the output of a node but no input of the network", () => {
    assert.match(
      refused("Resize with scales that are an input", "10.3")[0]?.why ?? "",
      /^takes the scales of Resize from an initializer or a node only, and here .* an input$/,
    );
  });

  it("names the node, and where the input comes from", () => {
    const [one] = refused("a bias behind a Cast", "8.2.1");
    assert.equal(
      one?.why,
      "takes the bias of Conv from an initializer only up to 8.4, and here it comes from a Cast",
    );
    assert.equal(one?.where, "node first");
    assert.match(one?.remedy ?? "", /fold_casts\.py/);
  });

  it("names a node without a name by its output", () => {
    assert.equal(refused("NonZero", "8.2")[0]?.where, "the node of out");
  });

  it("says which release has the operator", () => {
    assert.match(refused("NonZero", "8.2")[0]?.why ?? "", /other releases have it \(from 8\.5\)/);
  });

  it("leaves unknown operators to a library that the bundle names", () => {
    assert.deepEqual(refused("an operator that is none", "8.2", true), []);
  });
});
