import assert from "node:assert/strict";
import test from "node:test";
import { ALL, isWider, type Rings, ringsOf, withRings } from "./rings.js";

const upTo = (ring: number): Rings => ({ t: "up-to", ring });
const beyond = (ring: number): Rings => ({ t: "beyond", ring });

for (const [constraint, rings] of [
  ["slipstream.ring <= 1", upTo(1)],
  ["slipstream.ring > 1", beyond(1)],
  ["slipstream.ring >= 0", ALL],
  ["slipstream.ring >= 2", beyond(1)],
] as const) {
  test(`${constraint} is read`, () => {
    assert.deepEqual(ringsOf(["a == 1", constraint]), rings);
  });
}

for (const constraints of [
  ["a == 1"],
  ["slipstream.ring == 1"],
  ["slipstream.ring <= 1 AND a == 1"],
  ["slipstream.ring <= 3", "slipstream.ring > 1"],
]) {
  test(`${constraints.join(" and ")} is none of ours`, () => {
    assert.equal(ringsOf(constraints), undefined);
  });
}

test("what is written is read again, in place of what was there", () => {
  for (const rings of [ALL, upTo(0), beyond(3)]) {
    const written = withRings(["slipstream.ring >= 0", "a == 1"], rings);
    assert.equal(written.length, 2);
    assert.deepEqual(ringsOf(written), rings);
  }
});

test("wider leaves out no ring that was in", () => {
  assert.ok(isWider(upTo(1), upTo(2)) && isWider(upTo(1), ALL) && isWider(beyond(2), beyond(1)));
  assert.ok(!isWider(upTo(2), upTo(1)) && !isWider(ALL, beyond(0)) && !isWider(upTo(1), beyond(1)));
});
