import assert from "node:assert/strict";
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { bundle } from "../../common/bundle/testing/archives.js";
import { folder, listing } from "../../common/bundle/testing/folder.js";
import { recordingTerminal } from "../../common/testing/recording-terminal.js";
import { onnxFile } from "../lint/corpus/onnx-file.js";
import { modelCommand } from "./command.js";

const CONFIG = `[property]
onnx-file=network.onnx
labelfile-path=labels.txt
num-detected-classes=2
network-mode=2
`;

async function model(...args: string[]) {
  const { terminal, result } = recordingTerminal();
  await modelCommand(terminal).parseAsync(args, { from: "user" });
  return result;
}

function source(t: TestContext, opset = 11): string {
  const directory = folder(t);
  writeFileSync(join(directory, "config_infer.txt"), CONFIG);
  writeFileSync(join(directory, "labels.txt"), "person\ncar\n");
  const network = onnxFile({ opset, batch: 0, weightBytes: 4096 });
  writeFileSync(join(directory, "network.onnx"), network);
  return directory;
}

test("keygen, pack, sign, verify and lint lead from a directory to an archive that a node takes", async (t) => {
  const place = folder(t);
  const [key, archive] = [join(place, "key"), join(place, "a.tar.gz")];
  const made = await model("keygen", "-o", key);
  assert.match(made.out, /^key [0-9a-f]{16}: .*key \(private\), .*key\.pub \(for the nodes\)\n$/);
  assert.equal(statSync(key).mode & 0o777, 0o600);

  const flags = ["--name", "street", "--version", "1.2.0", "--boards", "t4,nano"];
  const packed = await model("pack", source(t), "-o", archive, ...flags);
  assert.equal(packed.err, "");
  assert.match(
    packed.out,
    /a\.tar\.gz: street@1\.2\.0 for nano, t4, 3 files, \d+ bytes, \d+ bytes packed\n$/,
  );

  const unsigned = await model("verify", archive, "--keys", `${key}.pub`);
  assert.match(unsigned.err, /^manifest\.sig: is missing/);
  assert.equal(unsigned.exit, 1);

  const signed = await model("sign", archive, "--key", key);
  assert.match(signed.out, /, signed by [0-9a-f]{16}\n$/);
  const verified = await model("verify", archive, "--keys", `${key}.pub`);
  assert.deepEqual([verified.exit, verified.err], [0, ""]);
  assert.match(verified.out, /, signed by [0-9a-f]{16}\n$/);
  const json = await model("verify", archive, "--json");
  assert.equal(JSON.parse(json.out).signed.t, "unknown");

  const linted = await model("lint", archive, "--keys", `${key}.pub`);
  assert.deepEqual([linted.exit, linted.err], [0, ""]);
  assert.match(linted.out, /^t4 +7\.1 +dgpu +yes$/m);
  assert.doesNotMatch(linted.out, /^orin-nano/m);
});

