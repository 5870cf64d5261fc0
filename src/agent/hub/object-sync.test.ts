import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Ledger, type LedgerEntry } from "../../common/hub/ledger.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { type Acknowledgement, type Ess, EssError, type EssObject } from "./ess.js";
import type { ObjectHandler } from "./object-handler.js";
import { type HubEvent, ObjectSync, plan } from "./object-sync.js";

const MINUTE = 60_000;
const fail = () => Promise.reject(new Error("not in this test"));

const handler: ObjectHandler = {
  type: "slipstream-settings",
  maxBytes: 1000,
  conditions: () => "",
  has: () => true,
  reserve: fail,
  accept: fail,
  survivesNewMetadata: () => false,
  withdraw: fail,
};

test("neither a defect nor an object called __proto__ ends the work on the others", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "object-sync-"));
  t.after(() => rmSync(root, { recursive: true }));
  const make = (id: string): EssObject => ({ ...OBJECT, id });
  let lists = 0;
  const acknowledged: string[] = [];
  const ess: Ess = {
    list: () => {
      lists++;
      if (lists === 1) return Promise.reject(new TypeError("an answer that nobody expected"));
      return Promise.resolve([make("bad"), make("__proto__")]);
    },
    object: fail,
    data: fail,
    acknowledge: (_, id) => {
      acknowledged.push(id);
      return Promise.resolve();
    },
    put: fail,
  };
  const path = join(root, "ledger.json");
  const ledger = await Ledger.open(path, () => {});
  const outcome = { t: "accepted", contentId: "c" } as const;
  const { instance, dataId, version } = OBJECT;
  await ledger.set("__proto__", { instance, dataId, version, outcome });
  const reopened = await Ledger.open(path, (detail) => assert.fail(detail));
  assert.deepEqual(reopened.get("__proto__")?.outcome, outcome);

  const clock = new FakeClock();
  const events: HubEvent[] = [];
  const stop = new AbortController();
  const sync = new ObjectSync({
    ess,
    handler,
    ledger: reopened,
    directory: join(root, "incoming"),
    clock,
    polling: { intervalMs: 1000, maxBackoffMs: MINUTE },
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    onChange: () => {},
  });
  const running = sync.run(stop.signal);
  await eventually(() => clock.nextMs !== undefined, "it waits");
  const [unreachable] = events;
  assert.ok(unreachable?.t === "unreachable");
  assert.match(unreachable.err.message, /a defect of the agent: TypeError: an answer that nobody/);
  clock.advance(1000);
  await eventually(() => acknowledged.length > 0, "the other object is acknowledged");
  assert.deepEqual(acknowledged, ["__proto__"]);
  const postponed = events.find((event) => event.t === "postponed");
  assert.ok(postponed?.t === "postponed");
  assert.equal(postponed.object.id, "bad");
  assert.equal(postponed.reason, "a defect of the agent: Error: not in this test");
  stop.abort();
  await running;
});

test("a service that is down for hours is polled with exponential backoff, and normally once it is up again", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "object-sync-"));
  t.after(() => rmSync(root, { recursive: true }));
  let isDown = true;
  const ess: Ess = {
    list: (name) =>
      isDown
        ? Promise.reject(new EssError("unreachable", `GET ${name}`, "gone"))
        : Promise.resolve([]),
    object: fail,
    data: fail,
    acknowledge: fail,
    put: fail,
  };
  const clock = new FakeClock();
  const events: HubEvent[] = [];
  const stop = new AbortController();
  const sync = new ObjectSync({
    ess,
    handler,
    ledger: await Ledger.open(join(root, "ledger.json"), () => {}),
    directory: join(root, "incoming"),
    clock,
    polling: { intervalMs: 1000, maxBackoffMs: MINUTE },
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    onChange: () => {},
  });
  const running = sync.run(stop.signal);
  /** Advances the clock to the end of the current delay, and returns how long that was. */
  const passDelay = async (): Promise<number> => {
    await eventually(() => clock.nextMs !== undefined, "it waits");
    const delayMs = (clock.nextMs ?? 0) - clock.now();
    clock.advance(delayMs);
    return delayMs;
  };

  const delays: number[] = [];
  while (clock.now() < 3 * 60 * MINUTE) delays.push(await passDelay());
  assert.deepEqual(delays.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, MINUTE, MINUTE]);
  assert.ok(delays.slice(6).every((delay) => delay === MINUTE));
  assert.ok(delays.length < 200);
  const last = events.at(-1);
  assert.ok(last?.t === "unreachable" && last.forMs > 2.9 * 60 * MINUTE);

  isDown = false;
  await passDelay();
  assert.equal(await passDelay(), 1000);
  assert.equal(events.at(-1)?.t, "reachable");
  stop.abort();
  await running;
});

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
  signature: undefined,
};

