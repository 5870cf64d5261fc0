import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../main.js", import.meta.url));

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function slipstream(
  args: readonly string[],
  input = "",
  environment: Readonly<Record<string, string>> = {},
): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, ...args],
      { env: environment },
      (error, stdout, stderr) =>
        resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
    child.stdin?.on("error", () => {}); // It may stop reading before the end.
    child.stdin?.end(input);
  });
}

describe("slipstream lint", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "lint-command-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("says in one table where a line runs and where not, and why", async () => {
    const { status, stdout, stderr } = await slipstream([
      "lint",
      "--target",
      "all",
      "--launch",
      "fakesrc ! nvv4l2h264enc preset-level=1 bufapi-version=1 ! fakesink",
    ]);
    assert.equal(stderr, "");
    assert.equal(status, 1);
    assert.match(stdout, /^t4 +7\.1 +dgpu +no: 2 errors$/m);
    assert.match(stdout, /^nano +6\.0\.1 +jetson +yes$/m);
    assert.match(stdout, /^orin-nano +7\.1 +jetson +no: 2 errors$/m);
    assert.match(stdout, /^t4 +9\.1 +dgpu +no: 2 errors$/m);
    assert.match(
      stdout,
      /^error +orin-nano,orin-nano@9\.1 +nvv4l2h264enc#2 +no-hardware-encoder$/m,
    );
  });

  it("prints the same as JSON", async () => {
    const { status, stdout } = await slipstream(
      ["lint", "--release", "7.1", "--board", "dgpu", "--json", "--launch", "-"],
      "fakesrc ! fakesinc",
    );
    assert.equal(status, 1);
    assert.deepEqual(JSON.parse(stdout), {
      targets: [
        {
          target: "7.1/dgpu",
          release: "7.1",
          platform: "dgpu",
          runs: false,
          problems: [
            {
              severity: "error",
              code: "unknown-element",
              path: "fakesinc#2",
              message:
                "neither DeepStream 7.1 on dGPU nor GStreamer has an element fakesinc; did you mean fakesink?",
            },
          ],
        },
      ],
    });
  });

  it("ends with 0 when there are only warnings", async () => {
    const { status, stdout } = await slipstream([
      "lint",
      "--target",
      "t4",
      "--launch",
      "fakesrc ! acmewaterpainter",
    ]);
    assert.match(stdout, /yes: 1 warning/);
    assert.equal(status, 0);
  });

  const WRONG_USAGE: readonly [readonly string[], RegExp][] = [
    [["lint"], /nothing to lint/],
    [["lint", "--spec", "a", "--env"], /give one of them/],
    [
      ["lint", "--launch", "a", "--target", "orinnano"],
      /unknown board "orinnano" \(did you mean orin-nano\?\)/,
    ],
    [["lint", "--launch", "a", "--release", "7.11", "--board", "dgpu"], /did you mean 7\.1\?/],
    [["lint", "--launch", "a", "--release", "7.1", "--board", "jetsn"], /did you mean jetson\?/],
    [
      ["lint", "--launch", "a", "--target", "nano", "--release", "7.1"],
      /does not run DeepStream 7\.1/,
    ],
    [
      ["lint", "--launch", "a", "--target", "nano@9.1"],
      /does not run DeepStream 9\.1; it runs 5\.0/,
    ],
    [["lint", "--launch", "a", "--target", "cpu"], /engine cpu takes no launch line/],
    [["lint", "--launch", "a", "--release", "7.1"], /--release needs --board/],
    [["lint", "--launch", "a", "--board", "dgpu"], /--board needs --release/],
    [["lint", "--lanch", "a"], /Did you mean --launch/],
    [["lnt"], /Did you mean lint/],
    [[], /Usage: slipstream/],
  ];
  for (const [args, says] of WRONG_USAGE) {
    it(`refuses "slipstream ${args.join(" ")}" with 2 and says why`, async () => {
      const { status, stdout, stderr } = await slipstream(args);
      assert.match(stderr, says);
      assert.equal(stdout, "");
      assert.equal(status, 2);
    });
  }

  it("lints a board with another release that it runs", async () => {
    const args = ["lint", "--launch", "nvurisrcbin ! fakesink", "--json", "--target", "orin-nano"];
    const { stdout } = await slipstream([...args, "--release", "6.3"]);
    assert.equal(JSON.parse(stdout).targets[0].target, "orin-nano@6.3");
  });

  it("lints a board with a release behind its name", async () => {
    const args = ["lint", "--launch", "fakesrc ! fakesink", "--json", "--target", "t4@9.1"];
    const { stdout } = await slipstream(args);
    assert.deepEqual(JSON.parse(stdout).targets, [
      { target: "t4@9.1", release: "9.1", platform: "dgpu", runs: true, problems: [] },
    ]);
  });

  it("takes a configuration file of any name for a bundle", async () => {
    const file = join(directory, "pgie.txt");
    await writeFile(
      file,
      "[property]\nmodel-file=/opt/nvidia/x.caffemodel\nnum-detected-classes=4\n",
    );
    const { status, stdout } = await slipstream(["lint", "--target", "t4", "--bundle", file]);
    assert.match(stdout, /^error +pgie\.txt:2 +caffe-gone$/m);
    assert.equal(status, 1);
  });

  it("lints for engine cpu, which has no release", async () => {
    const args = ["lint", "--target", "cpu", "--json", "--bundle", "models/nanodet-coco"];
    const { status, stdout } = await slipstream(args);
    assert.equal(status, 0);
    const { targets } = JSON.parse(stdout);
    const [{ target, release, platform, runs, problems }] = targets;
    assert.deepEqual([target, release, platform, runs], ["cpu", null, null, true]);
    assert.deepEqual(
      problems.map(({ code }: { code: string }) => code),
      ["config-no-meaning"],
    );
  });

  it("takes the agent's settings from the environment, and the bundle that they name", async () => {
    await writeFile(
      join(directory, "config_infer.txt"),
      "[property]\nuff-file=a.uff\nnum-detected-classes=4\nlabelfile-path=labels.txt\n",
    );
    await writeFile(join(directory, "labels.txt"), "a\nb\nc\nd\n");
    await writeFile(join(directory, "a.uff"), "x");
    const settings = { RTSPINPUT: "rtsp://u:secret@a/1,rtsp://b/2", MODEL: directory };
    const args = ["lint", "--env", "--target", "orin-nano"];
    const { status, stdout } = await slipstream(args, "", settings);
    assert.match(stdout, /^warning +outputs\[0\]\.encoding\.codec +software-encoder$/m);
    assert.match(stdout, /^error +config_infer\.txt:2 +uff-gone$/m);
    assert.match(stdout, /no: 1 error, 1 warning$/m);
    assert.equal(status, 1);
  });

  it("tells every wrong setting by its name", async () => {
    const settings = { RTSPINPUT: "rtsp://u:secret@a/1", BITRATE: "12abc", CODEC: "H266" };
    const { status, stdout } = await slipstream(["lint", "--env", "--target", "t4"], "", settings);
    assert.match(stdout, /^error +BITRATE +wrong-setting$/m);
    assert.match(stdout, /^error +CODEC +wrong-setting$/m);
    assert.doesNotMatch(stdout, /secret/);
    assert.equal(status, 1);
  });

  it("never repeats a login, nor what would move the cursor", async () => {
    const line = "fakesrc ! rtsp://user:secret@host/a\u001b[2J ! fakesink";
    const { stdout } = await slipstream(["lint", "--target", "t4", "--launch", line]);
    assert.match(stdout, /rtsp:\/\/\*\*\*@host\/a\?/);
    assert.ok(!stdout.includes("secret") && !stdout.includes("\u001b"), stdout);
  });

  it("ends with 0 for notices, even if it is asked to be strict", async () => {
    const place = await mkdtemp(join(directory, "notices-"));
    await writeFile(
      join(place, "config_infer.txt"),
      "[property]\nmodel-engine-file=a.engine\nnum-detected-classes=1\nlabelfile-path=labels.txt\ncolour=red\n",
    );
    await writeFile(join(place, "labels.txt"), "a\n");
    // nvinfer takes a TensorRT engine alone, so that a file is right by itself that is none of a bundle.
    const file = join(place, "config_infer.txt");
    const args = ["lint", "--target", "t4", "--bundle", file, "--strict"];
    const { status, stdout } = await slipstream(args);
    assert.match(stdout, /yes: 1 notice$/m);
    assert.match(stdout, /^notice +config_infer\.txt:5 +unknown-key$/m);
    assert.equal(status, 0);
  });

  it("ends with 1 for warnings too if it is asked to be strict", async () => {
    const { status } = await slipstream([
      "lint",
      "--strict",
      "--target",
      "t4",
      "--launch",
      "acmewaterpainter",
    ]);
    assert.equal(status, 1);
  });

  const UNREADABLE: readonly [string, readonly string[], RegExp][] = [
    ["no directory", ["--bundle", "/does/not/exist"], /file-missing/],
    ["no file", ["--spec", "/does/not/exist.json"], /file-missing/],
    ["a directory for a file", ["--spec", "/tmp"], /file-unreadable/],
    ["a device for a file", ["--spec", "/dev/zero"], /file-unreadable/],
  ];
  for (const [name, args, says] of UNREADABLE) {
    it(`tells ${name} as one problem`, async () => {
      const { status, stdout, stderr } = await slipstream(["lint", "--target", "t4", ...args]);
      assert.match(stdout, says);
      assert.match(stdout, /no: 1 error$/m);
      assert.equal(stderr, "");
      assert.equal(status, 1);
    });
  }

  it("tells input that is no text, or without end, as one problem", async () => {
    for (const input of ["a\0b", "x ! ".repeat(400_000)]) {
      const { status, stdout, stderr } = await slipstream(["lint", "--launch", "-"], input);
      assert.match(stdout, /not-text|file-too-large/);
      assert.equal(stderr, "");
      assert.equal(status, 1);
    }
  });
});
