import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareVersions, isVersion, isWithin, parseVersionRange } from "./horizon-version.js";

describe("versions", () => {
  it("have one to three numbers and may have a suffix", () => {
    for (const text of ["1", "1.2", "1.2.3", "1.02.3", "1.0.0-rc1", "INFINITY"]) {
      assert.ok(isVersion(text), text);
    }
    for (const text of ["", "v1", "1.", "1.2.3.4", "1.a", "1_0"]) assert.ok(!isVersion(text), text);
  });

  it("are ordered by number, and a release comes after its candidates", () => {
    const ordered = [
      "0.9",
      "1.0.0-1",
      "1.0.0-2",
      "1.0.0-10",
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1",
      "1.0.10",
      "1.1",
      "INFINITY",
    ];
    for (const [i, low] of ordered.entries()) {
      for (const high of ordered.slice(i + 1)) {
        assert.ok(compareVersions(low, high) < 0, `${low} < ${high}`);
        assert.ok(compareVersions(high, low) > 0, `${high} > ${low}`);
      }
    }
    assert.equal(compareVersions("1", "1.0.0"), 0);
  });
});

describe("a version range", () => {
  const cases: ReadonlyArray<readonly [string, string, boolean]> = [
    ["[1.0.0,2.0.0)", "1.0.0", true],
    ["[1.0.0,2.0.0)", "1.9.9", true],
    ["[1.0.0,2.0.0)", "2.0.0", false],
    ["[1.0.0,2.0.0]", "2", true],
    ["(1.0.0,2.0.0]", "1.0.0", false],
    ["[1.0.0,INFINITY)", "99.0.0", true],
    ["1.0.0", "1.0.1", true],
    ["1.0.0", "0.9.9", false],
    ["[2.0.0,1.0.0)", "1.5.0", false],
    ["[1.0.0,2.0.0)", "2.00.0", true],
    ["[1.0.0,2.0.0)", "latest", false],
  ];
  for (const [range, version, within] of cases) {
    it(`${range} ${within ? "contains" : "does not contain"} ${version}`, () => {
      assert.equal(isWithin(parseVersionRange(range), version), within);
    });
  }

  it("says what is wrong with it", () => {
    assert.throws(() => parseVersionRange("[1.0.0 ,2.0.0)"), /must not contain a blank/);
    for (const text of ["[1.0.0)", "[,1.0.0)", "1.0.0,2.0.0", "[1.0.0,x)", "", "[1,2,3)"]) {
      assert.throws(() => parseVersionRange(text), /is no version range/, text);
    }
  });
});
