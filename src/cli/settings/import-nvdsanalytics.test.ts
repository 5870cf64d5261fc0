import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayProblem } from "../../common/problem.js";
import { signedDistance } from "../../common/settings/polygon.js";
import { convert } from "./import-nvdsanalytics.js";

const FILE = `
[property]
enable=1
config-width=1000
config-height=500
osd-mode=2

[roi-filtering-stream-0]
enable=1
roi-Door Left=100;100;500;100;500;501;100;500
inverse-roi=0
class-id=-1

[overcrowding-stream-1]
enable=1
roi-OC=0;0;1000;0;1000;500
object-threshold=3
class-id=2;0

[line-crossing-stream-1]
enable=1
# Downwards over a line from right to left, and upwards over one from left to right.
line-crossing-Exit=500;100;500;400;900;250;100;250
line-crossing-Entry=500;400;500;100;100;250;900;250
class-id=0
mode=loose

[direction-detection-stream-0]
enable=1
direction-South=284;840;360;662;
class-id=0

[roi-filtering-stream-2]
enable=0
roi-RF=1;2;3
`;
const LABELS = ["car", "", "person"];

interface Document {
  readonly cameras: readonly {
    readonly id: string;
    readonly zones: readonly object[];
    readonly lines: readonly {
      readonly id: string;
      readonly from: [number, number];
      readonly to: [number, number];
    }[];
  }[];
}

describe("import of a configuration file of nvdsanalytics", () => {
  function documentOf(text: string): Document {
    const { document, problems } = convert(text, "a.txt", LABELS);
    assert.ok(document !== undefined, problems.map(displayProblem).join("\n"));
    return document as Document;
  }

  it("makes zones of areas, in fractions of the frame, with classes and the size of a crowd", () => {
    const [first, second, ...others] = documentOf(FILE).cameras;
    assert.deepEqual(others, []);
    assert.deepEqual(first, {
      id: "stream-0",
      uri: "rtsp://host/path",
      zones: [
        {
          id: "door-left",
          points: [
            [0.1, 0.2],
            [0.5, 0.2],
            [0.5, 1],
            [0.1, 1],
          ],
        },
      ],
      lines: [],
    });
    assert.deepEqual(second?.zones, [
      {
        id: "oc",
        points: [
          [0, 0],
          [1, 0],
          [1, 1],
        ],
        classes: ["person", "car"],
        crowd: 3,
      },
    ]);
  });

  it("turns lines so that their direction is in", () => {
    const [, second] = documentOf(FILE).cameras;
    const ahead = { exit: [0.5, 0.8], entry: [0.5, 0.2] } as const;
    assert.deepEqual(
      second?.lines.map(({ id, from, to }) => [
        id,
        signedDistance(ahead[id as "exit"], from, to) > 0,
      ]),
      [
        ["exit", true],
        ["entry", true],
      ],
    );
  });

  it("says what it leaves out", () => {
    assert.deepEqual(convert(FILE, "a.txt", LABELS).problems.map(displayProblem), [
      "a.txt:28: [direction-detection-stream-0]: is not needed: every object in an event has its heading; ignored",
    ]);
  });

  for (const [what, from, to, expected] of [
    [
      "class ids without labels",
      "",
      "",
      /\[overcrowding-stream-1\] class-id: is 2;0; give the model's labels/,
    ],
    ["no size", "config-width=1000", "", /\[property\] config-width: is missing or no size/],
    [
      "points that are none",
      "100;100;500",
      "100;x;500",
      /roi-Door Left: is "100;x;500;.*pairs of whole numbers/,
    ],
    ["a line of three points", ";900;250;100;250", ";900;250", /line-crossing-Exit: is no line/],
    [
      "an area outside the frame",
      "1000;0;1000;500",
      "3000;0;1000;500",
      /zones\[0\]\.points\[1\]\[0\]: is 3; allowed/,
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      const labels = what === "class ids without labels" ? undefined : LABELS;
      const { document, problems } = convert(FILE.replace(from, to), "a.txt", labels);
      assert.equal(document, undefined);
      assert.match(problems.map(displayProblem).join("\n"), expected);
    });
  }
});
