import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import {
  generateKeys,
  readPrivateKey,
  readPublicKeys,
  type Trust,
} from "../../common/bundle/signature.js";
import { bundle, FILES } from "../../common/bundle/testing/archives.js";
import { folder } from "../../common/bundle/testing/folder.js";
import { ModelStore, type StoreEvent } from "./store.js";

const { signal } = new AbortController();
const pair = generateKeys();
const key = readPrivateKey(pair.privateKey, "key");
const keys = readPublicKeys(pair.publicKey, "key");
const trust: Trust = { keys, requireSigned: false, nativeCode: "signed" };

const CONFIG = FILES["config_infer.txt"];
const NATIVE: Readonly<Record<string, Record<string, string>>> = {
  "a library by its key": { "config_infer.txt": `${CONFIG}\ncustom-lib-path=/tmp/x\n` },
  "the key with blanks and a locale": {
    "config_infer.txt": `${CONFIG}\n \tcustom-lib-path [de] = x\n`,
  },
  "the key in capitals": { "config_infer.txt": `${CONFIG}\r\nCustom-Lib-Path=x\n` },
  "the key in a comment that ends for some": {
    "config_infer.txt": `${CONFIG}\n#\vcustom-lib-path=x\n`,
  },
  "the key behind a carriage return": { "config_infer.txt": `${CONFIG}\n#\rcustom-lib-path=x\n` },
  "the key behind blanks of Unicode": {
    "config_infer.txt": `${CONFIG}\n\u3000custom-lib-path\u00a0=x\n`,
  },
  "the key behind a byte order mark": { "config_infer.txt": `\ufeffcustom-lib-path=x\n${CONFIG}` },
  "a tracker's library by its key": { "config_infer.txt": `${CONFIG}\nll-lib-file=/tmp/x\n` },
  "a preprocessing library by its key": {
    "config_infer.txt": `${CONFIG}\n[user-configs]\ncustom-lib-name=x\n`,
  },
  "a library by its name": { "libyolo.so": "x" },
  "a library with a version": { "lib/libyolo.so.1.2": "x" },
  "a library by its content": { "anchors.bin": "\x7fELF and more" },
  "a TensorRT engine": { "network.onnx_b1_gpu0_fp16.engine": "x" },
};

function openStore(directory: string, trust: Trust, events: StoreEvent[] = [], maxBytes = 1e9) {
  mkdirSync(directory, { recursive: true });
  const onEvent = (event: StoreEvent) => events.push(event);
  const options = { directory, shipped: join(directory, "none"), maxBytes, trust };
  return ModelStore.open({ ...options, board: () => "t4", onEvent });
}

async function install(store: ModelStore, place: string, archive: Promise<Buffer>) {
  const path = join(place, "archive");
  writeFileSync(path, await archive);
  return store.install(path, signal);
}

for (const [what, files] of Object.entries(NATIVE)) {
  test(`${what} is accepted only if it is signed and allowed`, async (t) => {
    const place = folder(t);
    const all = { ...FILES, ...files };
    const says = async (nativeCode: Trust["nativeCode"], isSigned: boolean, keysHere = keys) => {
      const directory = join(place, `${nativeCode}-${isSigned}-${keysHere.length}`);
      const store = await openStore(directory, { ...trust, keys: keysHere, nativeCode });
      const parts = isSigned ? { files: all, key } : { files: all };
      const outcome = await install(store, place, bundle(parts));
      return outcome.t === "refused" ? outcome.reason : outcome.t;
    };
    assert.match(await says("refused", false), /holds native code .* signed .*ALLOW_NATIVE_CODE/);
    assert.match(await says("refused", true), /holds native code .*, which must be allowed/);
    assert.match(await says("signed", false), /holds native code .*, which must be signed by/);
    assert.match(await says("signed", true, []), /must be signed by a trusted key/);
    assert.equal(await says("signed", true), "installed");
  });
}

