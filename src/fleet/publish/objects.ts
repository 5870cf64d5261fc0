// What goes to nodes through the hub's Model Management Service: models and settings, looked at first as a node would.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { MODEL_TYPE, SETTINGS_TYPE } from "../../common/hub/object.js";
import { isObject } from "../../common/json/document.js";
import { refuseUnprovenObject } from "../rollout/make-rollout.js";
import { hzn } from "./hzn.js";
import { PublishError } from "./publish.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Writes the object's definition, with these variables in it, and returns the file. */
export type ObjectWriter = (variables: Environment) => string;

/** A version of a model is an object of its own, so that a newer one for some rings takes nothing away from the others. */
export async function publishModel(env: Environment, write: ObjectWriter): Promise<void> {
  const file = given(env, "MODEL", "an archive, as slipstream model pack makes it");
  const keys = env["MODEL_KEYS"] ? ["--keys", ...env["MODEL_KEYS"].split(/\s+/)] : [];
  await looked("model", "lint", file, ...keys);
  const { name, version } = await manifestOf(file);
  const object = { type: MODEL_TYPE, id: `${name}-${version}`, version };
  await publish(file, object, env, write);
}

/** Of several settings objects that come to a node, the one that was published last counts there. */
export async function publishSettings(env: Environment, write: ObjectWriter): Promise<void> {
  const file = given(env, "FILE", "a settings document");
  await looked("settings", "lint", file);
  const id = env["OBJECT"] || "settings";
  if (!/^[\w.-]+$/.test(id)) {
    throw new PublishError(`OBJECT is "${id}"; letters, digits and . _ -`);
  }
  await publish(
    file,
    { type: SETTINGS_TYPE, id, version: env["OBJECT_VERSION"] ?? "" },
    env,
    write,
  );
}

async function publish(
  file: string,
  { type, id, version }: { readonly type: string; readonly id: string; readonly version: string },
  env: Environment,
  write: ObjectWriter,
): Promise<void> {
  const hash = await sha256(file);
  await refuseUnprovenObject(type, hash, env);
  const definition = write({
    ...env,
    // A board's own service gets what the others get.
    SERVICE_NAME: env["PACKAGE_NAME"],
    OBJECT_TYPE: type,
    OBJECT_ID: id,
    OBJECT_VERSION: version,
    OBJECT_SHA256: hash,
  });
  console.log(`${type} ${id} for slipstream.ring ${env["ROLLOUT_RINGS"]}`);
  await hzn("mms", "object", "publish", "-m", definition, "-f", file);
}

function given(env: Environment, name: string, what: string): string {
  const value = env[name];
  if (value) return value;
  throw new PublishError(`${name} is not set: ${what}`);
}

// dist/src/fleet/publish/objects.js
const CLI = join(import.meta.dirname, "../../cli/main.js");

/** What a node would say is said here; what it would refuse is not published. */
function looked(...args: string[]): Promise<void> {
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
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[CLI, "model", "verify", "--json", file],
  ]);
  const manifest: unknown = JSON.parse(stdout);
  const { name, version } = isObject(manifest) ? manifest : {};
  return { name: String(name), version: String(version) };
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
