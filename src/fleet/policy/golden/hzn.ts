/** Asks the real `hzn`: runs `hzn deploycheck policy` on files in a temporary folder, without an Exchange. */

import { execFile, execFileSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Answer, Program, Question } from "./cases.js";

const run = promisify(execFile);

/** The `hzn` to ask: HZN_BIN, or the one on PATH; undefined where there is none. */
export function findHzn(environment: NodeJS.ProcessEnv): string | undefined {
  const { HZN_BIN: given, PATH: path = "" } = environment;
  const candidates = given ? [given] : path.split(delimiter).map((folder) => join(folder, "hzn"));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false; // Missing or not executable: try the next one.
    }
  });
}

/** Name and version of an `hzn`, which does not know its own commit. */
export function describeHzn(hzn: string, commit: string): Program {
  const output = execFileSync(hzn, ["version"], { encoding: "utf8" });
  return { name: "hzn", version: /version: ([\d.]+)/.exec(output)?.[1] ?? "", commit };
}

export function askHzn(hzn: string, question: Question): Promise<Answer> {
  return inFolder((folder) => ask(hzn, question, folder));
}

/** Runs `action` with a temporary folder. */
export async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "hzn-"));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function ask(hzn: string, question: Question, folder: string): Promise<Answer> {
  const write = (name: string, value: unknown): string => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(value));
    return file;
  };
  const args = ["deploycheck", "policy", "--check-all", "-t", "device"];
  args.push("-B", write("deployment.json", question.deployment));
  args.push("--node-pol", write("node.json", question.node));
  args.push("--service-pol", write("service.policy.json", question.servicePolicy));
  for (const [i, service] of question.services.entries()) {
    args.push("--service", write(`service${i}.json`, service));
  }
  if (question.arch !== undefined) args.push("-a", question.arch);
  const { exit, stdout, stderr } = await runHzn(hzn, args, folder);
  if (exit !== 0) return { exit, text: stderr.replaceAll(`${folder}/`, "").trim() };
  // Other output may precede the JSON, which is always an object.
  const { compatible, reason } = JSON.parse(stdout.slice(stdout.indexOf("{\n"))) as Record<
    string,
    unknown
  >;
  const reasons = Object.entries(reason ?? {}).map(([service, text]) => `${service}: ${text}`);
  return { exit, compatible: compatible === true, text: reasons.sort().join("\n") };
}

/**
 * One run in a folder, which is its home too. The caller removes the folder from its output.
 *
 * @param variables values for variables in its files; without them `$` stands for itself
 */
export async function runHzn(
  hzn: string,
  args: readonly string[],
  folder: string,
  variables: Readonly<Record<string, string>> = { HZN_DONT_SUBST_ENV_VARS: "1" },
) {
  // A URL must be set, but nothing is requested from it.
  const env = {
    HOME: folder,
    PATH: "",
    HZN_ORG_ID: "myorg",
    HZN_EXCHANGE_URL: "http://127.0.0.1:9",
    ...variables,
  };
  try {
    const { stdout, stderr } = await run(hzn, args, { cwd: folder, env, timeout: 60_000 });
    return { exit: 0, stdout, stderr };
  } catch (error) {
    // As execFile rejects.
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof code !== "number") throw error; // Killed, or never started.
    return { exit: code, stdout: stdout ?? "", stderr: stderr ?? "" };
  }
}
