import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { TRUST_ALL } from "../../common/bundle/signature.js";
import {
  bundle,
  entriesOf,
  FILES,
  patchHeader,
  tar,
} from "../../common/bundle/testing/archives.js";
import { folder, listing } from "../../common/bundle/testing/folder.js";
import { seededRandom } from "../../common/testing/seeded-random.js";
import { ModelStore } from "./store.js";

const ROUNDS = 300;

/** Damages an archive: first two cases in its packed bytes, the others in its unpacked ones. */
function damaged(packed: Buffer, raw: Buffer, random: (below: number) => number): Buffer {
  const flip = (bytes: Buffer, from: number, to: number) => {
    const copy = Buffer.from(bytes);
    for (let i = 0; i <= random(3); i++) copy[from + random(to - from)] = random(256);
    return copy;
  };
  switch (random(6)) {
    case 0:
      return flip(packed, 0, packed.length);
    case 1:
      return packed.subarray(0, random(packed.length));
    case 2:
      return gzipSync(flip(raw, 0, raw.length));
    case 3:
      return gzipSync(raw.subarray(0, random(raw.length)));
    case 4: {
      const from = 512 * random(raw.length / 512);
      const to = from + 512 * random(4);
      return gzipSync(Buffer.concat([raw.subarray(0, from), raw.subarray(to)]));
    }
    default: {
      // A header with a correct checksum.
      const offset = 512 * random(raw.length / 512);
      const at = random(345);
      const bytes = Buffer.from([random(256), random(256)]).subarray(0, 1 + random(2));
      return gzipSync(patchHeader(raw, offset, at, bytes));
    }
  }
}

test("a damaged archive is refused with nothing left behind, or its content is correct", async (t) => {
  const root = folder(t);
  const archive = join(root, "archive");
  const directory = join(root, "store");
  const store = await ModelStore.open({
    directory,
    shipped: root,
    maxBytes: 1e9,
    trust: TRUST_ALL,
    board: () => "",
    onEvent: () => {},
  });
  await store.hold([]);
  const { signal } = new AbortController();
  const packed = await bundle();
  const raw = await tar(entriesOf());
  const { below: random } = seededRandom(20_260_101);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(archive, damaged(packed, raw, random));
    const outcome = await store.install(archive, signal);
    if (outcome.t === "installed") {
      for (const [path, text] of Object.entries(FILES)) {
        assert.equal(readFileSync(join(outcome.path, path), "utf8"), text);
      }
      await store.withdraw(outcome.bundle);
    } else {
      assert.equal(outcome.t, "refused");
      refused++;
    }
    assert.deepEqual(
      listing(directory).filter((name) => name !== ".withdrawn"),
      [],
    );
  }
  assert.ok(refused > ROUNDS / 2, `${refused} refused`);
  assert.ok(refused < ROUNDS, "none was harmless");
});
