// The command line as an archive of npm: complete, and without what only this repository needs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";

describe("the archive of npm pack", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "slipstream-pack-"));
    const pack = ["pack", "--ignore-scripts", "--pack-destination", folder];
    execFileSync("npm", pack, { stdio: "ignore" });
    const [archive = ""] = readdirSync(folder);
    execFileSync("tar", ["-xzf", join(folder, archive), "-C", folder]);
    // In place of an installation, which would need a registry.
    symlinkSync(resolve("node_modules"), join(folder, "package/node_modules"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function slipstream(...args: string[]): string {
    const manifest = readFileSync(join(folder, "package/package.json"), "utf8");
    const { bin } = JSON.parse(manifest) as { bin: { slipstream: string } };
    const program = join(folder, "package", bin.slipstream);
    assert.match(readFileSync(program, "utf8"), /^#!\/usr\/bin\/env node\n/);
    return execFileSync(process.execPath, [program, ...args], { encoding: "utf8" });
  }

  it("has a program that knows every command", () => {
    const help = slipstream("--help");
    for (const command of readFileSync("docs/command-line.md", "utf8").matchAll(
      /^\| `([a-z-]+)`/gm,
    )) {
      assert.match(help, new RegExp(`^  ${command[1]} `, "m"));
    }
    assert.match(slipstream("version"), /^slipstream \d/);
    assert.match(slipstream("settings", "schema"), /^\{/);
    assert.match(slipstream("completion", "bash"), /complete .* slipstream/);
  });

  it("reads the catalogue that it carries", () => {
    const args = ["lint", "--launch", "videotestsrc ! fakesink", "--target", "t4"];
    assert.match(slipstream(...args), /t4/);
  });

  it("holds no test and nothing of the agent", () => {
    const files = execFileSync(
      "find",
      [join(folder, "package"), "-name", "*.js", "-not", "-path", "*/node_modules/*"],
      {
        encoding: "utf8",
      },
    );
    assert.doesNotMatch(files, /\.test\.js|\/testing\/|\/corpus\/|\/dist\/src\/agent\//);
  });
});
