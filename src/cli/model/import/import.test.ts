import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { folder } from "../../../common/bundle/testing/folder.js";
import { recordingTerminal } from "../../../common/testing/recording-terminal.js";
import { modelCommand } from "../command.js";

const ROOT = fileURLToPath(new URL("../../../../../", import.meta.url));
const MAKE = join(ROOT, "test/networks/detector.py");

interface Described {
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** A file that holds the weights. */
  readonly external?: string;
}

/** A network of this form, in which the first cell has a box in the middle of the frame. */
function network(directory: string, described: Described): string {
  const file = join(directory, "mine.onnx");
  execFileSync(join(ROOT, ".venv/bin/python"), [MAKE, file, JSON.stringify(described)]);
  return file;
}

async function importing(t: TestContext, described: Described, ...args: string[]) {
  const directory = folder(t);
  const file = network(directory, described);
  const output = join(directory, "bundle");
  const { terminal, result } = recordingTerminal();
  const command = ["import", file, "--output", output, ...args];
  await modelCommand(terminal).parseAsync(command, { from: "user" });
  return { ...result, directory, output };
}

const YOLO = {
  inputs: { images: [1, 3, 64, 64] },
  outputs: { output0: [1, 6, 84] },
  metadata: { names: "{0: 'person', 1: 'car'}", task: "detect" },
};

test("a YOLO11 becomes a bundle that finds its box, and a picture shows it", async (t) => {
  const source = join(ROOT, "footage/demo.mp4");
  const png = join(folder(t), "seen.png");
  const found = await importing(t, YOLO, "--try", source, "--png", png);
  assert.equal(found.err, "");
  assert.match(found.out, /family +YOLOv8, v9, 11 or 12: output0 is 6 x 84: 4 \+ 2 columns/);
  assert.match(found.out, /input +64x64, any number of frames at once/);
  assert.match(found.out, /found +1 car: /);
  assert.match(found.out, /nano +TensorRT 8\.2\.1 +every operator +runs/);
  assert.deepEqual(readFileSync(png).subarray(1, 4).toString(), "PNG");
  assert.equal(readFileSync(join(found.output, "labels.txt"), "utf8"), "person\ncar\n");
});

test("what a network needs beside the frame, and cannot be told by nvinfer, becomes a part of it", async (t) => {
  const found = await importing(
    t,
    {
      inputs: { images: [1, 3, 64, 64], orig_target_sizes: [1, 2] },
      outputs: { labels: [1, 9], boxes: [1, 9, 4], scores: [1, 9] },
      metadata: { names: "{0: 'person', 1: 'car'}" },
    },
    "--normalise",
    "imagenet",
  );
  assert.equal(found.err, "");
  assert.match(found.out, /changed +its input orig_target_sizes is the constant \[\[64, 64\]\]/);
  assert.match(found.out, /changed +it normalises each channel by itself/);
  assert.match(
    readFileSync(join(found.output, "config_infer.txt"), "utf8"),
    /net-scale-factor=1\n/,
  );
});

test("a network of any size is fitted to the one that is given", async (t) => {
  const described = {
    inputs: { images: ["n", 3, "h", "w"] },
    outputs: { output0: ["n", 6, "cells"] },
    metadata: YOLO.metadata,
  };
  const asked = await importing(t, described);
  assert.match(asked.err, /frames of any size \(images nx3xnxn\).* give --size, such as 640x640/);
  assert.equal(existsSync(asked.output), false);
});

test("what the outputs do not tell is asked for by the names of the options, all at once", async (t) => {
  const described = {
    ...YOLO,
    outputs: { num_dets: [1, 1], det_boxes: [1, 9, 4], det_scores: [1, 9], det_classes: [1, 9] },
  };
  const asked = await importing(t, described);
  assert.match(
    asked.err,
    /give --normalise 0-1\|0-255\|-1-1\|imagenet and --colour rgb\|bgr and --fit/,
  );
  assert.equal(asked.exit, 1);
  assert.equal(existsSync(asked.output), false);
  const given = ["--normalise", "0-1", "--colour", "rgb", "--fit", "centre"];
  assert.equal((await importing(t, described, ...given)).err, "");
});

