// `make verify-hub`: does on the hub that the environment names what a user does on the first day, under names of its own, and
// prints the outcome of each step. It removes what it made there.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { environment } from "../../common/environment.js";
import { printLine } from "../../common/terminal.js";
import { type Outcome, outcomeTable } from "./outcomes.js";
import { Recorder } from "./recorder.js";
import {
  EXCHANGE_NODE,
  EXCHANGE_NODE_POLICY,
  type Hub,
  hubFromEnvironment,
  type MakeResult,
  NAME,
  NODE,
  request,
  runningStatus,
  temporaryFolder,
  VerifyWorkspace,
} from "./verify-workspace.js";

const [OLD, NEW, SECRET] = ["1.0.0", "1.1.0", "1.2.0"];
const BOTH = ["amd64", "arm64"] as const;
const OBJECT = NAME;
const SECRET_NAME = NAME;

/** Thrown by a step that finds that it cannot be done. */
class NotTried extends Error {}

const found = hubFromEnvironment(environment);
const exchange = await Recorder.start({ target: new URL(found.exchange).origin, ca: found.ca });
const css =
  found.css === undefined ? undefined : await Recorder.start({ target: found.css, ca: found.ca });
const hub: Hub = {
  ...found,
  exchange: `${exchange.url}${new URL(found.exchange).pathname}`,
  css: css?.url,
};
const workspace = new VerifyWorkspace(hub, found.hzn);
const outcomes: Outcome[] = [];
/** Set once a step failed that all later ones depend on. */
let isBroken = false;

try {
  await step("a node in the Exchange", async () => {
    await register();
    await runs(OLD);
  });
  await step("publish", async () => {
    for (const arch of BOTH) await make("publish", `ARCH=${arch}`, `SERVICE_VERSION=${OLD}`);
  });
  await step("publish again: left alone", async () => {
    const { err } = await make("publish-service", "ARCH=amd64", `SERVICE_VERSION=${OLD}`);
    expect(err, /is already published with this content/);
  });
  await step("publish-pattern", () => make("publish-pattern", `SERVICE_VERSION=${OLD}`));
  await step("a new version beside it", async () => {
    for (const arch of BOTH) {
      const targets = ["publish-service", "publish-service-policy"];
      await make(...targets, `ARCH=${arch}`, `SERVICE_VERSION=${NEW}`);
    }
  });
  await step("canary", async () => {
    const { out } = await make("canary", `VERSION=${NEW}`, "CONFIRM=yes");
    expect(out, new RegExp(`nodes moving from ${OLD} to ${NEW}: 1`));
  });
  await step("promote, too early: refused", () => refused("promote", "RING=all", "CONFIRM=yes"));
  await step("fleet-status", async () => {
    await runs(NEW);
    const { out } = await make("fleet-status", "PROVEN_AFTER=0");
    expect(out, new RegExp(`^1 +${NEW.replaceAll(".", "\\.")} +1 `, "m"));
  });
  await step("promote", async () => {
    const { out } = await make("fleet-status", "PROVEN_AFTER=0");
    // Only the reports of real nodes prove a version; this node is just an entry.
    if (!/^ring .*\bproven\b/m.test(out)) throw new NotTried("no node has proven the version");
    await make("promote", "RING=all", "PROVEN_AFTER=0", "CONFIRM=yes");
  });
  await step("rollback", () => make("rollback", "CONFIRM=yes"));
  await optionalStep("settings: publish, list, remove", "HZN_FSS_CSSURL", hub.css, async () => {
    const settings = ["FILE=settings.json", `OBJECT=${OBJECT}`];
    await make("publish-settings", ...settings, "ROLLOUT_RINGS=<= 1");
    listed("slipstream-settings", OBJECT);
    await make("remove-settings", `OBJECT=${OBJECT}`);
  });
  await optionalStep("model: publish, list, remove", "HZN_FSS_CSSURL", hub.css, async () => {
    const model = "nanodet-coco-0.0.1";
    const folder = temporaryFolder();
    try {
      const archive = join(folder.path, "model.tar.gz");
      const cli = join(workspace.folder, "dist/src/cli/main.js");
      const pack = ["model", "pack", "models/nanodet-coco", "-o", archive, "--version", "0.0.1"];
      execFileSync(process.execPath, [cli, ...pack], { stdio: "ignore" });
      await make("publish-model", `MODEL=${archive}`, "ROLLOUT_RINGS=<= 1");
    } finally {
      folder.remove();
    }
    listed("slipstream-model", model);
    await make("remove-model", `OBJECT=${model}`);
  });
  await optionalStep("secrets: add, publish, bind", "HZN_AGBOT_URL", hub.agbot, async () => {
    hzn("secretsmanager", "secret", "add", "-O", "--secretKey", "me", "-d", "word", SECRET_NAME);
    const secrets = `SECRETS=cam-login=${SECRET_NAME}`;
    for (const arch of BOTH) {
      const targets = ["publish-service", "publish-service-policy"];
      await make(...targets, `ARCH=${arch}`, `SERVICE_VERSION=${SECRET}`, secrets);
    }
    // Removes the first policy or the second, whichever the rollback has left.
    await make("remove-deployment-policy");
    for (let turn = 0; turn < 5; turn++) {
      const policy = ["publish-deployment-policy", `SERVICE_VERSION=${SECRET}`, secrets];
      const { out, err } = await make(...policy);
      if (/not required|does not exist|could not/i.test(`${out}${err}`)) {
        throw new Error(`hzn does not accept the binding: ${out}${err}`);
      }
    }
  });
} finally {
  await cleanUp();
  workspace.remove();
  await exchange.stop();
  await css?.stop();
}
printLine(outcomeTable(outcomes));
if (outcomes.some(({ t }) => t === "failed")) process.exitCode = 1;

