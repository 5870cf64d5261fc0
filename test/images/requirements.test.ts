// Every lock file can be downloaded, with the hashes that it lists, for the Python and the platforms of its image.
import { execFile } from "node:child_process";
import test from "node:test";
import { promisify } from "node:util";
import { temporaryDirectory } from "../support/scope.js";

const exec = promisify(execFile);

interface Image {
  readonly folder: string;
  readonly python: string;
  readonly platforms: readonly string[];
}

/** Platform tags by the image's C library: 2.27 in Ubuntu 18.04, 2.35 in Ubuntu 22.04, 2.36 in Debian 12. */
const manylinux = (arch: string, ...versions: readonly string[]) => [
  `manylinux2014_${arch}`,
  ...versions.map((version) => `manylinux_${version}_${arch}`),
];
const images: readonly Image[] = [
  { folder: "nano", python: "3.6", platforms: manylinux("aarch64", "2_17") },
  { folder: "dgpu", python: "3.10", platforms: manylinux("x86_64", "2_5", "2_17", "2_27", "2_28") },
  { folder: "dgpu", python: "3.10", platforms: manylinux("aarch64", "2_17", "2_27", "2_28") },
  { folder: "cpu", python: "3.11", platforms: manylinux("x86_64", "2_5", "2_17", "2_27", "2_28") },
  { folder: "cpu", python: "3.11", platforms: manylinux("aarch64", "2_17", "2_27", "2_28") },
];

for (const { folder, python, platforms } of images) {
  for (const list of ["pip", "run", "build"]) {
    test(`${folder}/${list}.lock exists for Python ${python} and ${platforms[0]}`, async (t) => {
      await exec(".venv/bin/python", [
        ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check"],
        ...["--dest", await temporaryDirectory(t), "--no-deps", "--require-hashes"],
        ...["--implementation", "cp", "--python-version", python],
        ...platforms.flatMap((platform) => ["--platform", platform]),
        ...["--requirement", `src/sidecar/requirements/${folder}/${list}.lock`],
      ]);
    });
  }
}
