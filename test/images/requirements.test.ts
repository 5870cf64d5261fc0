// Every list of Python packages can be downloaded with its dependencies for the Python of the real images.
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

/** Platform tags by the image's C library: 2.27 in Ubuntu 18.04, 2.35 in Ubuntu 22.04. */
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
  test(`${list}.txt and the matching gRPC tools exist for Python ${python}`, async (t) => {
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
