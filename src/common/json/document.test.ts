import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayProblem, InputError } from "../problem.js";
import { displayPath, parseDocument } from "./document.js";
import { expandVariables } from "./expand.js";

const nothing = (): undefined => undefined;

function problemsOf(source: string): string[] {
  try {
    parseDocument("f.json", source, nothing);
  } catch (error) {
    assert.ok(error instanceof InputError);
    return error.problems.map(displayProblem);
  }
  return [];
}

describe("variables", () => {
  const lookup = (name: string): string | undefined =>
    ({ A: "1", LONG_name2: "x", EMPTY: "" })[name];
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["a$A b", "a1 b"],
    ["a$\x7bA}b", "a1b"],
    ["$LONG_name2-$A", "x-1"],
    ["$AB", ""],
    ["$EMPTY", ""],
    ["cost: 5$", "cost: 5$"],
    ["$ A", "$ A"],
    ["$1x", "x"],
    ["$$A", "A"],
    ["$\x7b}x", "x"],
    ["${A", "A"],
    ["$.x", "$.x"],
  ];
  for (const [text, expanded] of cases) {
    it(`turn ${text} into ${expanded || "nothing"}`, () => {
      assert.equal(expandVariables(text, lookup).text, expanded);
    });
  }
});

describe("a document", () => {
  const source = `{
  /* two
     lines */
  "version": "$VERSION",
  "list": [
    {"a": 1},
    {"b": "x-$NAME"}
  ]
}`;
  const document = parseDocument("f.json", source, (name) =>
    name === "VERSION" ? "1.0.0" : undefined,
  );

  it("is read with its variables and without its comments", () => {
    const value = { version: "1.0.0", list: [{ a: 1 }, { b: "x-" }] };
    assert.equal(JSON.stringify(document.value), JSON.stringify(value));
  });

  it("knows the line of each part, and of the nearest parent of a missing one", () => {
    assert.equal(document.placeOf(["version"]).line, 4);
    assert.equal(document.placeOf(["list", 1, "b"]).line, 7);
    assert.equal(document.placeOf(["list", 1, "c"]).line, 7);
    assert.equal(document.placeOf(["nothing"]).line, 1);
  });

  it("knows its unset variables and their places", () => {
    assert.deepEqual(document.unset, [
      { name: "NAME", place: { file: "f.json", line: 7, path: "list[1].b" } },
    ]);
  });

  it("knows the variables within a part", () => {
    assert.deepEqual(
      document.expansionsIn(["version"]).map(({ name }) => name),
      ["VERSION"],
    );
    assert.deepEqual(document.expansionsIn(["list", 0]), []);
  });

  it("is refused with the line at which it is not JSON", () => {
    assert.match(problemsOf('{\n "a": [1,\n}')[0] ?? "", /^f\.json:3: is not JSON: value expected/);
    assert.match(problemsOf("")[0] ?? "", /^f\.json:1: is not JSON/);
    assert.match(problemsOf('{"a": 1,}')[0] ?? "", /^f\.json:1: is not JSON/);
    assert.match(problemsOf("{} // no")[0] ?? "", /^f\.json:1: is not JSON/);
  });

  it("is refused if a key is repeated", () => {
    assert.deepEqual(problemsOf('{"p": [{\n"a": 1,\n"a": 2}]}'), [
      "f.json:3: p[0].a: is repeated; only the last value would count",
    ]);
  });
});

it("a path is written as people write it", () => {
  assert.equal(displayPath([]), "");
  assert.equal(
    displayPath(["deployment", "services", "agent", "ports", 0, "HostPort"]),
    "deployment.services.agent.ports[0].HostPort",
  );
  assert.equal(displayPath(["tmpfs", "a b"]), 'tmpfs["a b"]');
});
