import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileRequirement, displayFound } from "./constraint-evaluation.js";
import { ConstraintError } from "./constraint-lexer.js";
import { displayClause, parseConstraint } from "./constraint-parser.js";
import type { Property } from "./property.js";

/** What the golden answers do not show: where an error is, what Horizon ignores, which clauses failed. */
describe("a constraint", () => {
  const faults: ReadonlyArray<readonly [string, number, RegExp]> = [
    ["ring == ", 8, /expected a value after '=='/],
    ["a == 1 AND b", 12, /expected an operator after 'b'/],
    ["ring", 4, /expected an operator after 'ring'/],
    ["a == 1AND b == 2", 6, /AND and OR need blanks on both sides/],
    ["NOT a == 1", 3, /expected an operator .* instead of 'a'/],
    ["a in x", 5, /in needs a quoted list or a version range/],
    ["a < big", 4, /compares numbers, and 'big' is not one/],
    ['a == "x,y"', 5, /a list needs the operator in/],
    ["a == [1.0.0,2.0.0)", 5, /a version range needs the operator in/],
    ["v in [1.0.0, 2.0.0)", 5, /must not contain a blank/],
    ["v in [1.0,2.0)", 5, /with three numbers each/],
    ['a == ""', 5, /a quoted value is not empty/],
    ["(a == 1", 7, /a parenthesis is not closed/],
    ["a == 1)", 6, /closed that was not opened/],
    ["initial == 1", 0, /Horizon cannot read a name that starts like this/],
  ];
  for (const [text, at, message] of faults) {
    it(`is refused at column ${at + 1}: ${text}`, () => {
      assert.throws(
        () => parseConstraint(text),
        (error: unknown) => {
          assert.ok(error instanceof ConstraintError);
          assert.match(error.message, message);
          assert.equal(error.at, at);
          return true;
        },
      );
    });
  }

  const warnings: ReadonlyArray<readonly [string, number, RegExp]> = [
    [" ring == 1", 0, /false on every node/],
    ["ring => 1", 0, /treats it as '=='/],
    ["a == 1) OR (b == 2", 7, /ignores everything from here on/],
  ];
  for (const [text, at, message] of warnings) {
    it(`is accepted with a warning: ${text}`, () => {
      const [warning, ...more] = parseConstraint(text).warnings;
      assert.equal(warning?.at, at);
      assert.match(warning.message, message);
      assert.deepEqual(more, []);
    });
  }

  it("is accepted without a warning if it means what it says", () => {
    assert.deepEqual(parseConstraint('(a == 1 OR b in "x,y") AND c != 2').warnings, []);
  });
});

describe("the failures of a requirement", () => {
  const failures = (texts: string[], properties: Property[]): string[] =>
    compileRequirement(texts.map((text) => parseConstraint(text)))
      .failures(properties)
      .map(
        (failed) =>
          `${failed.alternative ? "or " : ""}${displayClause(failed.clause)} ${displayFound(failed)}`,
      );

  it("are all clauses that stand in the way, with what was found", () => {
    const properties = [
      { name: "ring", value: 3 },
      { name: "board", value: "t4" },
    ];
    assert.deepEqual(failures(["ring <= 1 AND board == t4", "runtime == nvidia"], properties), [
      "ring <= 1 is 3",
      "runtime == nvidia is absent",
    ]);
  });

  it("are the clauses of every alternative where none holds", () => {
    const properties = [{ name: "board", value: "nano" }];
    assert.deepEqual(failures(["board == t4 OR board == orin"], properties), [
      'or board == t4 is "nano"',
      'or board == orin is "nano"',
    ]);
  });

  it("leave out alternatives where one holds", () => {
    const properties = [{ name: "board", value: "nano" }];
    assert.deepEqual(failures(["board == t4 OR board == nano", "ring == 1"], properties), [
      "ring == 1 is absent",
    ]);
  });

  it("are none where all constraints hold", () => {
    assert.deepEqual(failures(["", "a != 1"], [{ name: "a", value: 2 }]), []);
  });
});
