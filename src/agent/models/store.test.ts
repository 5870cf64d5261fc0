import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { TRUST_ALL } from "../../common/bundle/signature.js";
import { type BundleParts, bundle, FILES } from "../../common/bundle/testing/archives.js";
import { folder, listing } from "../../common/bundle/testing/folder.js";
import { ModelStore, type StoreEvent, type StoreOptions } from "./store.js";

const { signal } = new AbortController();

class Bench {
  readonly root: string;
  readonly events: StoreEvent[] = [];

  constructor(t: TestContext) {
    this.root = folder(t);
    mkdirSync(join(this.root, "models", "street"), { recursive: true });
    writeFileSync(join(this.root, "models", "street", "config_infer.txt"), "[property]\n");
    mkdirSync(join(this.root, "models", "no-bundle"));
  }

  get directory(): string {
    return join(this.root, "store");
  }

  open(options: Partial<StoreOptions> = {}): Promise<ModelStore> {
    return ModelStore.open({
      directory: this.directory,
      shipped: join(this.root, "models"),
      maxBytes: 1e9,
      trust: TRUST_ALL,
      board: () => "t4",
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  async install(store: ModelStore, parts: BundleParts): Promise<string> {
    const archive = join(this.root, "archive");
    writeFileSync(archive, await bundle(parts));
    const outcome = await store.install(archive, signal);
    return outcome.t === "installed" ? outcome.path : JSON.stringify(outcome);
  }
}

function bytesIn(store: ModelStore): number {
  return store.list().reduce((total, { bytes }) => total + bytes, 0);
}

function found(store: ModelStore, reference: string): string {
  const resolved = store.resolve(reference);
  return resolved.t === "found" ? resolved.path : resolved.detail;
}

test("an installed bundle is as it was packed, and readable by others", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  const path = await bench.install(store, { version: "1.2.0" });
  assert.equal(path, join(bench.directory, "street", "1.2.0"));
  assert.deepEqual(listing(path), [...Object.keys(FILES), "manifest.json"].sort());
  assert.equal(readFileSync(join(path, "labels.txt"), "utf8"), FILES["labels.txt"]);
  assert.equal(statSync(join(path, "labels.txt")).mode & 0o044, 0o044);
  assert.equal(statSync(path).mode & 0o055, 0o055);
});

test("a reference without a version finds the newest that fits the board, else the one that ships", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  assert.equal(found(store, "street"), join(bench.root, "models", "street"));
  for (const version of ["1.9.0", "1.10.0", "1.10.0-rc1"]) await bench.install(store, { version });
  assert.match(found(store, "street"), /street\/1\.10\.0$/);
  assert.match(found(store, "street@1.9.0"), /street\/1\.9\.0$/);
  const versionless = store.resolve(join(bench.directory, "street", "1.9.0"));
  assert.deepEqual(versionless, {
    t: "found",
    path: join(bench.directory, "street", "1.9.0"),
    name: "street",
    version: "1.9.0",
  });
  assert.equal(found(store, "models/other"), join(bench.root, "models", "other"));
});

test("the message about a missing model names those that are there", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  await bench.install(store, { version: "1.0.0" });
  assert.equal(found(store, "street@2.0.0"), "there is no street@2.0.0, but version 1.0.0");
  assert.equal(
    found(store, "streets"),
    "there is no model streets, but street; did you mean street?",
  );
  assert.match(found(store, "no-bundle"), /^there is no model no-bundle/);
});

test("a bundle that was installed before the board was known is not found on another board", async (t) => {
  const bench = new Bench(t);
  let board = "";
  const store = await bench.open({ board: () => board });
  await bench.install(store, { version: "3.0.0", boards: ["nano"] });
  assert.match(found(store, "street"), /street\/3\.0\.0$/);
  board = "t4";
  assert.equal(found(store, "street"), join(bench.root, "models", "street"));
  assert.equal(found(store, "street@3.0.0"), "street@3.0.0 is for nano, this board is t4");
});

test("installing a bundle again changes nothing; the same version with other content is refused", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  const path = await bench.install(store, {});
  const { ino } = statSync(join(path, "labels.txt"));
  assert.equal(await bench.install(store, {}), path);
  assert.equal(statSync(join(path, "labels.txt")).ino, ino);
  const other = await bench.install(store, { files: { ...FILES, "labels.txt": "cat\n" } });
  assert.match(other, /street@1\.0\.0 is here with another content: give .* another version/);
  assert.equal(readFileSync(join(path, "labels.txt"), "utf8"), FILES["labels.txt"]);
});