test("verify and lint refuse native code as a node does, and name it where it is allowed", async (t) => {
  const place = folder(t);
  const [key, archive] = [join(place, "key"), join(place, "a")];
  await model("keygen", "-o", key);
  const directory = source(t);
  const config = `${readFileSync(join(directory, "config_infer.txt"), "utf8")}custom-lib-path=x.so\n`;
  const files = {
    "config_infer.txt": config,
    "labels.txt": readFileSync(join(directory, "labels.txt")),
    "network.onnx": readFileSync(join(directory, "network.onnx")),
  };
  writeFileSync(archive, await bundle({ files }));
  for (const command of ["verify", "lint"]) {
    const refused = await model(command, archive);
    assert.equal(refused.exit, 1);
    assert.match(refused.err, /holds native code \(custom-lib-path in config_infer\.txt\)/);
    const unsigned = await model(command, archive, "--allow-native-code");
    assert.match(unsigned.err, /must be signed by a trusted key/);
  }
  await model("sign", archive, "--key", key);
  const trusted = ["--keys", `${key}.pub`];
  assert.match((await model("verify", archive, ...trusted)).err, /must be allowed/);
  const allowed = await model("verify", archive, ...trusted, "--allow-native-code");
  assert.equal(allowed.exit, 0);
  assert.match(allowed.out, /signed by [0-9a-f]{16}, holds native code \(custom-lib-path/);
});

test("pack with a key signs at once", async (t) => {
  const place = folder(t);
  await model("keygen", "-o", join(place, "key"));
  const archive = join(place, "a");
  const packing = ["pack", source(t), "-o", archive, "--name", "street", "--version", "1.0.0"];
  const packed = await model(...packing, "--key", join(place, "key"));
  assert.equal(packed.exit, 0);
  const verified = await model("verify", archive, "--keys", join(place, "key.pub"));
  assert.equal(verified.exit, 0);
});

test("a bundle that a board it is for would refuse is not packed, and lint says the same of an archive", async (t) => {
  const place = folder(t);
  const directory = source(t);
  const broken = `${CONFIG}interval=often\n`;
  writeFileSync(join(directory, "config_infer.txt"), broken);
  const flags = ["--name", "street", "--version", "1.0.0"];
  const packed = await model("pack", directory, "-o", join(place, "a"), ...flags);
  assert.equal(packed.exit, 1);
  assert.match(packed.out, /wrong-type/);
  assert.deepEqual(listing(place), []);

  const archive = join(place, "b");
  const files = {
    "config_infer.txt": broken,
    "labels.txt": "person\ncar\n",
    "network.onnx": readFileSync(join(directory, "network.onnx")),
  };
  writeFileSync(archive, await bundle({ boards: ["nano"], files }));
  const linted = await model("lint", archive);
  assert.equal(linted.exit, 1);
  assert.match(linted.out, /^nano .* no: 1 error/m);
  const unknown = join(place, "c");
  writeFileSync(unknown, await bundle({ boards: ["nanoo"], files }));
  assert.match((await model("lint", unknown)).err, /boards: .*nanoo/);
});

test("lint takes one target: a board, a board with a release, or cpu for engine cpu", async (t) => {
  const directory = source(t);
  appendFileSync(join(directory, "config_infer.txt"), "cluster-mode=1\n");
  const onBoard = await model("lint", directory, "--target", "orin-nano@9.1");
  assert.deepEqual([onBoard.exit, onBoard.err], [0, ""]);
  assert.match(onBoard.out, /^orin-nano +9\.1 +jetson +yes$/m);
  assert.doesNotMatch(onBoard.out, /^t4/m);

  const onCpu = await model("lint", directory, "--target", "cpu");
  assert.equal(onCpu.exit, 1);
  assert.match(onCpu.out, /^cpu +- +- +no: 1 error, 1 notice$/m);
  assert.match(onCpu.out, /cluster-mode=1 is not supported by engine cpu/);
  const shipped = new URL("../../../../models/ssd-street", import.meta.url).pathname;
  assert.equal((await model("lint", shipped, "--target", "cpu")).exit, 0);
  assert.equal((await model("lint", shipped, "--target", "all")).exit, 0);

  const unknown = await model("lint", directory, "--target", "cpuu");
  assert.equal(unknown.exit, 1);
  assert.match(unknown.err, /^--target: unknown board "cpuu"/);
});

test("what is refused has a reason and status 1; a file that is not there has status 2", async (t) => {
  const place = folder(t);
  writeFileSync(join(place, "a"), "no archive");
  const broken = await model("verify", join(place, "a"));
  assert.deepEqual([broken.exit, broken.out], [1, ""]);
  assert.match(broken.err, /^archive: is truncated, damaged or not a tar\.gz/);
  const absent = await model("verify", join(place, "b"));
  assert.equal(absent.exit, 2);
  assert.match(absent.err, /^ENOENT: .*\/b'\n$/);
});

test("a private key is never overwritten, nor taken for a public one, nor shown", async (t) => {
  const place = folder(t);
  const key = join(place, "key");
  await model("keygen", "-o", key);
  const before = readFileSync(key, "utf8");
  const again = await model("keygen", "-o", key);
  assert.equal(again.exit, 2);
  assert.equal(readFileSync(key, "utf8"), before);
  writeFileSync(join(place, "a"), await bundle());
  const confused = await model("verify", join(place, "a"), "--keys", key);
  assert.match(confused.err, /key: holds a private key\n$/);
  const wrong = await model("sign", join(place, "a"), "--key", `${key}.pub`);
  assert.match(wrong.err, /key\.pub: holds no private key in PEM form\n$/);
});
