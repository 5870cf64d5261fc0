import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import {
  generateKeys,
  readPrivateKey,
  readPublicKeys,
  TRUST_ALL,
  type Trust,
} from "../../common/bundle/signature.js";
import {
  bundle,
  entriesOf,
  FILES,
  patchHeader,
  type RawEntry,
  tar,
  tarGz,
} from "../../common/bundle/testing/archives.js";
import { folder, listing } from "../../common/bundle/testing/folder.js";
import { ModelStore } from "./store.js";

const { signal } = new AbortController();
const MB = 1024 * 1024;

const ours = generateKeys();
const foreign = generateKeys();
const ourKey = readPrivateKey(ours.privateKey, "ours");
const foreignKey = readPrivateKey(foreign.privateKey, "foreign");
const SIGNED: Trust = {
  keys: readPublicKeys(ours.publicKey, "ours"),
  requireSigned: true,
  nativeCode: "refused",
};

interface Case {
  readonly name: string;
  readonly archive: () => Promise<Buffer>;
  readonly says: RegExp;
  readonly trust?: Trust;
  readonly maxBytes?: number;
}

/** A valid bundle to which this entry is added, or in which it replaces the one of its name. */
function withEntry(entry: RawEntry): Promise<Buffer> {
  const entries = entriesOf().filter(({ name }) => name !== entry.name);
  return tarGz([...entries, entry]);
}

function outside(path: string, says: RegExp): Case {
  return {
    name: `a file called ${JSON.stringify(path.slice(0, 40))}`,
    archive: () => withEntry({ name: path, content: Buffer.from("x") }),
    says,
  };
}

function listedOutside(path: string, says: RegExp): Case {
  return {
    name: `a manifest that lists ${JSON.stringify(path.slice(0, 40))}`,
    archive: () => bundle({ files: { ...FILES, [path]: "x" } }),
    says,
  };
}

function kind(type: string): Case {
  return {
    name: `a ${type} in place of a file`,
    // The type definitions allow only the types that a bundle may use.
    archive: () => withEntry({ name: "labels.txt", type: type as "file", linkname: "/etc/passwd" }),
    says: /^labels\.txt: is a .*a bundle holds only regular files/,
  };
}

