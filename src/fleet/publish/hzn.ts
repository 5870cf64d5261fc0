// Horizon's command line, as far as publishing needs it.

import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { environment } from "../../common/environment.js";
import { isObject } from "../../common/json/document.js";
import { PublishError } from "./publish.js";

const exec = promisify(execFile);

/** `hzn` ends so when what was asked for is not there. */
const NOT_FOUND = 8;

/** The service as the Exchange has it, or undefined. */
export function publishedService(org: string, id: string) {
  return published(["exchange", "service", "list"], `${org}/${id}`);
}

/** The deployment policy as the Exchange has it, or undefined. */
export function publishedPolicy(org: string, id: string) {
  return published(["exchange", "deployment", "listpolicy"], `${org}/${id}`);
}

async function published(
  command: readonly string[],
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const { stdout } = await exec("hzn", [...command, name]);
    // Warnings may stand before the JSON.
    const answer: unknown = JSON.parse(stdout.slice(stdout.indexOf("{")));
    const value = isObject(answer) ? answer[name] : undefined;
    if (isObject(value)) return value;
    throw new PublishError(`hzn does not say what ${name} is`);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof PublishError) throw error;
    const { code, stderr } = error as { code?: unknown; stderr?: string }; // as execFile rejects
    if (code === NOT_FOUND) return undefined;
    throw new PublishError(`hzn cannot look at ${name}: ${stderr?.trim() || error.message}`);
  }
}

/** What `hzn` prints to be read. */
export async function hznOutput(...args: string[]): Promise<string> {
  try {
    return (await exec("hzn", args)).stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string }; // as execFile rejects
    throw new PublishError(`hzn ${args.join(" ")}: ${stderr?.trim() || String(error)}`);
  }
}

/** Runs `hzn` in the terminal. What is in the files stands for itself: variables have been replaced. */
export function hzn(...args: string[]): Promise<void> {
  const env = { ...environment, HZN_DONT_SUBST_ENV_VARS: "1" };
  const child = spawn("hzn", args, { env, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new PublishError(`hzn ${args.slice(0, 3).join(" ")} ended with ${code}`));
    });
  });
}
