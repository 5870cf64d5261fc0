import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allReleases, isWrong, ROUGH, simulate } from "./simulation.js";

const options = { seed: 7, nodes: 400, releases: allReleases(), weather: ROUGH, trials: true };

describe("releases on a simulated fleet in rough weather", () => {
  const outcomes = simulate(options);

  for (const outcome of outcomes) {
    const { kind, name, defect } = outcome.release;
    const what =
      defect === undefined ? "that is good comes to all rings" : `with ${defect} ends in ring 1`;
    it(`a ${kind} ${what} (${name})`, () => {
      assert.ok(!isWrong(outcome), JSON.stringify(outcome));
    });
  }

  it("old versions are back within minutes, old models within seconds", () => {
    for (const { release, slowestBackS } of outcomes) {
      assert.ok(slowestBackS <= (release.kind === "version" ? 300 : 10), JSON.stringify(release));
    }
  });

  it("the same seed gives the same again", () => {
    assert.deepEqual(simulate(options), outcomes);
  });
});

it("without trials a version goes no further than the first ring, bad or good", () => {
  const releases = [{ kind: "version", name: "2.0.0", defect: "no frames" }] as const;
  const [outcome] = simulate({ ...options, releases, trials: false });
  assert.deepEqual([(outcome?.reached[0] ?? 0) > 0, outcome?.reached[2]], [true, 0]);
});
