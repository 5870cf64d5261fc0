// Publishes models and settings to nodes through the hub's Model Management Service, after the checks that a node would make.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { environment as env } from "../../common/environment.js";
import { MODEL_TYPE, SETTINGS_TYPE } from "../../common/hub/object.js";
import { printLine } from "../../common/terminal.js";
import { asObject } from "../json.js";
import { checkObject } from "../rollout/make-targets.js";
import { hzn, PublishError } from "./hzn.js";
import { writeObject } from "./package-files.js";

/** Each version of a model is an object of its own, so that a newer one for some rings takes nothing from the others. */
export async function publishModel(): Promise<void> {
  const file = required("MODEL", "an archive, as slipstream model pack makes it");
  const keys = env["MODEL_KEYS"] ? ["--keys", ...env["MODEL_KEYS"].split(/\s+/)] : [];
  await runCheck("model", "lint", file, ...keys);
  const { name, version } = await manifestOf(file);
  await publish(file, { type: MODEL_TYPE, id: `${name}-${version}`, version });
}

/** If several settings objects reach a node, the one that was published last counts there. */
export async function publishSettings(): Promise<void> {
  const file = required("FILE", "a settings document");
  await runCheck("settings", "lint", file);
  const id = env["OBJECT"] || "settings";
  if (!/^[\w.-]+$/.test(id)) {
    throw new PublishError(`OBJECT is "${id}"; letters, digits and . _ -`);
  }
  await publish(file, { type: SETTINGS_TYPE, id, version: env["OBJECT_VERSION"] ?? "" });
}

interface ObjectId {
  readonly type: string;
  readonly id: string;
  readonly version: string;
}

async function publish(file: string, { type, id, version }: ObjectId): Promise<void> {
  const hash = await sha256(file);
  await checkObject(type, hash, env);
  const definition = writeObject({
    ...env,
    // The service of a board gets what the others get.
    SERVICE_NAME: env["PACKAGE_NAME"],
    OBJECT_TYPE: type,
    OBJECT_ID: id,
    OBJECT_VERSION: version,
    OBJECT_SHA256: hash,
  });
  printLine(`${type} ${id} for slipstream.ring ${env["ROLLOUT_RINGS"]}`);
  await hzn("mms", "object", "publish", "-m", definition, "-f", file);
}

function required(name: string, what: string): string {
  const value = env[name];
  if (value) return value;
  throw new PublishError(`${name} is not set: ${what}`);
}

// dist/src/fleet/publish/objects.js
const CLI = join(import.meta.dirname, "../../cli/main.js");

/** Runs a command of the CLI in the terminal. What it refuses, a node would refuse: it is not published. */
function runCheck(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new PublishError("nothing was published"));
    });
  });
}

async function manifestOf(file: string): Promise<{ name: string; version: string }> {
  const args = [CLI, "model", "verify", "--json", file];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { name, version } = asObject(JSON.parse(stdout));
  return { name: String(name), version: String(version) };
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
