/**
 * Our verdicts against those of the real hzn: recorded ones always, and those of an installed `hzn` if there is one.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { InputError } from "../../../common/problem.js";
import { seededRandom } from "../../../common/testing/seeded-random.js";
import { type Placement, place } from "../placement.js";
import { PolicyFiles } from "../policy-files.js";
import {
  type Answer,
  type ConstraintFile,
  type PlacementFile,
  type Question,
  questionOfConstraint,
  questionOfPlacement,
  readGolden,
} from "./cases.js";
import { askHzn, findHzn } from "./hzn.js";
import { randomQuestion } from "./random.js";

const hzn = findHzn(process.env);
const skip = hzn === undefined ? "no hzn on PATH and HZN_BIN is not set" : false;

const placements = readGolden<PlacementFile>("placement.json");
const constraints = readGolden<ConstraintFile>("constraints.json");

const questions: ReadonlyArray<{ name: string; question: Question; golden: Answer | undefined }> = [
  ...placements.cases.map((given) => ({
    name: given.name,
    question: questionOfPlacement(given),
    golden: given.answer,
  })),
  ...constraints.cases.map((given) => ({
    name: `reads ${JSON.stringify(given.constraint)}`,
    question: questionOfConstraint(constraints, given),
    golden: given.answer,
  })),
];

/** The verdict in terms that both sides have, and the side that lacks something. */
function verdictOf({ exit, compatible, text = "" }: Answer): string {
  if (exit !== 0) return "refused";
  if (compatible) return "compatible";
  if (text.includes("Node properties do not satisfy")) return "node lacks";
  if (text.includes("Properties do not satisfy node constraint")) return "service lacks";
  return "other";
}

function ourVerdict(placement: Placement): string {
  if (placement.t === "placed") return "compatible";
  const last = placement.rejected.at(-1)?.why.t;
  return last === "no-service" ? "other" : (last?.replace("-", " ") ?? "other");
}

describe("our verdicts", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "golden-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function ask(question: Question): string {
    const write = (name: string, value: unknown): string => {
      const file = join(folder, name);
      writeFileSync(file, JSON.stringify(value).replaceAll("$", "$DOLLAR"));
      return file;
    };
    const files = new PolicyFiles({ DOLLAR: "$" });
    const node = files.node(write("node.json", question.node), undefined);
    const [deployment] = files.deployments(
      [write("deployment.json", question.deployment)],
      question.services.map((service, i) => ({
        arch: undefined,
        file: write(`service${i}.json`, service),
      })),
      [{ arch: undefined, file: write("service.policy.json", question.servicePolicy) }],
    );
    try {
      files.finish();
    } catch (error) {
      if (error instanceof InputError) return "refused";
      throw error;
    }
    assert.ok(deployment !== undefined);
    return ourVerdict(place(deployment, node, question.arch));
  }

  for (const { name, question, golden } of questions) {
    it(`equal the recorded one of hzn: ${name}`, () => {
      assert.ok(golden !== undefined, "not recorded");
      assert.equal(ask(question), verdictOf(golden), golden.text);
    });
  }

  it("equal those of the installed hzn, on random policies", { skip }, async (t) => {
    assert.ok(hzn !== undefined);
    const { QUESTIONS: count = "40", SEED: seed = "1" } = process.env;
    const random = seededRandom(Number(seed));
    const verdicts = new Map<string, number>();
    for (let i = 0; i < Number(count); i++) {
      const question = randomQuestion(random.fork());
      const theirs = await askHzn(hzn, question);
      const verdict = verdictOf(theirs);
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      assert.equal(ask(question), verdict, `${JSON.stringify(question)}\n${theirs.text}`);
    }
    t.diagnostic([...verdicts].map(([verdict, times]) => `${verdict} ${times}`).join(", "));
  });
});

describe("the real hzn", () => {
  it("still answers as recorded", { skip }, async () => {
    assert.ok(hzn !== undefined);
    for (const { name, question, golden } of questions) {
      assert.ok(golden !== undefined, "not recorded");
      assert.equal(verdictOf(await askHzn(hzn, question)), verdictOf(golden), name);
    }
  });
});