test("the bundle used longest ago is evicted for room, and never one that is held", async (t) => {
  const bench = new Bench(t);
  const files = { ...FILES, "network.onnx": Buffer.alloc(10_000, "0123456789abcdef") };
  const roomy = await bench.open();
  for (const version of ["1.0.0", "2.0.0", "3.0.0"]) await bench.install(roomy, { version, files });
  for (const [version, used] of [
    ["1.0.0", 3000],
    ["2.0.0", 2000],
    ["3.0.0", 1000],
  ] as const) {
    utimesSync(found(roomy, `street@${version}`), used, used);
  }
  const one = bytesIn(roomy) / 3;

  const store = await bench.open({ maxBytes: 3 * one + 2000 });
  await store.hold([found(store, "street@3.0.0")]);
  await bench.install(store, { version: "4.0.0", files });
  assert.deepEqual(
    listing(join(bench.directory, "street")).filter((it) => !it.includes("/")),
    ["1.0.0", "3.0.0", "4.0.0"],
  );
  assert.equal(bench.events.length, 1);
  const [removed] = bench.events;
  assert.deepEqual(removed, {
    t: "removed",
    bundle: "street@2.0.0",
    bytes: one,
    why: "room was needed",
  });
  assert.ok(bytesIn(store) <= 3 * one + 2000);
});

test("nothing is evicted before it is known what is in use, and held bundles do not make a new one refused", async (t) => {
  const bench = new Bench(t);
  const files = { ...FILES, "network.onnx": Buffer.alloc(10_000, "0123456789abcdef") };
  const store = await bench.open({ maxBytes: 25_000 });
  await bench.install(store, { version: "1.0.0", files });
  await bench.install(store, { version: "2.0.0", files });
  const before = listing(bench.directory);
  assert.match(
    await bench.install(store, { version: "3.0.0", files }),
    /no room.*are free besides/,
  );
  await store.hold([found(store, "street@1.0.0"), found(store, "street@2.0.0")]);
  assert.match(await bench.install(store, { version: "3.0.0", files }), /no room/);
  assert.match(JSON.stringify(await store.reserve(24_999)), /no room/);
  assert.match(JSON.stringify(await store.reserve(25_001)), /refused.*models may take 25000/);
  assert.deepEqual(listing(bench.directory), before);
  assert.equal(await store.reserve(1000), undefined);
});

test("a withdrawn bundle is no longer found, nor after a restart, and is removed when it is not held", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  await bench.install(store, { version: "1.0.0" });
  const path = await bench.install(store, { version: "2.0.0" });
  await store.hold([path]);
  await store.withdraw("street@2.0.0");
  await store.withdraw("street@9.9.9");
  assert.match(found(store, "street"), /1\.0\.0$/);
  assert.ok(existsSync(path));
  const again = await bench.open();
  assert.match(found(again, "street"), /1\.0\.0$/);
  assert.ok(existsSync(path));
  await again.hold([]);
  assert.ok(!existsSync(path));
  await again.withdraw("street@1.0.0");
  assert.ok(!existsSync(join(bench.directory, "street")));
  assert.equal(found(again, "street"), join(bench.root, "models", "street"));
});

test("a withdrawn bundle that is installed again is found again", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  const path = await bench.install(store, { version: "2.0.0" });
  await store.hold([path]);
  await store.withdraw("street@2.0.0");
  assert.equal(await bench.install(store, { version: "2.0.0" }), path);
  assert.equal(found(await bench.open(), "street"), path);
});

test("leftovers of a killed process are removed at the start; other files stay", async (t) => {
  const bench = new Bench(t);
  mkdirSync(join(bench.directory, ".incoming-1", "deep"), { recursive: true });
  writeFileSync(join(bench.directory, ".incoming-1", "deep", "network.onnx"), "half");
  mkdirSync(join(bench.directory, "photos", "holiday"), { recursive: true });
  const store = await bench.open();
  assert.deepEqual(listing(bench.directory), ["photos", "photos/holiday"]);
  assert.equal(bench.events[0]?.t, "unreadable");
  assert.equal(store.list().length, 0);
});

test("an abort leaves nothing behind", async (t) => {
  const bench = new Bench(t);
  const store = await bench.open();
  const archive = join(bench.root, "archive");
  writeFileSync(archive, await bundle());
  const stop = new AbortController();
  const installing = store.install(archive, stop.signal);
  stop.abort();
  await assert.rejects(installing, { name: "AbortError" });
  assert.deepEqual(listing(bench.directory), []);
  rmSync(archive);
  await assert.rejects(store.install(archive, signal), { code: "ENOENT" });
  assert.deepEqual(listing(bench.directory), []);
});
