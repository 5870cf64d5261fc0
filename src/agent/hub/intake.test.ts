import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Ledger } from "../../common/hub/ledger.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import type { Ess } from "./ess.js";
import { EssError } from "./ess-error.js";
import type { HubEvent } from "./events.js";
import { Intake } from "./intake.js";
import type { Taker } from "./taker.js";

const type = "slipstream-settings";
const MINUTE = 60_000;
const fail = () => Promise.reject(new Error("not in this test"));

const taker: Taker = {
  type,
  maxBytes: 1000,
  terms: () => "",
  has: () => true,
  room: fail,
  take: fail,
  renew: () => undefined,
  withdraw: fail,
};

test("while the service is away for hours it is asked ever more seldom, and at once again when it is back", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "intake-"));
  t.after(() => rmSync(root, { recursive: true }));
  let isAway = true;
  const ess: Ess = {
    list: (name) =>
      isAway
        ? Promise.reject(new EssError("unreachable", `GET ${name}`, "gone"))
        : Promise.resolve([]),
    object: fail,
    data: fail,
    answer: fail,
    put: fail,
  };
  const clock = new FakeClock();
  const events: HubEvent[] = [];
  const stop = new AbortController();
  const intake = new Intake({
    ess,
    taker,
    ledger: await Ledger.open(join(root, "ledger.json"), () => {}),
    directory: join(root, "incoming"),
    clock,
    pace: { intervalMs: 1000, longestMs: MINUTE },
    random: () => 0.5,
    trace: (event) => events.push(event),
    changed: () => {},
  });
  const running = intake.run(stop.signal);
  /** Lets the time come for which the intake waits. Returns how long it waited. */
  const goOn = async (): Promise<number> => {
    await eventually(() => clock.nextMs !== undefined, "it waits");
    const pauseMs = (clock.nextMs ?? 0) - clock.now();
    clock.advance(pauseMs);
    return pauseMs;
  };

  const pauses: number[] = [];
  while (clock.now() < 3 * 60 * MINUTE) pauses.push(await goOn());
  assert.deepEqual(pauses.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, MINUTE, MINUTE]);
  assert.ok(pauses.slice(6).every((pause) => pause === MINUTE));
  assert.ok(pauses.length < 200);
  const last = events.at(-1);
  assert.ok(last?.t === "away" && last.forMs > 2.9 * 60 * MINUTE);

  isAway = false;
  await goOn();
  assert.equal(await goOn(), 1000);
  assert.equal(events.at(-1)?.t, "reached");
  stop.abort();
  await running;
});
