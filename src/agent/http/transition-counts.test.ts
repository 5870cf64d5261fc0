import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CameraState } from "../sidecar/state.js";
import { camera, state } from "./testing/facts.js";
import { countEvent, NO_TRANSITIONS } from "./transition-counts.js";

const LOST = { t: "lost", reason: "timeout", detail: "", nextAttempt: undefined } as const;
const CONNECTING = { t: "connecting", attempt: 1 } as const;
const LIVE = camera("a").state;

function after(...states: readonly CameraState[]) {
  return states.reduce(
    (counts, one) => countEvent(counts, { t: "camera", camera: camera("a", one) }),
    NO_TRANSITIONS,
  );
}

describe("transition counts", () => {
  it("count no first connection, and every later one", () => {
    assert.equal(after(CONNECTING, LIVE).cameras.get("a")?.reconnections, 0);
    const again = after(CONNECTING, LIVE, LOST, CONNECTING, LIVE, LOST, LIVE);
    assert.equal(again.cameras.get("a")?.reconnections, 2);
    assert.deepEqual(again.cameras.get("a")?.losses, { timeout: 2 });
  });

  it("count nothing for a state that is only told again", () => {
    const counts = after(LIVE, LOST);
    const again = countEvent(counts, {
      t: "state",
      state: state({ cameras: [camera("a", LOST)] }),
    });
    assert.equal(again, counts);
  });

  it("do not grow with ids that come and go", () => {
    let counts = NO_TRANSITIONS;
    for (let i = 0; i < 1100; i++) {
      counts = countEvent(counts, { t: "camera", camera: camera(`c${i}`) });
    }
    assert.ok(counts.cameras.size <= 1024);
    assert.ok(counts.cameras.has("c1099"));
  });
});
