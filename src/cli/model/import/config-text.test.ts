import assert from "node:assert/strict";
import test from "node:test";
import { loadCatalogue } from "../../../common/catalogue/load.js";
import { affineOf, configText } from "./config-text.js";

const { decoders } = await loadCatalogue();

test("each family has a decoder of the table, and a normalisation of the table or none", () => {
  const names = decoders.decoders.map(({ name }) => name);
  const ids = decoders.normalisations.map(({ id }) => id);
  for (const family of decoders.families) {
    assert.ok(names.includes(family.decoder), family.id);
    assert.ok(family.normalise === null || ids.includes(family.normalise), family.id);
    assert.notEqual(family.source, "");
  }
});

function preparation(id: string, colour: "rgb" | "bgr") {
  const normalise = decoders.normalisations.find((one) => one.id === id);
  assert.ok(normalise);
  return { normalise, colour, fit: "centre" } as const;
}

test("one factor for all channels is nvinfer's, several are the network's own, in its order", () => {
  assert.equal(affineOf(preparation("0-1", "rgb")), undefined);
  assert.equal(affineOf(preparation("-1-1", "bgr")), undefined);
  const [factors, summands] = affineOf(preparation("imagenet", "bgr")) ?? [[], []];
  assert.deepEqual(factors, [1 / 57.375, 1 / 57.12, 1 / 58.395]);
  assert.deepEqual(summands, [-103.53 / 57.375, -116.28 / 57.12, -123.675 / 58.395]);
});

test("a configuration says how frames are laid in, normalised and decoded", () => {
  const text = (family: string, id: string, normalisesItself: boolean) => {
    const found = decoders.families.find((one) => one.id === family);
    assert.ok(found);
    return configText({
      title: "mine",
      family: found,
      preparation: preparation(id, "bgr"),
      channelsLast: false,
      width: 640,
      height: 384,
      classes: 3,
      normalisesItself,
    }).split("\n");
  };
  const yolo = text("yolov8", "-1-1", false);
  for (const line of [
    "network-type=100",
    "parse-bbox-func-name=SlipstreamYoloV8",
    "infer-dims=3;384;640",
    "model-color-format=1",
    "maintain-aspect-ratio=1",
    "symmetric-padding=1",
    `net-scale-factor=${1 / 127.5}`,
    "offsets=127.5;127.5;127.5",
    "cluster-mode=2",
    "nms-iou-threshold=0.45",
  ]) {
    assert.ok(yolo.includes(line), line);
  }
  const detr = text("rf-detr", "imagenet", true);
  assert.ok(detr.includes("net-scale-factor=1"));
  assert.ok(detr.includes("cluster-mode=4"));
  assert.ok(!detr.some((line) => line.startsWith("offsets")));
  assert.ok(text("detectnet", "0-1", false).includes("network-type=0"));
});
