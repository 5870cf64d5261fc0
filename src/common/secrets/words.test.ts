import assert from "node:assert/strict";
import test from "node:test";
import { withEarlier } from "./words.js";

test("words that were secret stay, and the array is the same while nothing is new", () => {
  const first = withEarlier(["a", "b"], []);
  assert.deepEqual(first, ["a", "b"]);
  assert.equal(withEarlier(["b"], first), first);
  assert.deepEqual(withEarlier(["c", "b"], first), ["c", "b", "a"]);
});

test("what is secret now is never given up for what was", () => {
  const words = (prefix: string) => Array.from({ length: 800 }, (_, i) => `${prefix}${i}`);
  const [earlier, now] = [words("earlier"), words("now")];
  const both = withEarlier(now, earlier);
  assert.equal(both.length, 1024);
  assert.deepEqual(both.slice(0, 800), now);
  const many = [...now, ...earlier];
  assert.deepEqual(withEarlier(many, []), many);
});
