/** Our problems against the output of the real hzn for the same definitions. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDocument } from "../../../common/json/document.js";
import { findHzn } from "../../policy/golden/hzn.js";
import { lint } from "../lint.js";
import type { DefinitionCase } from "./cases.js";
import { askVerify, definitionOf, readDefinitionFile } from "./cases.js";

const { cases } = readDefinitionFile();

/** Keys that hzn does not know yet and the agent does. */
const knownToAgent = ["security_opt", "variation_label"];

function codesOf(given: DefinitionCase): string[] {
  const document = parseDocument("d.json", JSON.stringify(definitionOf(given)), () => undefined);
  return [...new Set(lint([document]).map(({ code }) => code))].sort();
}

describe("the linter", () => {
  for (const given of cases) {
    const codes = given.finds.length === 0 ? "nothing" : given.finds.join(", ");
    it(`finds ${codes} where it ${given.name}`, () => {
      assert.deepEqual(codesOf(given), given.finds);
    });
  }

  it("reports something whenever hzn does", () => {
    const silent = cases.filter(({ finds, answer }) => {
      assert.ok(answer !== undefined, "not recorded");
      const key = /unrecognized field '(\w+)'/.exec(answer.text)?.[1] ?? "";
      return (
        (answer.exit !== 0 || answer.text !== "") &&
        finds.length === 0 &&
        !knownToAgent.includes(key)
      );
    });
    assert.deepEqual(
      silent.map(({ name }) => name),
      [],
    );
  });
});

describe("the real hzn", () => {
  const hzn = findHzn(process.env);
  const skip = hzn === undefined ? "no hzn on PATH and HZN_BIN is not set" : false;
  it("still says about definitions what was recorded", { skip }, async () => {
    assert.ok(hzn !== undefined);
    for (const given of cases)
      assert.equal((await askVerify(hzn, given)).exit, given.answer?.exit, given.name);
  });
});
