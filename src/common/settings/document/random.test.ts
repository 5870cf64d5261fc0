import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayPath } from "../../json/document.js";
import { seededRandom } from "../../testing/seeded-random.js";
import { loadConfig } from "../config.js";
import { desiredState } from "../desired-state.js";
import { offlineModels, offlineSecrets } from "../offline.js";
import { type DocumentReading, readSettingsDocument } from "../settings-document.js";
import { hostileText, nearlyRight, rightDocument } from "./testing/documents.js";

const EACH = 350;

function read(text: string): DocumentReading {
  return readSettingsDocument(text, "chance");
}

function assertReasons(reading: DocumentReading, text: string) {
  assert.ok(reading.t === "refused", `it was taken: ${text.slice(0, 500)}`);
  assert.ok(reading.problems.length > 0 && reading.problems.length <= 20);
  for (const { message, line } of reading.problems) {
    assert.notEqual(message, "");
    assert.ok(line === undefined || (line >= 1 && line <= text.split("\n").length));
    assert.ok(message.length < 1000);
  }
}

describe("random documents", () => {
  const config = loadConfig({ RTSPINPUT: "test://" }, "/work");

  it("accepts every valid one, and makes a desired state of it", () => {
    const random = seededRandom(1);
    for (let i = 0; i < EACH; i++) {
      const text = JSON.stringify(rightDocument(random), null, random.between(0, 4));
      const reading = read(text);
      assert.ok(reading.t === "document", `${JSON.stringify(reading)}\n${text}`);
      const documents = [{ from: "hub", document: reading.document }] as const;
      const sources = { config, documents, secrets: offlineSecrets, models: offlineModels };
      const state = desiredState({ ...sources, nowMs: random.between(0, 2 ** 41) });
      assert.ok(state.t === "desired", `${JSON.stringify(state)}\n${text}`);
    }
  });

  it("refuses every one with a single mistake, and tells where it is", () => {
    const random = seededRandom(2);
    for (let i = 0; i < EACH; i++) {
      const { text, path } = nearlyRight(random);
      const reading = read(text);
      assertReasons(reading, text);
      const parent = displayPath(path.slice(0, -1));
      const paths = reading.t === "refused" ? reading.problems.map((one) => one.path) : [];
      assert.ok(
        paths.every((one) => one.startsWith(parent)),
        `${displayPath(path)}: ${paths.join(", ")}\n${text}`,
      );
    }
  });

  it("refuses every hostile one", () => {
    const random = seededRandom(3);
    for (let i = 0; i < EACH; i++) {
      const text = hostileText(random);
      assertReasons(read(text), text);
    }
  });
});
