import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide, type Limits, type Observed, type RefusedBefore, type Step } from "./decide.js";

const limits: Limits = { backoffMs: { first: 100, longest: 2000 }, silenceMs: 6000 };

function met(facts: Partial<Extract<Observed, { t: "met" }>> = {}): Observed {
  return { t: "met", instanceId: "one", generation: "g1", watch: "open", heardMs: 0, ...facts };
}

function apart(failures: number): Observed {
  return { t: "apart", failures, failedMs: 1000 };
}

const refused: RefusedBefore = { generation: "g1", instanceId: "one", againMs: 5000 };

/** What is observed, at which time, and the step towards generation g1. */
const cases: readonly [string, Observed, number, Step, RefusedBefore?][] = [
  ["connects at once at first", apart(0), 0, { t: "connect" }],
  ["pauses after a failure", apart(1), 1050, { t: "wait", untilMs: 1100 }],
  ["connects when the pause is over", apart(1), 1100, { t: "connect" }],
  ["pauses longer after more failures", apart(3), 1000, { t: "wait", untilMs: 1156.25 }],
  ["never pauses longer than the longest", apart(10_000), 1000, { t: "wait", untilMs: 3000 }],
  [
    "applies to an instance that is new",
    met({ generation: undefined, watch: "none" }),
    1,
    { t: "apply" },
  ],
  ["applies when another generation is in force", met({ generation: "g0" }), 1, { t: "apply" }],
  ["applies when a new worker lost the specification", met({ generation: "" }), 1, { t: "apply" }],
  ["watches once the generation is in force", met({ watch: "none" }), 1, { t: "watch" }],
  [
    "waits for silence while all is well",
    met({ heardMs: 500 }),
    1000,
    { t: "wait", untilMs: 6500 },
  ],
  ["parts from a sidecar that is silent", met(), 6000, { t: "part", why: "silent" }],
  [
    "parts from a silent sidecar rather than calling it",
    met({ generation: "g0" }),
    6000,
    { t: "part", why: "silent" },
  ],
  ["parts when the watch ended", met({ watch: "ended" }), 1, { t: "part", why: "watch ended" }],
  [
    "does not repeat at once a specification that this instance refused",
    met({ generation: "g0" }),
    1,
    { t: "wait", untilMs: 5000 },
    refused,
  ],
  [
    "asks again after a while, for what was missing may have come",
    met({ generation: "g0" }),
    5000,
    { t: "apply" },
    refused,
  ],
  [
    "watches an instance that refused",
    met({ generation: "g0", watch: "none" }),
    1,
    { t: "watch" },
    refused,
  ],
  [
    "asks another instance again",
    met({ generation: "", instanceId: "two" }),
    1,
    { t: "apply" },
    refused,
  ],
  [
    "asks the same instance for another specification",
    met({ generation: "" }),
    1,
    { t: "apply" },
    { generation: "g0", instanceId: "one", againMs: 5000 },
  ],
];

describe("decide", () => {
  it("applies nothing while nothing is wanted, and watches", () => {
    const fresh = met({ generation: "", watch: "none" });
    assert.deepEqual(decide(undefined, fresh, undefined, 1, limits), { t: "watch" });
    const watched = met({ generation: "", heardMs: 0 });
    const wait = { t: "wait", untilMs: 6000 };
    assert.deepEqual(decide(undefined, watched, undefined, 1, limits), wait);
  });

  const asked: readonly [string, Observed, Step][] = [
    ["checks what somebody asks about, once all is well", met(), { t: "check" }],
    ["applies before it checks", met({ generation: "g0" }), { t: "apply" }],
    ["watches before it checks", met({ watch: "none" }), { t: "watch" }],
    ["checks nothing where nobody is", apart(0), { t: "connect" }],
  ];
  for (const [name, observed, step] of asked) {
    it(name, () => assert.deepEqual(decide("g1", observed, undefined, 1, limits, true), step));
  }

  for (const [name, observed, nowMs, step, before] of cases) {
    it(name, () => assert.deepEqual(decide("g1", observed, before, nowMs, limits), step));
  }
});
