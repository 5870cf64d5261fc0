import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundle, FILES } from "../../common/bundle/testing/archives.js";
import { eventually } from "../../common/testing/eventually.js";
import { EssDouble } from "./testing/ess-double.js";
import { installModel } from "./testing/install-model.js";

const PROGRAM = fileURLToPath(new URL("testing/hub-process.js", import.meta.url));
const ROUNDS = 8;
const MB = 1024 * 1024;

async function agent(t: TestContext) {
  const ess = await EssDouble.start();
  const root = mkdtempSync(join(tmpdir(), "killed-"));
  t.after(async () => {
    await ess.stop();
    rmSync(root, { recursive: true, force: true });
  });
  const { socketPath, certificate, credentials } = ess.address;
  const start = () =>
    spawn(process.execPath, [PROGRAM, root, socketPath, certificate, credentials], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  return { ess, root, start };
}

test("whenever the agent is killed, what it has acknowledged as received is on the disk", async (t) => {
  const { ess, root, start } = await agent(t);
  const documents = () => {
    const path = join(root, "hub", "settings.json");
    return existsSync(path) ? JSON.stringify(JSON.parse(readFileSync(path, "utf8"))) : "";
  };
  for (let round = 0; round < ROUNDS; round++) {
    const version = `1.${round}.0`;
    const files = { ...FILES, "network.onnx": randomBytes(3 * MB) };
    const data = await bundle({ version, files });
    const text = Buffer.from(`text ${round}.`);
    const child = start();
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    child.stdout.resume();
    ess.publish({ type: "slipstream-settings", id: "site", data: text });
    ess.publish({ type: "slipstream-model", id: "street", data });
    // Waits for nothing: the kill comes at another moment in every round.
    await setTimeout(round * 25);
    child.kill("SIGKILL");
    await ended;

    if (ess.statusOf("slipstream-settings", "site") === "objreceived") {
      assert.ok(documents().includes(`text ${round}.`), `round ${round}`);
    }
    const model = join(root, "store", "street", version);
    if (ess.statusOf("slipstream-model", "street") === "objreceived") {
      assert.deepEqual(readdirSync(model).sort(), [...Object.keys(FILES), "manifest.json"].sort());
      assert.ok(readFileSync(join(model, "network.onnx")).equals(files["network.onnx"]));
    }
  }
  // The next agent completes what was left unfinished.
  const child = start();
  const ended = once(child, "exit");
  child.stdout.resume();
  const isDone = (type: string, id: string) => ess.statusOf(type, id) === "objreceived";
  await eventually(() => isDone("slipstream-settings", "site"), "the document is accepted");
  await eventually(() => isDone("slipstream-model", "street"), "the model is accepted");
  child.kill("SIGKILL");
  await ended;
  assert.ok(documents().includes(`text ${ROUNDS - 1}.`));
  assert.deepEqual(readdirSync(join(root, "hub", "incoming", "slipstream-model")), []);
  assert.ok(!readdirSync(join(root, "store")).some((name) => name.startsWith(".incoming")));
});

test("the agent needs no more memory for a larger model", async () => {
  const { growthBytes } = await installModel(128);
  assert.ok(growthBytes < 64 * MB, `${growthBytes} bytes`);
});
