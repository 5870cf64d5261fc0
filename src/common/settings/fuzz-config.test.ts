import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayProblem, InputError } from "../problem.js";
import { hideLoginOf, redactor } from "../secrets/redact.js";
import { type SeededRandom, seededRandom } from "../testing/seeded-random.js";
import { type Environment, loadConfig, secretsOf } from "./config.js";
import { settings } from "./environment-settings.js";

const SEED = Number(process.env["FUZZ_SEED"] ?? 20260726);
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 3000);
/** Part of every password of the test. No message may hold it. */
const SECRET = "s3cret";

const TEXTS: [string, ...string[]] = [
  "",
  ...[
    "",
    " ",
    "0",
    "1",
    "-1",
    "1.5",
    "1e3",
    "1e999",
    "0x10",
    "NaN",
    "Infinity",
    "٣",
    "9".repeat(400),
  ],
  ...[
    "yes",
    "no",
    "YES",
    "true",
    "none",
    "auto",
    "tcp",
    "udp",
    "H264",
    "h265",
    "cpu",
    "stdin",
    "debug",
  ],
  ...["1s", "60s", "-5s", "1.5m", "99999999999s", "1 s", "ms", "5sms"],
  ...[
    "/ds",
    "/",
    "//",
    "/a/../b",
    "/%00",
    "\u0000",
    "a\u0000b",
    "\n",
    "a\nb",
    "\u202e",
    "\ud800",
    "💥",
    "{}",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "boxes",
    "boxes,,labels",
    ",",
    ",,,,",
    "person,car",
    "x".repeat(9000),
  ],
];
const ADDRESSES: [string, ...string[]] = [
  "rtsp://10.0.0.9/live",
  `rtsp://eve:${SECRET}@10.0.0.9/live`,
  `rtsp://eve:${SECRET}@10.0.0.9:99999/live`,
  `rtsp://eve:${SECRET}@@10.0.0.9/live`,
  `rtsp://eve:${SECRET}%zz@10.0.0.9/live`,
  `rtps://eve:${SECRET}@10.0.0.9/live`,
  `rtsp://eve:${SECRET}@[::1/live`,
  `rtsp://eve:${SECRET} @10.0.0.9/live`,
  `RTSPS://eve:${SECRET}@10.0.0.9/live`,
  `front=rtsp://eve:${SECRET}@10.0.0.9/live`,
  `rtsp://10.0.0.9/live?user=eve&password=${SECRET}`,
  "file:///clip.mp4",
  "/dev/video0",
  "/dev/video-1",
  "test://ball",
  "test://",
  "://",
];

// There are settings.
const NAMES = Object.values(settings).map(({ env }) => env) as [string, ...string[]];

describe("random settings", () => {
  it("are read or refused by name, and no password is shown", () => {
    const random = seededRandom(SEED);
    let read = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const env = environment(random);
      const what = `seed ${SEED}, round ${round}: ${JSON.stringify(env)}`;
      const outcome = load(env, what);
      if (outcome instanceof InputError) {
        assert.ok(outcome.problems.length > 0, what);
        for (const one of outcome.problems) {
          assert.ok(NAMES.includes(one.path) && /allowed: \S/.test(one.message), what);
          assert.ok(!displayProblem(one).includes(SECRET), `${what} told ${displayProblem(one)}`);
        }
        assert.ok(!outcome.message.includes(SECRET), what);
        continue;
      }
      read++;
      // Without any here, they are in the file.
      assert.ok(outcome.cameras.length > 0 || env["SETTINGS_FILE"] !== undefined, what);
      const redact = redactor(secretsOf(outcome));
      for (const { uri } of outcome.cameras) {
        // An address may be taken for the end of the one before it, and its login is hidden all the same.
        assert.ok(!hideLoginOf(redact(uri)).includes(SECRET), what);
      }
    }
    assert.ok(read > 0 && read < ROUNDS, `${read} of ${ROUNDS} were read`);
  });
});

function load(env: Environment, what: string) {
  try {
    return loadConfig(env, "/work");
  } catch (error) {
    if (error instanceof InputError) return error;
    throw new Error(what, { cause: error });
  }
}

/** Some settings, most of which are wrong, and cameras. */
function environment(random: SeededRandom): Environment {
  const env: Record<string, string> = {};
  const cameras = Array.from({ length: random.below(4) + 1 }, () => random.pick(ADDRESSES));
  if (random.below(10) > 0) env["RTSPINPUT"] = cameras.join(random.pick([",", ", "]));
  for (let count = random.below(4); count > 0; count--) {
    const name = random.pick(NAMES);
    if (name !== "RTSPINPUT") env[name] = mutated(random, random.pick(TEXTS));
  }
  return env;
}

/** A text, or what a slip of the hand makes of it. */
function mutated(random: SeededRandom, text: string): string {
  if (random.below(10) < 7) return text;
  const at = random.below(text.length + 1);
  const letter = String.fromCharCode(random.below(0x250));
  return text.slice(0, at) + letter + text.slice(at + random.below(2));
}
