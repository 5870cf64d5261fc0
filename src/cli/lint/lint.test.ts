import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Catalogue } from "../../common/catalogue/catalogue.js";
import { loadCatalogue } from "../../common/catalogue/load.js";
import {
  type AnyTarget,
  findRelease,
  findTarget,
  idsOfAll,
} from "../../common/catalogue/targets.js";
import { hasErrors, type Problem } from "../../common/problem.js";
import { CODES } from "../../common/problem-codes.js";
import { readBundle } from "./bundle/bundle.js";
import { OnnxError, readOnnx } from "./bundle/onnx.js";
import { BUNDLE_TABLE, CASCADE_TABLE } from "./corpus/bundle-table.js";
import { BUNDLES } from "./corpus/bundles.js";
import { LAUNCH_LINES } from "./corpus/launch-lines.js";
import { LAUNCH_RIGHT } from "./corpus/launch-right.js";
import { LAUNCH_WRONG } from "./corpus/launch-wrong.js";
import type { LintCase } from "./corpus/lint-case.js";
import { onnxFile } from "./corpus/onnx-file.js";
import { SPECS } from "./corpus/specs.js";
import { parseLaunchLine } from "./launch/parse.js";
import { lint } from "./lint.js";
import { parseSpec } from "./spec/parse.js";
import { displayPlace } from "./verdicts.js";

const CORPUS = { LAUNCH_RIGHT, LAUNCH_WRONG, BUNDLES, SPECS };

let catalogue: Catalogue;
let directory: string;

before(async () => {
  catalogue = await loadCatalogue();
  directory = await mkdtemp(join(tmpdir(), "lint-"));
});
after(() => rm(directory, { recursive: true }));

for (const [name, cases] of Object.entries(CORPUS)) {
  describe(`the linter on ${name.toLowerCase().replace("_", " ")}`, () => {
    for (const one of cases) {
      it(`reports what is wrong with ${one.name}`, async () => {
        const messages: string[] = [];
        for (const [targets, expected] of Object.entries(one.on)) {
          for (const id of targets.split(" ")) {
            const problems = await problemsOf(one, target(id));
            messages.push(...problems.map(({ message }) => message));
            const found = problems.map((one) => `${one.code} ${displayPlace(one)}`);
            assert.deepEqual(
              found.sort(),
              [...expected].sort(),
              `on ${id}: ${messages.join("\n")}`,
            );
          }
        }
        if (one.says !== undefined) {
          assert.ok(
            messages.some((message) => one.says?.test(message)),
            messages.join("\n"),
          );
        }
        assert.ok(messages.every((message) => !message.includes("secret")));
      });
    }
  });
}

for (const [verdict, targets, line] of LAUNCH_LINES) {
  it(`says that it ${verdict} on ${targets}: ${line}`, () => {
    const { launch, problems } = parseLaunchLine(line);
    for (const id of targets.split(" ")) {
      const found = [...problems, ...lint({ launch }, target(id), catalogue)];
      const messages = found.map(({ message }) => message).join("\n");
      assert.equal(hasErrors(found) ? "fails" : "runs", verdict, `on ${id}: ${messages}`);
    }
  });
}

it("does not throw on text that is cut off anywhere", () => {
  const on = target("nano");
  const longest = 2000;
  for (const { launch = "", spec } of [...LAUNCH_RIGHT, ...LAUNCH_WRONG, ...SPECS]) {
    const text = typeof spec === "object" ? JSON.stringify(spec) : (spec ?? "");
    for (let end = 0; end < Math.min(launch.length, longest); end += 7) {
      lint({ launch: parseLaunchLine(launch.slice(0, end)).launch }, on, catalogue);
    }
    for (let end = 0; end < Math.min(text.length, longest); end += 7) {
      lint({ spec: parseSpec(text.slice(0, end), "spec.json").spec }, on, catalogue);
    }
  }
});