async function register(): Promise<void> {
  for (const [method, path, body] of [
    ["PUT", "", EXCHANGE_NODE],
    ["PUT", "/policy", EXCHANGE_NODE_POLICY],
  ] as const) {
    await must(method, `nodes/${NODE}${path}`, body);
  }
}

/** Sends a status that says that the node runs a version, and a heartbeat. */
async function runs(version: string): Promise<void> {
  await must("PUT", `nodes/${NODE}/status`, runningStatus(hub.org, version, Date.now()));
  await must("POST", `nodes/${NODE}/heartbeat`, undefined);
}

async function must(method: string, path: string, body: unknown): Promise<void> {
  const { status, text } = await request(hub, method, path, body);
  if (status !== 201) throw new Error(`${method} ${path}: ${status} ${text}`);
}

async function make(...args: string[]): Promise<MakeResult> {
  const result = await workspace.make(...args);
  if (result.code !== 0) throw new Error(`make ${args.join(" ")}: ${result.err.trim()}`);
  return result;
}

async function refused(...args: string[]): Promise<void> {
  const { code, err } = await workspace.make(...args);
  if (code === 0) throw new Error(`make ${args.join(" ")} was not refused`);
  expect(err, /not promoted/);
}

function hzn(...args: string[]): string {
  return execFileSync(found.hzn, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Here `hzn` asks the hub directly, as for its user. */
function listed(type: string, id: string): void {
  expect(hzn("mms", "object", "list", "-t", type, "-i", id), new RegExp(`"objectID": "${id}"`));
}

function expect(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`expected ${pattern} in: ${text.trim()}`);
}

/** A step that all later ones depend on. */
async function step(name: string, run: () => Promise<unknown>): Promise<void> {
  await record(name, run);
  isBroken ||= outcomes.at(-1)?.t === "failed";
}

/** A step that needs a variable, and that no other one depends on. */
async function optionalStep(
  name: string,
  variable: string,
  value: string | undefined,
  run: () => Promise<unknown>,
): Promise<void> {
  await record(name, () => {
    if (value === undefined) throw new NotTried(`${variable} is not set`);
    return run();
  });
}

async function record(name: string, run: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  const note = (t: Outcome["t"], detail: string) =>
    outcomes.push({ t, name, seconds: (performance.now() - startedMs) / 1000, detail });
  try {
    if (isBroken) throw new NotTried("an earlier step failed");
    process.stderr.write(`${name} ...\n`);
    await run();
    note("ok", "");
  } catch (error) {
    const { message } = error as Error; // As this file and execFileSync throw.
    note(error instanceof NotTried ? "not tried" : "failed", message);
  }
}

async function cleanUp(): Promise<void> {
  await workspace.make("remove-deployment-policy");
  await workspace.make("remove-pattern");
  for (const version of [OLD, NEW, SECRET]) {
    for (const arch of BOTH) await request(hub, "DELETE", `services/${NAME}_${version}_${arch}`);
  }
  await request(hub, "DELETE", `nodes/${NODE}`);
  if (hub.css !== undefined) {
    await workspace.make("remove-settings", `OBJECT=${OBJECT}`);
    await workspace.make("remove-model", "OBJECT=nanodet-coco-0.0.1");
  }
  if (hub.agbot === undefined) return;
  try {
    hzn("secretsmanager", "secret", "remove", "-f", SECRET_NAME);
  } catch {
    // It was never added.
  }
}
