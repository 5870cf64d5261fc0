import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type SeededRandom, seededRandom } from "../testing/seeded-random.js";
import { secretsInAddress } from "./hide-addresses.js";
import { hideLoginOf, hideLogins, redactDeep, redactor, withEarlier } from "./redact.js";

interface Shared {
  readonly secrets: readonly string[];
  readonly logins: readonly string[];
  readonly cases: readonly (readonly [text: string, shown: string])[];
}

const SHARED = JSON.parse(readFileSync("test/redaction.json", "utf8")) as Shared;

describe("what the sidecar shows of a text", () => {
  const logins = SHARED.logins.map((login) => Buffer.from(login).toString("base64"));
  const redact = redactor(SHARED.secrets, logins);
  for (const [text, shown] of SHARED.cases) {
    it(`is shown here too: ${JSON.stringify(text)}`, () => assert.equal(redact(text), shown));
  }
});

describe("addresses that are made by chance", () => {
  const ALPHABET: [string, ...string[]] = ["a", ...`bcXYZ0189-._~!$'()*+,;:@/?#&=% "\\é京`];
  const NAMES: [string, ...string[]] = [
    "pin",
    ...["auth", "a", "user", "channel", "subtype", "stream", "x-key", "password"],
    ...["loginpas", "sess%20ion"],
  ];
  const FRAMES: [(address: string) => string, ...((address: string) => string)[]] = [
    (address) => address,
    (address) => `cannot open ${address}: refused`,
    (address) => `'${address}' and more`,
    (address) => JSON.stringify({ uri: address, next: 1 }),
    (address) => JSON.stringify({ text: JSON.stringify({ uri: address, next: 1 }) }),
    (address) => `a ${address}, rtsp://cam/live?channel=1`,
  ];

  /** Holds a secret in a place that only its form tells. */
  function randomAddress(random: SeededRandom, secret: string): string {
    const scheme = random.pick(["rtsp", "rtsps", "http", "https", "RTSP"]);
    const host = random.pick(["10.0.0.9", "cam.local:554", "[fe80::1]:8554", "cam"]);
    const [name, other] = [random.pick(NAMES), random.pick(NAMES)];
    const value = encodeURIComponent(secret);
    const rest = random.pick([
      `${host}/s?${name}=${value}&${other}=1`,
      `${host}/s?channel=1&${name}=${value}#top`,
      `${host}/s?channel=1#${name}=${value}`,
      `${host}/s;${name}=${value}/t`,
      `${host}/${name}=${value}&${other}=2`,
      `${host}/s?${value}`,
      `admin:${value}@${host}/s?${name}=${value}`,
      `${value}:${value}@${host}/s`,
      `admin:${value}`,
    ]);
    return `${scheme}://${rest}`;
  }

  it("tell nothing of what they hold, whatever text is around them", () => {
    const random = seededRandom(13);
    const redact = redactor([]);
    for (let i = 0; i < 4000; i++) {
      const length = 3 + random.below(7);
      const secret = `${Array.from({ length }, () => random.pick(ALPHABET)).join("")}Qz7`;
      const text = random.pick(FRAMES)(randomAddress(random, secret));
      const shown = redact(text);
      assert.ok(!shown.includes("Qz7"), `${text}\n${shown}`);
      assert.equal(redact(shown), shown, text);
    }
  });

  it("give the values that are secrets wherever they come again", () => {
    assert.deepEqual(secretsInAddress("rtsp://cam/s?auth=h%40nter&channel=1;pin=4711"), [
      ...["h%40nter", "h@nter", "4711"],
    ]);
  });
});

describe("plain text", () => {
  it("has no command to a terminal, no mark of direction and one line", () => {
    const random = seededRandom(15);
    const codes = [
      0x202e,
      0x2066,
      0x200f,
      0x2028,
      0xd800,
      ...Array.from({ length: 256 }, (_, i) => i),
    ];
    const redact = redactor([]);
    for (let i = 0; i < 500; i++) {
      const text = Array.from({ length: 40 }, () =>
        String.fromCharCode(codes[random.below(codes.length)] ?? 0),
      ).join("");
      assert.doesNotMatch(redact(text), /[\p{Cc}\u200f\u2028\u202e\u2066\p{Surrogate}]/u);
    }
  });
});

describe("hideLogins", () => {
  const hidden: readonly [string, string][] = [
    ["rtsp://admin:secret@10.0.0.9/live", "rtsp://***@10.0.0.9/live"],
    ["cannot open rtsp://u:p@ss@cam.local:554/live.", "cannot open rtsp://***@cam.local:554/live."],
    ["rtsp://u:pa/ss@10.0.0.9/live: refused", "rtsp://***@10.0.0.9/live: refused"],
    ["rtsp://u:pa#s?s@10.0.0.9", "rtsp://***@10.0.0.9"],
    ["rtsp://u:p@[fe80::1]:554/live", "rtsp://***@[fe80::1]:554/live"],
    ["rtsp://admin:12/34@10.0.0.9/live", "rtsp://***@10.0.0.9/live"],
    ["rtsp://u:p@not a host", "rtsp://***@not a host"],
    ["mqtts://user:key@broker, rtsp://a:b@c/d", "mqtts://***@broker, rtsp://***@c/d"],
    [
      "rtsp://10.0.0.9/s?user=admin&password=hunter2&ch=1",
      "rtsp://10.0.0.9/s?user=***&password=***&ch=1",
    ],
    ["rtsp://10.0.0.9/user=admin&password=hunter2", "rtsp://10.0.0.9/user=***&password=***"],
  ];
  for (const [text, expected] of hidden) {
    it(`turns ${text} into ${expected}`, () => assert.equal(hideLogins(text), expected));
  }

  it("does not change the syntax of an address", () => {
    const pattern = "rtsp://[user:password@]host[:port][/path]";
    assert.equal(hideLogins(pattern), pattern);
  });

  it("does not change addresses without a login and other uses of @", () => {
    for (const text of ["rtsp://10.0.0.9/live@1", "rtsp://cam:554/live", "mail joe@example.com"]) {
      assert.equal(hideLogins(text), text);
    }
  });
});

