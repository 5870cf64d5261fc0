import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type NodeReport, readReport } from "../../common/hub/node-report.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { EssError, type StatusObject } from "../hub/ess.js";
import { ESS_TIMING, EssClient } from "../hub/ess-client.js";
import { EssDouble } from "../hub/testing/ess-double.js";
import { Reporter, type ReporterEvent } from "./reporter.js";

const WELL: Omit<NodeReport, "at"> = {
  format: 1,
  version: "2.0.0",
  trial: { state: "on trial" },
  failed: [],
  cameras: { live: 2, all: 2 },
  objects: [],
};

function scene(t: TestContext) {
  const clock = new FakeClock();
  const sent: StatusObject[] = [];
  const events: ReporterEvent[] = [];
  const stop = new AbortController();
  const it = { report: WELL, failure: undefined as EssError | undefined };
  const reporter = new Reporter({
    ess: {
      put: (object) => {
        if (it.failure !== undefined) return Promise.reject(it.failure);
        sent.push(object);
        return Promise.resolve();
      },
    },
    node: "street 7",
    report: () => it.report,
    clock,
    wallClock: () => 0,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
  });
  const running = reporter.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  /** Lets it do what is due, and returns how long it waits then. */
  const waits = async () => {
    await eventually(() => clock.nextMs !== undefined, "it waits");
    return (clock.nextMs ?? 0) - clock.now();
  };
  const change = async (report: Partial<NodeReport>) => {
    it.report = { ...it.report, ...report };
    reporter.onChange();
    await new Promise(setImmediate);
  };
  return { it, clock, sent, events, waits, change };
}

describe("the reporter", () => {
  it("sends at once, under a name that the sync service accepts, and again a quarter of an hour later", async (t) => {
    const { sent, clock, waits } = scene(t);
    assert.equal(await waits(), 900_000);
    const [object] = sent;
    assert.deepEqual([object?.type, object?.id], ["slipstream-status", "street_7"]);
    assert.deepEqual(readReport(object?.description ?? ""), {
      ...WELL,
      at: "1970-01-01T00:00:00.000Z",
    });
    clock.advance(900_000);
    await eventually(() => sent.length === 2, "it is sent again");
  });

  it("sends a verdict within seconds, and cameras that come and go once a minute", async (t) => {
    const { sent, clock, waits, change } = scene(t);
    await waits();
    await change({ cameras: { live: 1, all: 2 } });
    assert.equal(await waits(), 60_000);
    clock.advance(1000);
    await change({ trial: { state: "passed" } });
    assert.equal(await waits(), 4000);
    clock.advance(4000);
    await eventually(() => sent.length === 2, "it is sent");
    await change({ cameras: { live: 2, all: 2 } });
    assert.equal(await waits(), 60_000);
  });

  it("backs off while the sync service is down, reports that once, and then sends the current report", async (t) => {
    const { it, sent, events, clock, waits, change } = scene(t);
    it.failure = new EssError("unreachable", "PUT /x", "gone");
    await waits();
    await change({ reason: "one" });
    clock.advance(5000);
    const pauses = [];
    for (let i = 0; i < 8; i++) {
      await eventually(() => clock.nextMs !== undefined, "it waits");
      pauses.push(await waits());
      clock.advance(pauses.at(-1) ?? 0);
      await new Promise(setImmediate);
    }
    assert.equal(Math.max(...pauses), 300_000);
    it.failure = undefined;
    await change({ reason: "two" });
    clock.advance(300_000);
    await eventually(
      () => sent.some(({ description }) => description.includes("two")),
      "it is sent",
    );
    assert.ok(events.length <= 2);
  });
});

it("a report passes the sync service unchanged, whatever a reason contains", async (t) => {
  const ess = await EssDouble.start();
  t.after(() => ess.stop());
  const client = new EssClient({ address: ess.address, ...ESS_TIMING });
  t.after(() => client.close());
  const facts = { ...WELL, reason: "the document says <b>no</b>, 'no' & \"no\"" };
  const reporter = new Reporter({
    ...{ ess: client, node: "nano-1", report: () => facts },
    ...{ clock: new FakeClock(), wallClock: () => 0, random: () => 0.5 },
    onEvent: ({ t }) => assert.fail(t),
  });
  await reporter.send(AbortSignal.timeout(10_000));
  const { description = "" } = ess.sentUp.get("slipstream-status/nano-1") ?? {};
  assert.equal(readReport(description)?.reason, facts.reason);
});
