// What is drawn on the page, and what the settings take.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSettingsDocument } from "../../src/common/settings/settings-document.js";
import { fieldsOf, flawIn, pointAt, type Shape } from "../../src/page/shapes.js";

const TRIANGLE = [pointAt(0.1, 0.1), pointAt(0.9, 0.1), pointAt(0.5, 0.9)];
const ZONE: Shape = { kind: "zone", id: "drive", points: TRIANGLE };
const LINE: Shape = { kind: "line", id: "gate", points: TRIANGLE.slice(0, 2) };
const MASK: Shape = { kind: "mask", id: "", points: TRIANGLE };

function isAccepted(shapes: readonly Shape[]): boolean {
  const camera = { id: "yard", uri: "test://ball", ...fieldsOf(shapes) };
  return readSettingsDocument(JSON.stringify({ cameras: [camera] }), "page").t === "document";
}

describe("what is drawn on the page", () => {
  it("becomes fields that the settings take", () => {
    assert.ok(isAccepted([ZONE, LINE, MASK]));
    assert.deepEqual(fieldsOf([LINE]), {
      lines: [{ id: "gate", from: [0.1, 0.1], to: [0.9, 0.1] }],
    });
    assert.deepEqual(fieldsOf([]), {});
  });

  it("stays within the frame", () => {
    assert.deepEqual(pointAt(-0.2, 1.7), [0, 1]);
  });

  const wrong: Readonly<Record<string, Shape>> = {
    "a zone without an id": { ...ZONE, id: "" },
    "an id with capitals": { ...ZONE, id: "Drive" },
    "a zone of two points": { ...ZONE, points: TRIANGLE.slice(0, 2) },
    "a zone without an area": { ...ZONE, points: [pointAt(0, 0), pointAt(0.5, 0), pointAt(1, 0)] },
    "a zone that crosses itself": {
      ...ZONE,
      points: [pointAt(0, 0), pointAt(1, 1), pointAt(1, 0), pointAt(0, 0.9)],
    },
    "a zone of 65 points": {
      ...ZONE,
      points: Array.from({ length: 65 }, (_, step) =>
        pointAt(
          0.5 + 0.4 * Math.cos((step * 2 * Math.PI) / 65),
          0.5 + 0.4 * Math.sin((step * 2 * Math.PI) / 65),
        ),
      ),
    },
    "a line that is too short": { ...LINE, points: [pointAt(0.5, 0.5), pointAt(0.505, 0.5)] },
  };
  for (const [name, shape] of Object.entries(wrong)) {
    it(`is refused where the settings would refuse it: ${name}`, () => {
      assert.notEqual(flawIn(shape, []), undefined);
      assert.ok(!isAccepted([shape]));
    });
  }

  it("is refused if there is another of its kind and id, or a line has more than two points", () => {
    assert.match(flawIn(ZONE, [ZONE]) ?? "", /already/);
    assert.ok(!isAccepted([ZONE, ZONE]));
    assert.equal(flawIn(ZONE, [{ ...LINE, id: "drive" }]), undefined);
    assert.match(flawIn({ ...LINE, points: TRIANGLE }, []) ?? "", /two points/);
  });
});
