/** Runs a program that only tells something. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { errorCode } from "../../common/files/read.js";

const exec = promisify(execFile);

/** Returns its standard output. Throws an error of one line if it is not installed or fails. */
export async function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { stdout } = await exec(program, args, { env: environment, signal, maxBuffer: 2 ** 22 });
    return stdout;
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw new Error(`there is no ${program} on this machine`);
    const { stderr } = error as { stderr?: unknown };
    const said = typeof stderr === "string" ? stderr.trim().split("\n").at(-1) : undefined;
    throw new Error(`${program} ${args.join(" ")} fails: ${said || String(error)}`, {
      cause: error,
    });
  }
}
