import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { between, deal, seeded } from "./random.js";

describe("chance", () => {
  it("gives the same numbers for the same seed, and others for another", () => {
    const numbers = (seed: number) => Array.from({ length: 5 }, seeded(seed));
    assert.deepEqual(numbers(7), numbers(7));
    assert.notDeepEqual(numbers(7), numbers(8));
  });

  it("is spread over its range", () => {
    const random = seeded(1);
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 10_000; draw++) {
      const place = Math.floor(between(random, 0, 10));
      counts[place] = (counts[place] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 850 && count < 1150, `${counts}`);
  });
});

describe("deal", () => {
  it("gives every item as often as any other, give or take one", () => {
    const dealt = deal(["a", "b", "c"], 11, seeded(3));
    const counts = ["a", "b", "c"].map((item) => dealt.filter((other) => other === item).length);
    assert.equal(dealt.length, 11);
    assert.deepEqual(counts.toSorted(), [3, 4, 4]);
  });

  it("never gives an item twice in a row, where there is another", () => {
    for (let seed = 0; seed < 50; seed++) {
      const dealt = deal(["a", "b", "c"], 30, seeded(seed));
      dealt.slice(1).forEach((item, index) => {
        assert.notEqual(item, dealt[index]);
      });
    }
    assert.deepEqual(deal(["a"], 3, seeded(1)), ["a", "a", "a"]);
    assert.deepEqual(deal([], 3, seeded(1)), []);
  });
});
