import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { packBundle } from "../../common/bundle/pack.js";
import { TRUST_ALL } from "../../common/bundle/signature.js";
import { bundle, FILES } from "../../common/bundle/testing/archives.js";
import { folder, listing } from "../../common/bundle/testing/folder.js";
import { ModelStore } from "./store.js";

const PROGRAM = fileURLToPath(new URL("testing/install-forever.js", import.meta.url));
const ROUNDS = 12;

test("whenever the process is killed, each bundle is there completely or not at all", async (t) => {
  const root = folder(t);
  const directory = join(root, "store");
  const archives: string[] = [];
  for (const version of ["1.0.0", "2.0.0"]) {
    const archive = join(root, version);
    const files = { ...FILES, "network.onnx": randomBytes(4 * 1024 * 1024) };
    writeFileSync(archive, await bundle({ version, files }));
    archives.push(archive);
  }
  const { signal } = new AbortController();
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, [PROGRAM, directory, ...archives], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    // Waits for nothing: the kill comes at another moment in every round.
    await setTimeout(round * 17);
    child.kill("SIGKILL");
    assert.deepEqual(await ended, [null, "SIGKILL"]);

    const store = await ModelStore.open({
      directory,
      shipped: directory,
      maxBytes: 1e9,
      trust: TRUST_ALL,
      board: () => undefined,
      onEvent: ({ t: kind }) => assert.equal(kind, "removed"),
    });
    for (const { path, manifest } of store.list()) {
      // Packing it again reads and hashes every file.
      const again = join(root, "again");
      const { name, version, boards } = manifest;
      const packed = await packBundle(path, again, { name, version, boards, signal });
      const inOrder = [...manifest.files].sort((a, b) => (a.path < b.path ? -1 : 1));
      assert.deepEqual(packed.manifest.files, inOrder);
    }
    const known = store.list().map(({ path }) => path);
    const below = listing(directory).map((path) => join(directory, path));
    const stray = below.filter(
      (path) =>
        !known.some((one) => path.startsWith(one) || one.startsWith(path)) &&
        !path.startsWith(join(directory, ".withdrawn")) &&
        path !== join(directory, "street"),
    );
    assert.deepEqual(stray, []);
  }
});