it("does not throw on a network that is cut off anywhere or has damaged bytes", () => {
  const bytes = Buffer.from(onnxFile({ opset: 13, batch: 2, weightBytes: 300 }));
  const read = (content: Buffer): void => {
    try {
      readOnnx((offset, length) => content.subarray(offset, offset + length), content.length);
    } catch (error) {
      assert.ok(error instanceof OnnxError, String(error));
    }
  };
  for (let i = 0; i < bytes.length; i++) {
    read(bytes.subarray(0, i));
    for (const value of [0, 0x7f, 0xff]) {
      const damaged = Buffer.from(bytes);
      damaged[i] = value;
      read(damaged);
    }
  }
});

/** Reported by the command alone, and covered by its tests. */
const OF_THE_COMMAND = [
  ...["wrong-setting", "secret-missing", "output-open", "never-on"],
  ...["wrong-document", "not-text"],
];

it("has a case for every code", () => {
  const expected = Object.values(CORPUS)
    .flat()
    .flatMap(({ on }) => Object.values(on).flat())
    .map((line) => line.split(" ")[0]);
  const inTable = BUNDLE_TABLE.flatMap((one) => Object.values(one.expected).flat());
  const ofCascades = CASCADE_TABLE.flatMap((one) => one.expected);
  expected.push(...[...inTable, ...ofCascades].map((line) => line.split(" ")[1]));
  const missing = Object.keys(CODES).filter(
    (code) => ![...expected, ...OF_THE_COMMAND].includes(code),
  );
  assert.deepEqual(missing, []);
});

it("names the bundle of each model behind the first", async () => {
  const place = new URL("../../../../models/object-colour", import.meta.url).pathname;
  const { bundle } = await readBundle(place, catalogue);
  assert.ok(bundle !== undefined);
  const ofFile = { ...bundle, files: new Map() };
  const found = lint(
    { otherBundles: [{ name: "colour", bundle: ofFile }] },
    target("cpu"),
    catalogue,
  );
  assert.ok(found.length > 0);
  for (const one of found) assert.match(displayPlace(one), /^colour\/config_infer\.txt/);
});

it("finds nothing wrong with the bundles that ship", async () => {
  for (const name of ["nanodet-coco", "ssd-street"]) {
    const place = new URL(`../../../../models/${name}`, import.meta.url).pathname;
    const { bundle, problems } = await readBundle(place, catalogue);
    assert.ok(bundle !== undefined);
    for (const id of idsOfAll(catalogue.targets)) {
      assert.deepEqual([...problems, ...lint({ bundle }, target(id), catalogue)], []);
    }
  }
});

function target(id: string): AnyTarget {
  const [release = "", platform] = id.split("/");
  const found =
    platform === undefined
      ? findTarget(catalogue.targets, id)
      : findRelease(catalogue.targets, release, platform);
  assert.ok(found.t === "target", id);
  return found.target;
}

async function problemsOf(one: LintCase, on: AnyTarget): Promise<readonly Problem[]> {
  const { launch, spec } = one;
  const text = typeof spec === "object" ? JSON.stringify(spec) : spec;
  const readings = {
    launch: launch === undefined ? undefined : parseLaunchLine(launch),
    spec: text === undefined ? undefined : parseSpec(text, "spec.json"),
    bundle: one.bundle === undefined ? undefined : await writeAndRead(one.bundle),
  };
  const subject = {
    launch: readings.launch?.launch,
    spec: readings.spec?.spec,
    bundle: readings.bundle?.bundle,
  };
  const found = Object.values(readings).flatMap((reading) => reading?.problems ?? []);
  return [...found, ...lint(subject, on, catalogue)];
}

async function writeAndRead(files: NonNullable<LintCase["bundle"]>) {
  const place = await mkdtemp(join(directory, "bundle-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content);
  const yaml = Object.keys(files).find((name) => /\.ya?ml$/.test(name));
  return readBundle(yaml === undefined ? place : join(place, yaml), catalogue);
}
