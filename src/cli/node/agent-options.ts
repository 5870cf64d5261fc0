/** Which agent a command asks, and what it does when that does not answer. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import {
  type AgentAddress,
  type AgentAnswer,
  AgentError,
  askAgent,
  SOCKET_NAME,
} from "../../common/api/client.js";
import { settings } from "../../common/settings/environment-settings.js";
import type { Terminal } from "../../common/terminal.js";

export const EXIT_NOT_READY = 1;
export const EXIT_BAD_INPUT = 2;
/** The agent does not answer, or refuses the login. */
export const EXIT_NO_AGENT = 3;

export const AGENT_STATUS =
  "\nExit status: 0 as asked for, 1 not, 2 wrong usage or input, 3 the agent does not answer." +
  "\nSLIPSTREAM_AGENT: the agent's address. SLIPSTREAM_LOGIN: user:password, if it asks for a login.";

export interface AgentFlags {
  readonly agent?: string;
  readonly ca?: string;
}

const TIMEOUT_MS = 10_000;

export function withAgentOptions(command: Command): Command {
  return command
    .option("--agent <address>", "the agent's socket, or http://HOST:PORT, or https://HOST:PORT")
    .option("--ca <file>", "certificate of the agent or its issuer, as PEM")
    .addHelpText("after", AGENT_STATUS)
    .exitOverride();
}

export async function agentAddress(
  { agent, ca }: AgentFlags,
  environment: NodeJS.ProcessEnv,
): Promise<AgentAddress> {
  const stateDir = environment[settings.stateDir.env] || settings.stateDir.default;
  return {
    at: agent ?? (environment["SLIPSTREAM_AGENT"] || join(stateDir, SOCKET_NAME)),
    login: environment["SLIPSTREAM_LOGIN"] || undefined,
    certificate: ca === undefined ? undefined : await readFile(ca, "utf8"),
  };
}

/** Throws AgentError if the agent does not answer within ten seconds, or refuses the request. */
export async function ask(
  address: AgentAddress,
  path: string,
  signal: AbortSignal,
): Promise<AgentAnswer> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let answer: AgentAnswer;
  try {
    answer = await askAgent(address, path, AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    throw new AgentError(`the agent does not answer at ${address.at} within ten seconds`);
  }
  const { status, body } = answer;
  if (status === 401 || status === 403 || status === 429) {
    throw new AgentError(`the agent at ${address.at} refuses: ${errorIn(body)}`);
  }
  return answer;
}

/** The message of a refusal. */
export function errorIn(body: Buffer): string {
  try {
    const { error } = JSON.parse(body.toString()) as { error?: unknown };
    return typeof error === "string" ? error : body.toString();
  } catch {
    return "it is not an agent";
  }
}

/** Runs a command; an agent that does not answer becomes one line and exit status 3. */
export async function withAgent(terminal: Terminal, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    terminal.err(`${error instanceof Error ? error.message : String(error)}\n`);
    terminal.exit(error instanceof AgentError ? EXIT_NO_AGENT : EXIT_BAD_INPUT);
  }
}