test("a key that is commented out is no native code", async (t) => {
  const place = folder(t);
  const store = await openStore(join(place, "store"), { ...trust, nativeCode: "refused" });
  const files = { ...FILES, "config_infer.txt": `${CONFIG}\n # custom-lib-path=é\r\n` };
  assert.equal((await install(store, place, bundle({ files }))).t, "installed");
});

/** A store with one signed bundle that holds native code. */
async function withBundle(t: TestContext) {
  const place = folder(t);
  const directory = join(place, "store");
  const events: StoreEvent[] = [];
  const store = await openStore(directory, trust, events);
  const parts = { files: { ...FILES, "libyolo.so": "x" }, key };
  assert.equal((await install(store, place, bundle(parts))).t, "installed");
  const path = join(directory, "street", "1.0.0");
  return { place, directory, store, events, path };
}

test("a bundle counts after a restart only while its signature and the setting do", async (t) => {
  const { directory, store, path } = await withBundle(t);
  assert.equal(store.resolve("street").t, "found");
  assert.equal((await openStore(directory, trust)).resolve("street").t, "found");
  for (const changed of [
    { ...trust, nativeCode: "refused" as const },
    { ...trust, keys: readPublicKeys(generateKeys().publicKey, "other") },
  ]) {
    const again = await openStore(directory, changed);
    assert.equal(again.resolve("street").t, "absent");
    assert.ok(again.isLost("street@1.0.0"));
    // Last good settings name the directory.
    assert.equal(again.resolve(path).t, "absent");
  }
});

const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  "a file that is longer": (path) => appendFileSync(join(path, "labels.txt"), "x"),
  "a file with the same size and time": (path) => {
    writeFileSync(join(path, "libyolo.so"), "y");
    utimesSync(join(path, "libyolo.so"), 1, 1);
  },
  "a file that is gone": (path) => rmSync(join(path, "labels.txt")),
  "a file more": (path) => copyFileSync(join(path, "libyolo.so"), join(path, "libmore.so")),
  "another manifest": (path) => appendFileSync(join(path, "manifest.json"), "\n"),
  "no signature": (path) => rmSync(join(path, "manifest.sig")),
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`${what} on the disk makes a bundle unusable, now and after a restart`, async (t) => {
    const { directory, store, path } = await withBundle(t);
    change(path);
    const resolved = store.resolve("street@1.0.0");
    assert.match(resolved.t === "absent" ? resolved.detail : "", /was changed on the disk/);
    assert.equal(store.resolve(path).t, "absent");
    const events: StoreEvent[] = [];
    const again = await openStore(directory, trust, events);
    assert.equal(again.resolve("street@1.0.0").t, "absent");
    assert.deepEqual(
      events.map(({ t }) => t),
      ["unreadable"],
    );
  });
}

test("holding a bundle changes nothing of what was verified", async (t) => {
  const { store, path } = await withBundle(t);
  await store.hold([path]);
  assert.equal(store.resolve("street").t, "found");
});

test("a bundle that is held while room is made for another stays", async (t) => {
  const place = folder(t);
  const directory = join(place, "store");
  const plain: Trust = { ...trust, nativeCode: "refused" };
  const files = { ...FILES, "network.onnx": "x".repeat(100_000) };
  let held = Promise.resolve();
  const store: ModelStore = await ModelStore.open({
    ...{ directory, shipped: join(place, "none"), maxBytes: 350_000, trust: plain },
    board: () => "t4",
    onEvent: ({ t }) => {
      if (t === "removed") held = store.hold([join(directory, "street", "2.0.0")]);
    },
  });
  for (const version of ["1.0.0", "2.0.0"]) {
    assert.equal((await install(store, place, bundle({ version, files }))).t, "installed");
  }
  await store.hold([]);
  const room = await store.reserve(300_000);
  await held;
  assert.equal(room?.t, "no room");
  assert.deepEqual(
    store.list().map(({ manifest }) => manifest.version),
    ["2.0.0"],
  );
});