interface Facts {
  readonly object?: Partial<EssObject>;
  readonly entry?: Partial<LedgerEntry>;
  readonly lost?: true;
  /** The conditions are not known yet. */
  readonly early?: true;
  readonly confirmed?: true;
  readonly acknowledged?: Acknowledgement;
}

const accepted = { t: "accepted", contentId: "x@1" } as const;
const refused = { t: "refused", reason: "bad", conditions: "now" } as const;

/** The expected step, with its acknowledgement or content id. */
const CASES: readonly [string, Facts, string | undefined][] = [
  ["accepts an unknown object", {}, "accept"],
  ["accepts nothing before the conditions are known", { early: true }, undefined],
  [
    "does not forget a refusal because the conditions are not known yet",
    { entry: { outcome: refused }, early: true },
    "acknowledge received",
  ],
  ["withdraws a deleted object that it does not know", { object: { isDeleted: true } }, "withdraw"],
  [
    "acknowledges an object that it accepted before",
    { entry: { outcome: accepted } },
    "acknowledge received",
  ],
  ["acknowledges once", { entry: { outcome: accepted }, acknowledged: "received" }, undefined],
  [
    "acknowledges confirmed content as consumed",
    { entry: { outcome: accepted }, acknowledged: "received", confirmed: true },
    "acknowledge consumed",
  ],
  [
    "acknowledges as consumed once",
    { entry: { outcome: accepted }, acknowledged: "consumed", confirmed: true },
    undefined,
  ],
  ["accepts lost content again", { entry: { outcome: accepted }, lost: true }, "accept x@1"],
  [
    "accepts a new version",
    { entry: { outcome: accepted, instance: "4", dataId: "4" } },
    "accept x@1",
  ],
  ["renews known data", { entry: { outcome: accepted, instance: "4" } }, "renew x@1"],
  [
    "accepts data whose version is not known",
    { object: { dataId: "0" }, entry: { outcome: accepted, instance: "4", dataId: "0" } },
    "accept x@1",
  ],
  [
    "does not process a refused object again",
    { entry: { outcome: refused } },
    "acknowledge received",
  ],
  [
    "never acknowledges a refused object as consumed",
    {
      entry: { outcome: { ...refused, previous: "x@1" } },
      acknowledged: "received",
      confirmed: true,
    },
    undefined,
  ],
  [
    "processes a refused object again when the conditions have changed",
    { entry: { outcome: { ...refused, conditions: "then", previous: "x@0" } } },
    "accept x@0",
  ],
  [
    "processes a new version of a refused object",
    { entry: { outcome: refused, instance: "4" } },
    "accept",
  ],
  [
    "withdraws the active content of a refused object",
    { object: { isDeleted: true }, entry: { outcome: { ...refused, previous: "x@0" } } },
    "withdraw x@0",
  ],
];

for (const [name, facts, expected] of CASES) {
  test(`the plan ${name}`, () => {
    const entry = { instance: "5", dataId: "5", version: "", outcome: accepted };
    const steps = plan([{ ...OBJECT, ...facts.object }], {
      entry: () => facts.entry && { ...entry, ...facts.entry },
      has: () => facts.lost !== true,
      conditions: facts.early ? undefined : "now",
      isConfirmed: () => facts.confirmed === true,
      acknowledged: () => facts.acknowledged,
    });
    const actual = steps.map((step) => {
      const detail =
        step.t === "acknowledge" ? step.ack : step.t === "accept" ? step.previous : step.contentId;
      return detail === undefined ? step.t : `${step.t} ${detail}`;
    });
    assert.deepEqual(actual, expected === undefined ? [] : [expected]);
  });
}

test("the plan handles deletions first, then objects in the order of publication", () => {
  const objects = [
    { ...OBJECT, id: "new", instance: "9" },
    { ...OBJECT, id: "old", instance: "1" },
    { ...OBJECT, id: "deleted", instance: "5", isDeleted: true },
  ];
  const steps = plan(objects, {
    entry: () => undefined,
    has: () => true,
    conditions: "",
    isConfirmed: () => false,
    acknowledged: () => undefined,
  });
  assert.deepEqual(
    steps.map(({ object }) => object.id),
    ["deleted", "old", "new"],
  );
});
