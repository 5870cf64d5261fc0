import assert from "node:assert/strict";
import test from "node:test";
import type { Entry } from "../../common/hub/ledger.js";
import type { Answer, EssObject } from "./ess.js";
import { plan } from "./plan.js";

const OBJECT: EssObject = {
  type: "slipstream-model",
  id: "a",
  version: "",
  description: "",
  instance: "5",
  dataId: "5",
  bytes: 10,
  hasData: true,
  isDeleted: false,
  seal: undefined,
};

interface Facts {
  readonly object?: Partial<EssObject>;
  readonly entry?: Partial<Entry>;
  readonly lost?: true;
  readonly early?: true;
  readonly confirmed?: true;
  readonly answered?: Answer;
}

const taken = { t: "taken", what: "x@1" } as const;
const refused = { t: "refused", reason: "bad", terms: "now" } as const;

/** What is decided: the step, and the answer or the name. */
const CASES: readonly [string, Facts, string | undefined][] = [
  ["takes what it does not know", {}, "take"],
  ["takes nothing before it is known on which terms", { early: true }, undefined],
  [
    "does not forget a refusal because the terms are not known yet",
    { entry: { outcome: refused }, early: true },
    "answer received",
  ],
  ["does nothing about a deletion but answer it", { object: { isDeleted: true } }, "withdraw"],
  ["answers what it took before", { entry: { outcome: taken } }, "answer received"],
  ["answers once", { entry: { outcome: taken }, answered: "received" }, undefined],
  [
    "says consumed of what has proven good",
    { entry: { outcome: taken }, answered: "received", confirmed: true },
    "answer consumed",
  ],
  [
    "says consumed once",
    { entry: { outcome: taken }, answered: "consumed", confirmed: true },
    undefined,
  ],
  ["takes again what has got lost", { entry: { outcome: taken }, lost: true }, "take x@1"],
  ["takes a new version", { entry: { outcome: taken, instance: "4", dataId: "4" } }, "take x@1"],
  ["renews known data", { entry: { outcome: taken, instance: "4" } }, "renew x@1"],
  [
    "takes data that may be others",
    { object: { dataId: "0" }, entry: { outcome: taken, instance: "4", dataId: "0" } },
    "take x@1",
  ],
  ["does not look again at what it refused", { entry: { outcome: refused } }, "answer received"],
  [
    "never says consumed of what it refused",
    { entry: { outcome: { ...refused, before: "x@1" } }, answered: "received", confirmed: true },
    undefined,
  ],
  [
    "looks again when its terms have changed",
    { entry: { outcome: { ...refused, terms: "then", before: "x@0" } } },
    "take x@0",
  ],
  ["looks again at a new version", { entry: { outcome: refused, instance: "4" } }, "take"],
  [
    "withdraws what the version before a refused one is in force as",
    { object: { isDeleted: true }, entry: { outcome: { ...refused, before: "x@0" } } },
    "withdraw x@0",
  ],
];

for (const [name, facts, expected] of CASES) {
  test(`it ${name}`, () => {
    const steps = plan([{ ...OBJECT, ...facts.object }], {
      entry: () =>
        facts.entry && { instance: "5", dataId: "5", version: "", outcome: taken, ...facts.entry },
      has: () => facts.lost !== true,
      terms: facts.early ? undefined : "now",
      isConfirmed: () => facts.confirmed === true,
      answered: () => facts.answered,
    });
    const told = steps.map((step) => {
      const detail =
        step.t === "answer" ? step.answer : step.t === "take" ? step.before : step.what;
      return detail === undefined ? step.t : `${step.t} ${detail}`;
    });
    assert.deepEqual(told, expected === undefined ? [] : [expected]);
  });
}

test("deletions come first, then what was published first", () => {
  const objects = [
    { ...OBJECT, id: "new", instance: "9" },
    { ...OBJECT, id: "old", instance: "1" },
    { ...OBJECT, id: "deleted", instance: "5", isDeleted: true },
  ];
  const steps = plan(objects, {
    entry: () => undefined,
    has: () => true,
    terms: "",
    isConfirmed: () => false,
    answered: () => undefined,
  });
  assert.deepEqual(
    steps.map(({ object }) => object.id),
    ["deleted", "old", "new"],
  );
});
