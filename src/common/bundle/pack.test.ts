import assert from "node:assert/strict";
import {
  appendFileSync,
  createReadStream,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { packBundle, signBundle } from "./pack.js";
import { type Opened, readArchive } from "./read-archive.js";
import {
  generateKeys,
  readPrivateKey,
  readPublicKeys,
  TRUST_ALL,
  type Trust,
} from "./signature.js";
import { FILES } from "./testing/archives.js";
import { folder, listing } from "./testing/folder.js";

const { signal } = new AbortController();
const OPTIONS = { name: "street", version: "1.0.0", boards: ["t4", "nano", "t4"], signal };

function source(t: TestContext): string {
  const directory = folder(t);
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(directory, path), text);
  return directory;
}

async function read(archive: string, trust: Trust = TRUST_ALL) {
  const files = new Map<string, string>();
  const sink = {
    begin: () => Promise.resolve(),
    async file({ path }: { readonly path: string }, content: AsyncIterable<Buffer>) {
      let text = "";
      for await (const chunk of content) text += chunk.toString();
      files.set(path, text);
    },
  };
  const limits = { maxBytes: 1e9 };
  const opened: Opened = await readArchive(createReadStream(archive), limits, trust, sink, signal);
  return { opened, files };
}

test("a packed archive can be read again", async (t) => {
  const directory = source(t);
  mkdirSync(join(directory, "extra"));
  writeFileSync(join(directory, "extra", "anchors.npy"), "");
  const archive = join(folder(t), "a.tar.gz");
  const { manifest } = await packBundle(directory, archive, OPTIONS);
  assert.deepEqual(manifest.boards, ["nano", "t4"]);
  const { opened, files } = await read(archive);
  assert.deepEqual(opened.manifest, manifest);
  assert.deepEqual(opened.signed, { t: "unsigned" });
  assert.deepEqual(Object.fromEntries(files), { ...FILES, "extra/anchors.npy": "" });
});

test("the same files give the same bytes", async (t) => {
  const [one, two] = [source(t), source(t)];
  utimesSync(join(two, "labels.txt"), 1, 1);
  const place = folder(t);
  await packBundle(one, join(place, "one"), OPTIONS);
  await packBundle(two, join(place, "two"), { ...OPTIONS, boards: ["nano", "t4"] });
  assert.ok(readFileSync(join(place, "one")).equals(readFileSync(join(place, "two"))));
});

test("engines, programs and hidden files are left out and named", async (t) => {
  const directory = source(t);
  for (const path of ["network.onnx_b1_gpu0_fp16.engine", "fold.py", ".git", "manifest.json"]) {
    writeFileSync(join(directory, path), "x");
  }
  const { manifest, leftOut } = await packBundle(directory, join(folder(t), "a"), OPTIONS);
  assert.deepEqual(
    manifest.files.map(({ path }) => path),
    Object.keys(FILES).sort(),
  );
  assert.deepEqual(leftOut, [
    ".git",
    "fold.py",
    "manifest.json",
    "network.onnx_b1_gpu0_fp16.engine",
  ]);
});

test("a link, an invalid name or a missing configuration is refused, and no archive is left", async (t) => {
  const place = folder(t);
  const refused = async (directory: string, message: RegExp, options = OPTIONS) => {
    await assert.rejects(packBundle(directory, join(place, "a"), options), { message });
    assert.deepEqual(listing(place), []);
  };
  const linked = source(t);
  symlinkSync("/etc/passwd", join(linked, "more.txt"));
  await refused(linked, /^more\.txt: is a link/);
  const spaced = source(t);
  writeFileSync(join(spaced, "my network.onnx"), "x");
  await refused(spaced, /files\[2\]\.path: may contain only letters/);
  await refused(source(t), /version: must be a version such as 1\.2\.0/, {
    ...OPTIONS,
    version: "latest",
  });
  const bare = folder(t);
  writeFileSync(join(bare, "network.onnx"), "x");
  await refused(bare, /must hold config_infer\.txt/);
});

test("a large file is packed completely", async (t) => {
  const directory = source(t);
  const chunk = Buffer.alloc(1024 * 1024, "0123456789abcdef");
  for (let i = 0; i < 5; i++) appendFileSync(join(directory, "network.onnx"), chunk);
  const archive = join(folder(t), "a");
  await packBundle(directory, archive, OPTIONS);
  const { files } = await read(archive);
  assert.equal(files.get("network.onnx")?.length, chunk.length * 5 + "not really a network".length);
});

test("a signature tells who packed or signed the archive, and replaces another one", async (t) => {
  const [ours, theirs] = [generateKeys(), generateKeys()];
  const [ourKey, theirKey] = [ours, theirs].map((pair) => readPrivateKey(pair.privateKey, "key"));
  assert.ok(ourKey !== undefined && theirKey !== undefined);
  const trust = {
    keys: readPublicKeys(ours.publicKey, "key"),
    requireSigned: true,
    nativeCode: "any" as const,
  };
  const archive = join(folder(t), "a.tar.gz");
  await packBundle(source(t), archive, { ...OPTIONS, key: theirKey });
  await assert.rejects(read(archive, trust), { message: /^manifest\.sig: is by the key/ });
  const before = await read(archive);
  assert.equal(before.opened.signed.t, "unknown");
  await signBundle(archive, archive, ourKey, signal);
  const after = await read(archive, trust);
  assert.equal(after.opened.signed.t, "trusted");
  assert.deepEqual(after.files, before.files);
  assert.ok(after.opened.manifestBytes.equals(before.opened.manifestBytes));
});
