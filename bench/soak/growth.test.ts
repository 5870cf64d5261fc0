import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BOUNDS, growthsIn, overBounds, PARTS, type Sample } from "./growth.js";

const MINUTES = 60;
const WARM_UP = 10;

/** Sixty minutes of samples of all processes; the arguments describe the worker. */
function samples(worker: (minutes: number) => Partial<Sample>): Sample[] {
  return Array.from({ length: MINUTES * 4 }, (_, index) => index / 4).flatMap((minutes) =>
    PARTS.map((part) => ({
      part,
      pid: 7,
      minutes,
      megabytes: 100 + (minutes % 2),
      descriptors: 20,
      ...(part === "worker" ? worker(minutes) : {}),
    })),
  );
}

function verdicts(worker: (minutes: number) => Partial<Sample>, minutes = MINUTES): string[] {
  return overBounds(growthsIn(samples(worker), WARM_UP), minutes, BOUNDS);
}

describe("the growth of a process", () => {
  it("is none when it holds as much as ever, give or take", () => {
    assert.deepEqual(
      verdicts(() => ({})),
      [],
    );
  });

  it("does not count what it takes while it warms up", () => {
    assert.deepEqual(
      verdicts((minutes) => ({ megabytes: 100 + 10 * Math.min(minutes, WARM_UP) })),
      [],
    );
  });

  it("is found in a slope that no single sample shows", () => {
    const leak = (minutes: number) => ({
      megabytes: 100 + 3 * Math.sin(minutes * 7) + (2 * minutes) / 60,
    });
    const [fault, ...others] = verdicts(leak);
    assert.match(fault ?? "", /^the worker grows by (1\.9|2\.[01])\d MB an hour$/);
    assert.deepEqual(others, []);
  });

  it("is judged by what was added where the run is too short for a slope", () => {
    const steep = (minutes: number) => ({ megabytes: 100 + minutes / 10 });
    assert.deepEqual(verdicts(steep, 2), []);
    assert.match(verdicts((minutes) => ({ megabytes: 100 + minutes }), 2)[0] ?? "", /grew by 4\d/);
  });

  it("is found in descriptors, and in a process that is another one", () => {
    assert.deepEqual(
      verdicts((minutes) => ({ descriptors: 20 + Math.floor(minutes / 5) })),
      ["the worker has 8 more descriptors open"],
    );
    assert.deepEqual(
      verdicts((minutes) => ({ pid: minutes < 30 ? 7 : 8 })),
      ["the worker died and came back"],
    );
  });

  it("is not judged from nothing", () => {
    assert.equal(overBounds(growthsIn([], WARM_UP), MINUTES, BOUNDS).length, PARTS.length);
  });
});
