// Horizon's command line, as far as publishing needs it.

import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { environment } from "../../common/environment.js";
import { isObject, type JsonObject } from "../../common/json/document.js";

/** What keeps something from being published, as a message for an operator. */
export class PublishError extends Error {
  override readonly name = "PublishError";
}

const exec = promisify(execFile);

/** Exit status of `hzn` for something that does not exist. */
const NOT_FOUND = 8;

/** The service as the Exchange has it; undefined: it is not published. */
export function publishedService(org: string, id: string) {
  return published(["exchange", "service", "list"], `${org}/${id}`);
}

/** The deployment policy as the Exchange has it; undefined: it is not published. */
export function publishedPolicy(org: string, id: string) {
  return published(["exchange", "deployment", "listpolicy"], `${org}/${id}`);
}

async function published(
  command: readonly string[],
  name: string,
): Promise<JsonObject | undefined> {
  try {
    const { stdout } = await exec("hzn", [...command, name]);
    // Warnings may precede the JSON.
    const answer: unknown = JSON.parse(stdout.slice(stdout.indexOf("{")));
    const value = isObject(answer) ? answer[name] : undefined;
    if (isObject(value)) return value;
    throw new PublishError(`the output of hzn does not hold ${name}`);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof PublishError) throw error;
    const { code, stderr } = error as { code?: unknown; stderr?: string }; // As execFile rejects.
    if (code === NOT_FOUND) return undefined;
    throw new PublishError(`hzn cannot look up ${name}: ${stderr?.trim() || error.message}`);
  }
}

/** The standard output of `hzn`. */
export async function hznOutput(...args: string[]): Promise<string> {
  try {
    return (await exec("hzn", args)).stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string }; // As execFile rejects.
    throw new PublishError(`hzn ${args.join(" ")}: ${stderr?.trim() || String(error)}`);
  }
}

/** Runs `hzn` in the terminal. It replaces no variables in its files: that has been done. */
export function hzn(...args: string[]): Promise<void> {
  const env = { ...environment, HZN_DONT_SUBST_ENV_VARS: "1" };
  const child = spawn("hzn", args, { env, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new PublishError(`hzn ${args.slice(0, 3).join(" ")} exited with ${code}`));
    });
  });
}
