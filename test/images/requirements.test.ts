// The lists of Python packages can be had, with all that they need, for the Python of the real images, which is not here.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import test from "node:test";
import { promisify } from "node:util";
import { temporaryDirectory } from "../support/scope.js";

const exec = promisify(execFile);

interface Image {
  readonly list: string;
  readonly python: string;
  readonly platforms: readonly string[];
}

/** Platforms by the C library of the image: 2.27 of Ubuntu 18.04, 2.35 of Ubuntu 22.04. */
const images: readonly Image[] = [
  { list: "nano", python: "3.6", platforms: ["manylinux2014_aarch64", "manylinux_2_17_aarch64"] },
  {
    list: "dgpu",
    python: "3.10",
    platforms: [
      "manylinux2014_x86_64",
      ...["2_5", "2_17", "2_27", "2_28"].map((version) => `manylinux_${version}_x86_64`),
    ],
  },
];

for (const { list, python, platforms } of images) {
  test(`${list}.txt and the tools of its gRPC are there for Python ${python}`, async (t) => {
    const file = `src/sidecar/requirements/${list}.txt`;
    const text = readFileSync(file, "utf8");
    const grpc = /^grpcio==(\S+)$/m.exec(text)?.[1] ?? "";
    const directory = await temporaryDirectory(t);
    await exec(".venv/bin/python", [
      ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", directory],
      ...["--only-binary=:all:", "--implementation", "cp", "--python-version", python],
      ...platforms.flatMap((platform) => ["--platform", platform]),
      ...["--requirement", file, `grpcio-tools==${grpc}`],
    ]);
    const wheels = await readdir(directory);
    const pins = [...text.matchAll(/^([a-z-]+)==(\S+)$/gm)];
    assert.ok(pins.length > 0);
    for (const [, name = "", version] of pins) {
      const start = `${name.replaceAll("-", "_")}-${version}-`;
      assert.ok(
        wheels.some((wheel) => wheel.startsWith(start)),
        `${start} is not among ${wheels.join(", ")}`,
      );
    }
  });
}
