import assert from "node:assert/strict";
import test from "node:test";
import { ALL_RINGS, bodyWithRings, covers, parseRings, type Rings } from "./rollout-state.js";

const upTo = (ring: number): Rings => ({ t: "up-to", ring });
const above = (ring: number): Rings => ({ t: "above", ring });

for (const [constraint, rings] of [
  ["slipstream.ring <= 1", upTo(1)],
  ["slipstream.ring > 1", above(1)],
  ["slipstream.ring >= 0", ALL_RINGS],
  ["slipstream.ring >= 2", above(1)],
] as const) {
  test(`${constraint} is parsed`, () => {
    assert.deepEqual(parseRings(["a == 1", constraint]), rings);
  });
}

for (const constraints of [
  ["a == 1"],
  ["slipstream.ring == 1"],
  ["slipstream.ring <= 1 AND a == 1"],
  ["slipstream.ring <= 3", "slipstream.ring > 1"],
]) {
  test(`${constraints.join(" and ")} is not what a rollout writes`, () => {
    assert.equal(parseRings(constraints), undefined);
  });
}

test("rings that are written in place of others are parsed again", () => {
  for (const rings of [ALL_RINGS, upTo(0), above(3)]) {
    const body = { constraints: ["slipstream.ring >= 0", "a == 1"] };
    const written = bodyWithRings(body, rings)["constraints"];
    assert.ok(Array.isArray(written));
    assert.equal(written.length, 2);
    assert.deepEqual(parseRings(written), rings);
  }
});

test("rings cover others if they contain all of them", () => {
  assert.ok(covers(upTo(2), upTo(1)) && covers(ALL_RINGS, upTo(1)) && covers(above(1), above(2)));
  assert.ok(
    !covers(upTo(1), upTo(2)) && !covers(above(0), ALL_RINGS) && !covers(above(1), upTo(1)),
  );
});
