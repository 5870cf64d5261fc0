import { describe, it } from "node:test";
import { randomLife } from "../testing/random-life.js";

describe("a trial in which anything may happen", () => {
  const lives = 500;
  const first = Number(process.env["FUZZ_SEED"] ?? 20_260_101);
  it(`always has something to apply, never hangs and never spins; seeds from ${first}`, () => {
    for (let seed = first; seed < first + lives; seed++) {
      try {
        randomLife(seed);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      }
    }
  });
});