const CASES: readonly Case[] = [
  outside("../labels.txt", /^\.\.\/labels\.txt: leads outside/),
  outside("a/../../b", /leads outside/),
  outside("/etc/passwd", /^\/etc\/passwd: is absolute/),
  outside("..\\labels.txt", /has a backslash/),
  outside(".hidden", /no part may begin with a dot/),
  outside("more.txt", /^more\.txt: is not in manifest\.json/),
  listedOutside("../labels.txt", /^manifest\.json files\[3\]\.path: leads outside/),
  listedOutside("/etc/passwd", /is absolute/),
  listedOutside("a\\b", /has a backslash/),
  listedOutside("a//b", /letters, digits/),
  listedOutside("a/./b", /letters, digits/),
  listedOutside(`${"n".repeat(101)}`, /longer than 100 bytes/),
  listedOutside("a/b/c/d/e/f/g", /deeper than 6 directories/),
  listedOutside("LABELS.txt", /is listed twice/),
  listedOutside("labels.txt/x", /lies in a directory that is a file/),
  listedOutside("manifest.sig", /is reserved for the archive/),
  kind("symlink"),
  kind("link"),
  kind("character-device"),
  kind("block-device"),
  kind("fifo"),
  kind("contiguous-file"),
  {
    name: "a sparse file",
    async archive() {
      const raw = await tar(entriesOf());
      const at = raw.lastIndexOf("network.onnx");
      return gzipSync(patchHeader(raw, at, 156, Buffer.from("S")));
    },
    says: /^network\.onnx: is an entry of a kind|sparse/,
  },
  {
    name: "a pax header that renames a file",
    archive: () =>
      tarGz(
        entriesOf().map((entry) =>
          entry.name === "labels.txt" ? { ...entry, pax: { path: "../labels.txt" } } : entry,
        ),
      ),
    says: /pax headers/,
  },
  {
    name: "a directory outside",
    archive: () => withEntry({ name: "../up/", type: "directory" }),
    says: /leads outside/,
  },
  {
    name: "a file that is there twice",
    archive: () => tarGz([...entriesOf(), { name: "labels.txt", content: Buffer.from("again") }]),
    says: /^labels\.txt: is in the archive twice/,
  },
  {
    name: "a missing file",
    archive: () => tarGz(entriesOf().filter(({ name }) => name !== "labels.txt")),
    says: /^labels\.txt: is not in the archive/,
  },
  {
    name: "a file of another size than the manifest says",
    archive: () => withEntry({ name: "labels.txt", content: Buffer.from("person") }),
    says: /^labels\.txt: has 6 bytes, manifest\.json says 11/,
  },
  {
    name: "a file with other content than the manifest says",
    archive: () => withEntry({ name: "labels.txt", content: Buffer.from("person\ncat\n") }),
    says: /^labels\.txt: is not what was packed/,
  },
  {
    name: "a truncated archive",
    archive: async () => (await bundle()).subarray(0, -40),
    says: /^archive: is truncated, damaged or not a tar\.gz/,
  },
  {
    name: "a tar that is truncated within a file",
    async archive() {
      const raw = await tar(entriesOf());
      return gzipSync(raw.subarray(0, raw.lastIndexOf("not really") + 5));
    },
    says: /network\.onnx|^archive: is truncated/,
  },
  {
    name: "a flipped bit",
    async archive() {
      const archive = Buffer.from(await bundle());
      const at = archive.length - 6;
      archive[at] = (archive[at] ?? 0) ^ 1;
      return archive;
    },
    says: /^archive: is truncated, damaged/,
  },
  { name: "an empty file", archive: () => Promise.resolve(Buffer.alloc(0)), says: /^archive: / },
  {
    name: "a page of HTML",
    archive: () => Promise.resolve(Buffer.from("<html>404</html>")),
    says: /^archive: is truncated, damaged or not a tar\.gz/,
  },
  { name: "an archive without entries", archive: () => tarGz([]), says: /^archive: is empty/ },
  {
    name: "no manifest",
    archive: () => tarGz(entriesOf().slice(1)),
    says: /^config_infer\.txt: comes before manifest\.json/,
  },
  {
    name: "a manifest that is not JSON",
    archive: () => tarGz([{ name: "manifest.json", content: Buffer.from("{") }]),
    says: /^manifest\.json: is not JSON/,
  },
  {
    name: "a manifest of a later format",
    archive: () => bundle({ lies: { format: 2 } }),
    says: /^manifest\.json format: is 2, and this version reads 1/,
  },
  {
    name: "a manifest with an unknown field",
    archive: () => bundle({ lies: { script: "rm" } }),
    says: /script/,
  },
  {
    name: "a manifest that is too large",
    archive: () => tarGz([{ name: "manifest.json", content: Buffer.alloc(300 * 1024, " ") }]),
    says: /^manifest\.json: has 307200 bytes: at most 262144/,
  },
  {
    name: "a name that leads outside",
    archive: () => bundle({ name: "../../x" }),
    says: /^manifest\.json name: must be a name/,
  },
  {
    name: "a version that leads outside",
    archive: () => bundle({ version: "1.0.0-../../x" }),
    says: /^manifest\.json version: must be a version/,
  },
  {
    name: "no nvinfer configuration",
    archive: () => bundle({ files: { "network.onnx": "x" } }),
    says: /^manifest\.json files: must hold config_infer\.txt/,
  },
  {
    name: "too many files",
    archive: () =>
      bundle({
        files: {
          ...FILES,
          ...Object.fromEntries([...Array(600).keys()].map((i) => [`f${i}`, ""])),
        },
      }),
    says: /^manifest\.json files: /,
  },
  {
    name: "a bomb of zeros",
    archive: () => bundle({ files: { ...FILES, "network.onnx": Buffer.alloc(64 * MB) } }),
    says: /^archive: unpacks to more than 200 times its size/,
  },
  {
    name: "a file whose size is not a number",
    async archive() {
      const raw = await tar(entriesOf());
      return gzipSync(patchHeader(raw, raw.lastIndexOf("labels.txt"), 124, Buffer.from([0xc2])));
    },
    says: /^labels\.txt: has no size/,
  },
  {
    name: "a directory with content",
    async archive() {
      const entries = entriesOf({ files: { ...FILES, d: "content" } });
      const raw = await tar(entries);
      return gzipSync(patchHeader(raw, raw.lastIndexOf("d\0"), 156, Buffer.from("5")));
    },
    says: /^d: has 7 bytes: at most 0 are allowed/,
  },
  {
    name: "a bomb of long names after a small manifest",
    async archive() {
      const content = randomBytes(MB);
      let names = await tar(Array.from({ length: 8 }, () => ({ name: "././@LongLink", content })));
      for (let i = 0; i < 8; i++) {
        names = patchHeader(names, i * (MB + 512), 156, Buffer.from("L"));
      }
      const [manifest, ...files] = entriesOf();
      assert.ok(manifest !== undefined);
      // Without the blocks that end an archive.
      const start = (await tar([manifest])).subarray(0, -1024);
      return gzipSync(Buffer.concat([start, names.subarray(0, -1024), await tar(files)]));
    },
    says: /^archive: unpacks to more than \d+ bytes/,
  },
  {
    name: "a bundle that is larger than the configured disk",
    archive: () => bundle(),
    maxBytes: 400,
    says: /^archive: needs \d+ bytes, \d+ unpacked and \d+ packed: models may take 400/,
  },
  {
    name: "a bundle for another board",
    archive: () => bundle({ boards: ["nano", "orin-nano"] }),
    says: /^manifest\.json boards: street@1\.0\.0 is for nano, orin-nano, this board is t4/,
  },
  {
    name: "no signature where one is required",
    archive: () => bundle(),
    trust: SIGNED,
    says: /^manifest\.sig: is missing/,
  },
  {
    name: "a signature by a key that is not trusted",
    archive: () => bundle({ key: foreignKey }),
    trust: SIGNED,
    says: /^manifest\.sig: is by the key [0-9a-f]{16}; trusted here: [0-9a-f]{16}/,
  },
  {
    name: "a manifest that was changed after it was signed",
    archive() {
      const [, signature] = entriesOf({ key: ourKey });
      const [manifest, ...files] = entriesOf({ version: "1.0.1" });
      assert.ok(manifest !== undefined && signature !== undefined);
      return tarGz([manifest, signature, ...files]);
    },
    trust: SIGNED,
    says: /^manifest\.sig: does not match manifest\.json/,
  },
  {
    name: "a signature by another key under our key's name",
    archive() {
      const entries = entriesOf({ key: foreignKey });
      const [, ourSignature] = entriesOf({ key: ourKey });
      const ourId = ourSignature?.content?.toString().split(" ")[1] ?? "";
      return tarGz(
        entries.map((entry) =>
          entry.name === "manifest.sig"
            ? {
                ...entry,
                content: Buffer.from(
                  (entry.content?.toString() ?? "").replace(/ \w+/, ` ${ourId}`),
                ),
              }
            : entry,
        ),
      );
    },
    trust: SIGNED,
    says: /^manifest\.sig: does not match manifest\.json/,
  },
  {
    name: "a text in place of a signature",
    archive: () =>
      tarGz(
        entriesOf({ key: ourKey }).map((entry) =>
          entry.name === "manifest.sig" ? { ...entry, content: Buffer.from("trust me") } : entry,
        ),
      ),
    trust: SIGNED,
    says: /^manifest\.sig: does not have the form/,
  },
  {
    name: "a signature after the files",
    archive() {
      const [manifest, signature, ...files] = entriesOf({ key: ourKey });
      assert.ok(manifest !== undefined && signature !== undefined);
      return tarGz([manifest, ...files, signature]);
    },
    trust: SIGNED,
    says: /^manifest\.sig: is missing/,
  },
];