describe("hideLoginOf", () => {
  const hidden: readonly [string, string][] = [
    ['rtspp://admin:a b"c<d/e@f@10.0.0.9/live', "rtspp://***@10.0.0.9/live"],
    ["front=rtsp:/admin:pw=1/2@cam/x", "front=rtsp:/***@cam/x"],
    ["admin:pw@10.0.0.9", "admin:***@10.0.0.9"],
    ["rtsp://cam:99999/x", "rtsp://cam:99999/x"],
    ["rtsp://admin:hun/ter 2", "rtsp://admin:***"],
    ["rtsp://fe80::1/live", "rtsp://fe80::1/live"],
    ["rtspp://10.0.0.9:554/live:1", "rtspp://10.0.0.9:554/live:1"],
    ["rtspp://10.0.0.9/x?pw=hunter2&a=1", "rtspp://10.0.0.9/x?pw=***&a=***"],
    ["a\nb://u:p\nq@h", "a\nb://***@h"],
  ];
  for (const [text, expected] of hidden) {
    it(`turns ${JSON.stringify(text)} into ${JSON.stringify(expected)}`, () =>
      assert.equal(hideLoginOf(text), expected));
  }
});

describe("hideLogins on what a camera may send", () => {
  const hostile: Readonly<Record<string, string>> = {
    punctuation: `rtsp://h${".,".repeat(100_000)}a`,
    "names without end": `${"a.b-".repeat(100_000)}://u:p@h`,
    "an open bracket": `rtsp://[${":".repeat(100_000)}@x`,
    "logins without end": `rtsp://${"a:1/@".repeat(50_000)}`,
  };
  for (const [what, text] of Object.entries(hostile)) {
    it(`hides the next login behind ${what}`, () => {
      const shown = hideLogins(`${text} rtsp://u:hunter2@h/x`);
      assert.ok(shown.endsWith(" rtsp://***@h/x"), shown.slice(-80));
    });
  }
});

describe("redactor", () => {
  it("hides known secrets in every encoding", () => {
    const redact = redactor(['p@ss: "w/rd"']);
    assert.equal(redact('login with p@ss: "w/rd" failed'), "login with *** failed");
    assert.equal(redact("login with p%40ss%3A%20%22w%2Frd%22 failed"), "login with *** failed");
    assert.equal(redact('{"password":"p@ss: \\"w/rd\\""}'), '{"password":"***"}');
  });

  it("hides a secret that contains another one completely", () => {
    assert.equal(redactor(["hunter", "hunter2"])("hunter2 and hunter"), "*** and ***");
  });

  it("hides secrets that overlap as one", () => {
    assert.equal(redactor(["abcdef", "defghi"])("x abcdefghi y"), "x *** y");
  });

  it("does not hide ordinary numbers that equal a short password", () => {
    assert.equal(redactor(["12"])("took 12 s, rtsp://u:12@h/"), "took 12 s, rtsp://***@h/");
  });
});

describe("redactDeep", () => {
  it("reaches strings, keys and elements at any depth, and makes them printable as JSON", () => {
    const loop: { big: bigint; bytes: Buffer; self?: unknown } = {
      big: 2n ** 60n,
      bytes: Buffer.from("hunter2"),
    };
    loop.self = loop;
    const copy = redactDeep({ a: [{ "key hunter2": "hunter2" }], loop }, redactor(["hunter2"]));
    assert.deepEqual(copy, {
      a: [{ "key ***": "***" }],
      loop: { big: "1152921504606846976", bytes: "[7 bytes]", self: "[circular]" },
    });
  });

  it("hides a password by the name of its field, however short it is", () => {
    const fields = { credentials: { username: "u", password: "12" }, dbPwd: "x", password: "" };
    assert.deepEqual(
      redactDeep(fields, (text) => text),
      { credentials: { username: "u", password: "***" }, dbPwd: "***", password: "" },
    );
  });
});

describe("withEarlier", () => {
  it("keeps earlier secrets, and returns the same array while nothing is new", () => {
    const first = withEarlier(["a", "b"], []);
    assert.deepEqual(first, ["a", "b"]);
    assert.equal(withEarlier(["b"], first), first);
    assert.deepEqual(withEarlier(["c", "b"], first), ["c", "b", "a"]);
  });

  it("never drops a current secret for an earlier one", () => {
    const secrets = (prefix: string) => Array.from({ length: 800 }, (_, i) => `${prefix}${i}`);
    const [earlier, now] = [secrets("earlier"), secrets("now")];
    const both = withEarlier(now, earlier);
    assert.equal(both.length, 1024);
    assert.deepEqual(both.slice(0, 800), now);
    const many = [...now, ...earlier];
    assert.deepEqual(withEarlier(many, []), many);
  });
});