test("an import that fails leaves nothing behind", async (t) => {
  const refused = await importing(t, YOLO, "--family", "detectnet");
  assert.match(
    refused.err,
    /does not fit SlipstreamDetectNet: it needs .*; the network's outputs are output0/,
  );
  assert.equal(existsSync(refused.output), false);
});

const REFUSED: readonly (readonly [string, Described, RegExp, ...string[]])[] = [
  [
    "two frames",
    { ...YOLO, inputs: { a: [1, 3, 64, 64], b: [1, 3, 64, 64] } },
    /it has 2 inputs \(a 1x3x64x64, b/,
  ],
  [
    "a fixed batch of four",
    { ...YOLO, inputs: { images: [4, 3, 64, 64] } },
    /takes exactly 4 frames at once/,
  ],
  [
    "one channel",
    { ...YOLO, inputs: { images: [1, 1, 64, 64] } },
    /with 1 channels; an import wants 3/,
  ],
  [
    "a classifier",
    { outputs: { logits: [1, 2] }, metadata: YOLO.metadata },
    /a classifier, which finds no boxes/,
  ],
  [
    "weights outside",
    { ...YOLO, external: "../weights.bin" },
    /weights in \.\.\/weights\.bin, outside its directory/,
  ],
  [
    "weights elsewhere",
    { ...YOLO, external: "weights.bin" },
    /weights in weights\.bin, which is not beside it/,
  ],
  ["no labels", { outputs: YOLO.outputs }, /--labels: the network's metadata has no names/],
  ["an unknown family", YOLO, /no family yolov80; did you mean yolov8\?/, "--family", "yolov80"],
  [
    "an unknown option",
    YOLO,
    /--fit: middle is none of centre, corner, stretch/,
    "--fit",
    "middle",
  ],
];

for (const [name, described, why, ...args] of REFUSED) {
  test(`an import is refused with what was found and expected: ${name}`, async (t) => {
    const refused = await importing(t, described, ...args);
    assert.match(refused.err, why);
    assert.equal(refused.exit, 1);
    assert.equal(existsSync(refused.output), false);
  });
}

test("weights behind a link that leaves the directory are refused", async (t) => {
  const directory = folder(t);
  const file = network(directory, { ...YOLO, external: "weights.bin" });
  symlinkSync("/etc/passwd", join(directory, "weights.bin"));
  const { terminal, result } = recordingTerminal();
  await modelCommand(terminal).parseAsync(["import", file, "-o", join(directory, "b")], {
    from: "user",
  });
  assert.match(result.err, /weights\.bin, a link to a file outside its directory/);
});

test("a network whose outputs have no batch runs on engine cpu, and on no board", async (t) => {
  const { out, err } = await importing(t, {
    ...YOLO,
    outputs: { boxes: ["found", 4], labels: ["found"], scores: ["found"] },
  });
  assert.equal(err, "");
  assert.match(out, /family +a detector of torchvision/);
  assert.match(out, /engine cpu +[\d.]+ ms an inference/);
  assert.match(out, /engine deepstream +it does not run: the output boxes nx4 has no batch/);
  assert.match(out, /nano +TensorRT 8\.2\.1 +every operator +does not run/);
});

test("labels that read otherwise than the network's own are told", async (t) => {
  const labels = join(folder(t), "labels.txt");
  writeFileSync(labels, "person\nvan\n");
  const { out } = await importing(t, YOLO, "--labels", labels);
  assert.match(out, /labels +class 1 is van, and the network's metadata says car/);
});

test("a network that is cut short is refused", async (t) => {
  const directory = folder(t);
  const file = network(directory, YOLO);
  truncateSync(file, 300);
  const { terminal, result } = recordingTerminal();
  await modelCommand(terminal).parseAsync(["import", file, "-o", join(directory, "b")], {
    from: "user",
  });
  assert.match(result.err, /mine\.onnx: it is cut short/);
});

test("labels of another number than the network's are refused", async (t) => {
  const labels = join(folder(t), "labels.txt");
  writeFileSync(labels, "a\nb\nc\n");
  const described = { inputs: YOLO.inputs, outputs: YOLO.outputs };
  const refused = await importing(t, described, "--labels", labels);
  assert.match(refused.err, /those of 2 classes, and there are 3 labels/);
});
