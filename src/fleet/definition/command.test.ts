import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { definitionCommand } from "./command.js";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "definition-"));
  mkdirSync(join(folder, "horizon"));
  write(
    "horizon/hzn.json",
    '{"HZN_ORG_ID": "myorg", "MetadataVars": {"SERVICE_VERSION": "1.0.0"}}',
  );
});
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function run(...args: string[]): Promise<{ out: string; err: string; exit: number }> {
  const result = { out: "", err: "", exit: 0 };
  const command = definitionCommand({
    environment: { IMAGE: "agent" },
    out: (text) => {
      result.out += text.replaceAll(`${folder}/`, "");
    },
    err: (text) => {
      result.err += text.replaceAll(`${folder}/`, "");
    },
    exit: (code) => {
      result.exit = code;
    },
  });
  await command.parseAsync(["lint", ...args], { from: "user" });
  return result;
}

const good = `{"org": "$HZN_ORG_ID", "url": "slipstream", "version": "$SERVICE_VERSION", "arch": "$ARCH",
"deployment": {"services": {"agent": {"image": "\${IMAGE}_$ARCH:$SERVICE_VERSION"}}}}`;

describe("definition lint", () => {
  it("takes variables from the environment, from hzn.json, and the architecture from the argument", async () => {
    const file = write("good.json", good);
    for (const argument of [file, `arm64=${file}`]) {
      assert.deepEqual(await run(argument), { out: "", err: "", exit: 0 });
    }
    const { out } = await run(`mips=${file}`);
    assert.match(out, /^good\.json:1: arch: Horizon does not know 'mips'/);
  });

  it("exits with 1 on errors, and on warnings only where they are strict", async () => {
    const warned = write("warned.json", good.replace(":$SERVICE_VERSION", ""));
    assert.equal((await run(warned)).exit, 0);
    assert.equal((await run(warned, "--strict")).exit, 1);
    const broken = write("broken.json", good.replace("$SERVICE_VERSION", "v1"));
    assert.equal((await run(broken)).exit, 1);
  });

  it("prints the problems as JSON on request", async () => {
    const file = write("unset.json", good.replace("$HZN_ORG_ID", "$NOBODY"));
    const [finding] = JSON.parse((await run(file, "--json")).out);
    assert.deepEqual(finding, {
      severity: "error",
      code: "unset-variable",
      file: "unset.json",
      line: 1,
      path: "org",
      message: "the variable $NOBODY is not set, and hzn would replace it with nothing",
    });
  });

  it("reports every file that cannot be read, lints nothing, and exits with 2", async () => {
    const bad = write("bad.json", "{\n]");
    const { out, err, exit } = await run(bad, join(folder, "no.json"), write("broken.json", "{}"));
    assert.equal(out, "");
    assert.match(err, /^bad\.json:2: is not JSON: .*\nno\.json:1: does not exist\n$/);
    assert.equal(exit, 2);
  });
});
