// A copy of the package in a folder of its own, where tests run make targets against stand-ins for `hzn` and `docker`.

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

/** What the stand-in for Docker says that every image has. */
export const DIGEST = "f".repeat(64);

/** Notes what it is told and the last file that it was given; what the Exchange has is the file `published`. */
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

export interface Desk {
  readonly folder: string;
  readonly make: (...args: string[]) => Promise<{ code: number; out: string; err: string }>;
  readonly calls: () => string[];
  /** What the last command was given by -f. */
  readonly file: () => Record<string, unknown>;
  readonly record: string;
  /** What `hzn` was given by -f since the last time, by file, where the stand-in kept it as `given-FILE`. */
  readonly takeGiven: () => Record<string, unknown>;
  readonly remove: () => void;
}

/**
 * What is written lies in the desk's own folder; the rest of the repository is linked.
 *
 * @param variables of the environment that make runs in
 */
export function makeDesk(
  programs: Readonly<Record<string, string>> = { hzn: HZN, docker: DOCKER },
  variables: Readonly<Record<string, string>> = {},
): Desk {
  const folder = mkdtempSync(join(tmpdir(), "desk-"));
  for (const name of [
    "service.definition.json",
    "hzn.json",
    "deployment.policy.json",
    "horizon",
    "package.json",
  ]) {
    cpSync(name, join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  // None of a release's: a new one changes no test.
  for (const [name, key] of [
    ["package.json", "version"],
    ["horizon/hzn.json", "SERVICE_VERSION"],
  ] as const) {
    const text = readFileSync(join(folder, name), "utf8");
    const replaced = text.replace(new RegExp(`^( +"${key}": ")[^"]*`, "m"), "$10.1.0");
    writeFileSync(join(folder, name), replaced);
  }
  // dist/src/fleet/publish/testing/workspace.js
  symlinkSync(resolve(import.meta.dirname, "../../../.."), join(folder, "dist"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  // Stands for the Makefile, whose set-up is done where tests run.
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
  const make: Desk["make"] = (...args) =>
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
