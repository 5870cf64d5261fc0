import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as z from "zod";
import { nearlyRight, rightDocument } from "../../../common/settings/document/testing/documents.js";
import { readSettingsDocument } from "../../../common/settings/settings-document.js";
import { seededRandom } from "../../../common/testing/seeded-random.js";
import { documentJsonSchema } from "./json-schema.js";

const EXAMPLES = new URL("../../../../../examples/", import.meta.url);

describe("the JSON Schema of settings documents", () => {
  const schema = z.fromJSONSchema(documentJsonSchema());

  it("accepts what the node accepts", () => {
    const random = seededRandom(4);
    for (let i = 0; i < 100; i++) {
      // A schema has one spelling of a word, and the node ignores case.
      const text = JSON.stringify(rightDocument(random))
        .replaceAll('"h265"', '"H265"')
        .replaceAll('"TCP"', '"tcp"')
        .replaceAll('"NvDCF"', '"nvdcf"');
      const { error } = schema.safeParse(JSON.parse(text));
      assert.equal(error, undefined, `${error}\n${text}`);
    }
  });

  it("refuses keys, types and bounds that the node refuses", () => {
    for (const content of [
      { camera: [] },
      { cameras: [] },
      { cameras: [{ id: "a" }] },
      { cameras: [{ id: "A", uri: "test://" }] },
      { cameras: [{ uri: "test://", credentials: "hunter2" }] },
      {
        cameras: [
          {
            uri: "test://",
            masks: [
              [
                [0, 0],
                [1, 1],
              ],
            ],
          },
        ],
      },
      { cameraDefaults: { latency: "5" } },
      { outputDefaults: { width: 641 } },
      { outputDefaults: { bitrate: "4000000" } },
      { model: { threshold: 40 } },
      { overlay: { boxes: "yes" } },
      { tracker: "kalman" },
      { hours: { on: "0 7 * * *" } },
      { outputs: [{ rtsp: { path: "ds" } }] },
    ]) {
      assert.ok(!schema.safeParse(content).success, JSON.stringify(content));
      assert.equal(readSettingsDocument(JSON.stringify(content), "x").t, "refused");
    }
  });

  it("finds most of single faults by itself", () => {
    const random = seededRandom(5);
    const texts = Array.from({ length: 200 }, () => nearlyRight(random).text);
    const found = texts.filter((text) => !schema.safeParse(JSON.parse(text)).success);
    assert.ok(found.length > 160, `${found.length} of ${texts.length}`);
  });
});

describe("the examples", () => {
  for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith(".json"))) {
    it(`${name} is a document that a node takes`, () => {
      const text = readFileSync(new URL(name, EXAMPLES), "utf8");
      const reading = readSettingsDocument(text, name);
      assert.equal(reading.t, "document", JSON.stringify(reading));
    });
  }
});
