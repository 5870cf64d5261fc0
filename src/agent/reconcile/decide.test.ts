import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Connection, decide, type Limits, type Refusal, type Step } from "./decide.js";

const limits: Limits = { backoffMs: { first: 100, longest: 2000 }, silenceMs: 6000 };

function connected(facts: Partial<Extract<Connection, { t: "connected" }>> = {}): Connection {
  return {
    t: "connected",
    instanceId: "one",
    generation: "g1",
    watch: "open",
    lastMessageMs: 0,
    ...facts,
  };
}

function disconnected(failures: number): Connection {
  return { t: "disconnected", failures, failedMs: 1000 };
}

const refused: Refusal = { generation: "g1", instanceId: "one", retryMs: 5000 };

/** The connection, the time, and the step towards generation g1. */
const cases: readonly [string, Connection, number, Step, Refusal?][] = [
  ["connects at once at first", disconnected(0), 0, { t: "connect" }],
  ["pauses after a failure", disconnected(1), 1050, { t: "wait", untilMs: 1100 }],
  ["connects when the pause is over", disconnected(1), 1100, { t: "connect" }],
  ["pauses longer after more failures", disconnected(3), 1000, { t: "wait", untilMs: 1156.25 }],
  [
    "never pauses longer than the longest",
    disconnected(10_000),
    1000,
    { t: "wait", untilMs: 3000 },
  ],
  [
    "applies to an instance that is new",
    connected({ generation: undefined, watch: "none" }),
    1,
    { t: "apply" },
  ],
  ["applies when another generation is active", connected({ generation: "g0" }), 1, { t: "apply" }],
  [
    "applies when a new worker lost the specification",
    connected({ generation: "" }),
    1,
    { t: "apply" },
  ],
  ["watches once the generation is active", connected({ watch: "none" }), 1, { t: "watch" }],
  [
    "waits for the silence limit while all is well",
    connected({ lastMessageMs: 500 }),
    1000,
    { t: "wait", untilMs: 6500 },
  ],
  [
    "disconnects from a sidecar that is silent",
    connected(),
    6000,
    { t: "disconnect", why: "silent" },
  ],
  [
    "disconnects from a silent sidecar rather than calling it",
    connected({ generation: "g0" }),
    6000,
    { t: "disconnect", why: "silent" },
  ],
  [
    "disconnects when the watch ended",
    connected({ watch: "ended" }),
    1,
    { t: "disconnect", why: "watch ended" },
  ],
  [
    "does not repeat at once a specification that this instance has refused",
    connected({ generation: "g0" }),
    1,
    { t: "wait", untilMs: 5000 },
    refused,
  ],
  [
    "applies again after a while, because what was missing may be there",
    connected({ generation: "g0" }),
    5000,
    { t: "apply" },
    refused,
  ],
  [
    "watches an instance that refused",
    connected({ generation: "g0", watch: "none" }),
    1,
    { t: "watch" },
    refused,
  ],
  [
    "asks another instance again",
    connected({ generation: "", instanceId: "two" }),
    1,
    { t: "apply" },
    refused,
  ],
  [
    "asks the same instance for another specification",
    connected({ generation: "" }),
    1,
    { t: "apply" },
    { generation: "g0", instanceId: "one", retryMs: 5000 },
  ],
];

describe("decide", () => {
  it("applies nothing while nothing is desired, and watches", () => {
    const fresh = connected({ generation: "", watch: "none" });
    assert.deepEqual(decide(undefined, fresh, undefined, 1, limits), { t: "watch" });
    const watched = connected({ generation: "", lastMessageMs: 0 });
    const wait = { t: "wait", untilMs: 6000 };
    assert.deepEqual(decide(undefined, watched, undefined, 1, limits), wait);
  });

  const asked: readonly [string, Connection, Step][] = [
    ["checks what it is asked to, once all is well", connected(), { t: "check" }],
    ["applies before it checks", connected({ generation: "g0" }), { t: "apply" }],
    ["watches before it checks", connected({ watch: "none" }), { t: "watch" }],
    ["checks nothing while disconnected", disconnected(0), { t: "connect" }],
  ];
  for (const [name, connection, step] of asked) {
    it(name, () => assert.deepEqual(decide("g1", connection, undefined, 1, limits, true), step));
  }

  for (const [name, connection, nowMs, step, before] of cases) {
    it(name, () => assert.deepEqual(decide("g1", connection, before, nowMs, limits), step));
  }
});
