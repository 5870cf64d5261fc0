// A copy of the package in a temporary folder, where tests run make targets with scripts in place of `hzn` and `docker`.

import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The digest that the script for Docker prints for every image. */
export const DIGEST = "f".repeat(64);

/** Records its arguments and the last file that it was given; the file `published` is what the Exchange has. */
export const HZN = `#!/bin/sh
echo "$*" >>"$RECORD/calls"
case "$*" in
"exchange deployment listpolicy "*) exit 8 ;;
"exchange service list "*) [ -e "$RECORD/published" ] || exit 8; cat "$RECORD/published" ;;
*" -f "*) for word; do [ "$last" = -f ] && cp "$word" "$RECORD/file"; last=$word; done ;;
esac
`;

export const DOCKER = `#!/bin/sh
echo "docker $*" >>"$RECORD/calls"
for word; do last=$word; done
case "$*" in "image inspect "*image.version*) echo "\${last##*:}"; exit ;; esac
[ "$1 $2" != "image inspect" ] || echo "\${last%:*}@sha256:${DIGEST}"
`;

const GIVEN = "given-";

export interface TestWorkspace {
  readonly folder: string;
  readonly make: (...args: string[]) => Promise<{ code: number; out: string; err: string }>;
  readonly calls: () => string[];
  /** The content of the last file that a command was given with -f. */
  readonly file: () => Record<string, unknown>;
  readonly record: string;
  /** The files that `hzn` was given with -f since the last call, if its script keeps them as `given-FILE`. */
  readonly takeGiven: () => Record<string, unknown>;
  readonly remove: () => void;
}

/**
 * Files that are written are copies in the workspace; the rest of the repository is linked.
 *
 * @param variables of the environment that make runs in
 */
export function makeTestWorkspace(
  programs: Readonly<Record<string, string>> = { hzn: HZN, docker: DOCKER },
  variables: Readonly<Record<string, string>> = {},
): TestWorkspace {
  const folder = mkdtempSync(join(tmpdir(), "workspace-"));
  for (const name of [
    "service.definition.json",
    "hzn.json",
    "deployment.policy.json",
    "horizon",
    "setup",
    "package.json",
  ]) {
    cpSync(name, join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  // A version that no release has, so that a new release changes no test.
  for (const [name, key] of [
    ["package.json", "version"],
    ["horizon/hzn.json", "SERVICE_VERSION"],
  ] as const) {
    const text = readFileSync(join(folder, name), "utf8");
    const replaced = text.replace(new RegExp(`^( +"${key}": ")[^"]*`, "m"), "$10.1.0");
    writeFileSync(join(folder, name), replaced);
  }
  // dist/src/fleet/publish/testing/test-workspace.js
  symlinkSync(resolve(import.meta.dirname, "../../../.."), join(folder, "dist"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  // Replaces the Makefile: tests run after its set-up.
  writeFileSync(
    join(folder, "Makefile"),
    "include horizon/horizon.mk\n.PHONY: build/typescript\nbuild/typescript:\n",
  );
  const record = join(folder, "record");
  mkdirSync(record);
  const env = {
    ...variables,
    PATH: `${bin}:${join(process.execPath, "..")}:/usr/bin:/bin`,
    HOME: folder,
    RECORD: record,
  };
  const make: TestWorkspace["make"] = (...args) =>
    new Promise((done) => {
      execFile(
        "make",
        ["--no-print-directory", ...args],
        { cwd: folder, env },
        (error, out, err) => {
          done({ code: Number(error?.code ?? 0), out, err });
        },
      );
    });
  return {
    folder,
    record,
    takeGiven: () => {
      const names = readdirSync(record).filter((name) => name.startsWith(GIVEN));
      return Object.fromEntries(
        names.sort().map((name) => {
          const value: unknown = JSON.parse(readFileSync(join(record, name), "utf8"));
          rmSync(join(record, name));
          return [name.slice(GIVEN.length), value];
        }),
      );
    },
    remove: () => rmSync(folder, { recursive: true }),
    make,
    calls: () => readFileSync(join(record, "calls"), "utf8").trim().split("\n"),
    file: () => JSON.parse(readFileSync(join(record, "file"), "utf8")),
  };
}