function storeIn(
  t: TestContext,
  directory: string,
  { trust = TRUST_ALL, maxBytes = 1024 * MB }: Partial<Case>,
): Promise<ModelStore> {
  const shipped = folder(t);
  const onEvent = () => {};
  return ModelStore.open({ directory, shipped, maxBytes, trust, board: () => "t4", onEvent });
}

for (const one of CASES) {
  test(`refused with reason and path, and nothing is left behind: ${one.name}`, async (t) => {
    const root = folder(t);
    const directory = join(root, "store");
    const archive = join(root, "archive.tar.gz");
    const key = one.trust === undefined ? {} : { key: ourKey };
    writeFileSync(archive, await bundle({ name: "good", version: "2.0.0", ...key }));
    const roomy = await storeIn(t, directory, { ...one, maxBytes: 1024 * MB });
    assert.equal((await roomy.install(archive, signal)).t, "installed");
    const before = listing(root);

    writeFileSync(archive, await one.archive());
    const store = await storeIn(t, directory, one);
    const outcome = await store.install(archive, signal);

    assert.ok(outcome.t === "refused", outcome.t);
    assert.match(`${outcome.path}: ${outcome.reason}`, one.says);
    assert.deepEqual(listing(root), before);
    const { t: found } = store.resolve("good");
    assert.equal(found, "found");
  });
}

test("a link in the place of a file is not followed", async (t) => {
  const root = folder(t);
  const archive = join(root, "archive.tar.gz");
  writeFileSync(archive, await bundle());
  // Somebody who can write to the store has put a link there.
  mkdirSync(join(root, "store"));
  mkdirSync(join(root, "elsewhere"));
  symlinkSync(join(root, "elsewhere"), join(root, "store", "other"));
  const store = await storeIn(t, join(root, "store"), {});
  assert.equal((await store.install(archive, signal)).t, "installed");
  assert.deepEqual(listing(join(root, "elsewhere")), []);
});
