import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { compareReleases } from "../release-number.js";
import type { Catalogue } from "./catalogue.js";
import { loadCatalogue } from "./load.js";
import type { Property } from "./property.js";
import { describeAvailability, isWithin, type Platform } from "./release.js";
import { findBoard, findRelease, type Target } from "./targets.js";

let catalogue: Catalogue;
before(async () => {
  catalogue = await loadCatalogue();
});

function on(release: string, platform: Platform): Target {
  const lookup = findRelease(catalogue.targets, release, platform);
  assert.ok(lookup.t === "target");
  return lookup.target;
}

function property(element: string, name: string, target: Target): Property {
  const found = catalogue.element(element, target);
  assert.ok(found.t === "found");
  const lookup = found.found.property(name);
  assert.ok(lookup.t === "found", JSON.stringify(lookup));
  return lookup.found;
}

function nicks(element: string, name: string, target: Target): (string | undefined)[] {
  return (property(element, name, target).choices ?? []).map((choice) => choice.nicks[0]);
}

describe("releases", () => {
  it("are ordered as numbers, not as text", () => {
    const releases = ["10.0", "6.0.1", "7.1", "6.0", "6.1"];
    assert.deepEqual(releases.sort(compareReleases), ["6.0", "6.0.1", "6.1", "7.1", "10.0"]);
  });

  it("are within a span up to and with its ends", () => {
    const span = { since: "6.0.1", until: "6.2" };
    const releases = ["6.0", "6.0.1", "6.1", "6.2", "6.3"];
    assert.deepEqual(
      releases.filter((release) => isWithin(span, release)),
      ["6.0.1", "6.1", "6.2"],
    );
  });

  it("are told in words", () => {
    const text = describeAvailability([
      { platform: "dgpu", since: "6.1", until: null },
      { platform: "jetson", since: "5.0", until: "6.0.1" },
    ]);
    assert.equal(text, "dGPU (from 6.1) and Jetson (up to 6.0.1)");
  });
});

describe("a property", () => {
  it("has the range that its release gave it", () => {
    assert.equal(property("nvv4l2decoder", "num-extra-surfaces", on("6.0.1", "dgpu")).max, 24);
    assert.equal(property("nvv4l2decoder", "num-extra-surfaces", on("7.1", "dgpu")).max, 55);
  });

  it("has the type that its release gave it", () => {
    assert.equal(property("nvdsosd", "blur-bbox", on("8.0", "dgpu")).type, "boolean");
    assert.equal(property("nvdsosd", "blur-bbox", on("9.0", "dgpu")).type, "uint");
  });

  it("has the choices that its release gave it", () => {
    const old = ["CPU_MODE", "GPU_MODE", "HW_MODE"];
    assert.deepEqual(nicks("nvdsosd", "process-mode", on("6.1.1", "jetson")), old);
    const now = ["MODE_CPU", "MODE_GPU", "MODE_NONE"];
    assert.deepEqual(nicks("nvdsosd", "process-mode", on("7.1", "jetson")), now);
    assert.deepEqual(nicks("nvdsosd", "process-mode", on("9.0", "dgpu")), ["MODE_CPU", "MODE_GPU"]);
  });

  it("has only the choices of its platform", () => {
    const modes = ["auto", "mmap", "dmabuf-import"];
    assert.deepEqual(nicks("nvv4l2decoder", "capture-io-mode", on("7.1", "dgpu")), modes);
    const jetson = ["auto", "mmap", "userptr"];
    assert.deepEqual(nicks("nvv4l2decoder", "capture-io-mode", on("7.1", "jetson")), jetson);
  });

  it("has the facts that a real element showed, from the release that was looked at", () => {
    assert.equal(property("nvv4l2h264enc", "cq", on("9.0", "dgpu")).max, 51);
    assert.equal(property("nvv4l2h264enc", "cq", on("7.1", "dgpu")).max, undefined);
  });

  it("may come from a base class", () => {
    assert.equal(property("nv3dsink", "sync", on("7.1", "jetson")).type, "boolean");
  });
});

describe("the data files", () => {
  it("know every property that the real elements of 9.0 printed", () => {
    const target = on("9.0", "dgpu");
    const missing = Object.entries(catalogue.seen.elements).flatMap(([name, properties]) => {
      const element = catalogue.element(name, target);
      assert.ok(element.t === "found");
      return Object.keys(properties).filter((one) => element.found.property(one).t !== "found");
    });
    assert.deepEqual(missing, []);
  });

  it("describe every release for every platform that the boards need", () => {
    for (const board of catalogue.targets.boards) {
      for (const release of [board.release, ...board.releases]) {
        const lookup = findBoard(catalogue.targets, board.id, release);
        assert.equal(lookup.t, "target", `${board.id} ${release}`);
      }
    }
  });

  it("name in the facts only elements, properties and keys that exist", () => {
    const { facts, nvinferKeys } = catalogue;
    const keys = new Set(nvinferKeys.map(({ name }) => name));
    assert.deepEqual(
      facts.formats.flatMap((format) => format.keys).filter((key) => !keys.has(key)),
      [],
    );
    const named = [
      ...facts.flow.same,
      ...facts.flow.sameMemory,
      ...facts.flow.anyFormat,
      ...facts.stream.encoders.map(({ element }) => element),
      ...facts.needed.flatMap(({ elements }) => elements),
      ...facts.insteadOfElement.map(({ element }) => element),
    ];
    const unknown = named.filter((name) => !catalogue.isKnown(name));
    assert.deepEqual(unknown, []);
  });

  it("give every nvinfer key once for each kind of group", () => {
    const names = catalogue.nvinferKeys.map(({ name, group }) => `${group}/${name}`);
    assert.equal(new Set(names).size, names.length);
    const deprecated = catalogue.nvinferKeys.flatMap((key) => key.deprecated ?? []);
    assert.ok(deprecated.length > 0);
  });
});
