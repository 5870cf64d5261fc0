/** `slipstream version`: of this command, and of the agent and the sidecar if they answer. */

import { Command } from "commander";
import { AgentError } from "../../common/api/client.js";
import { type ApiState, stateSchema } from "../../common/api/schema.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { readVersion } from "../../common/version.js";
import { type AgentFlags, agentAddress, ask, withAgentOptions } from "./agent-options.js";

interface VersionFlags extends AgentFlags {
  readonly json?: true;
}

export function versionCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("version")
    .description("show the versions of this command, of the agent and of the sidecar")
    .option("--json", "print JSON");
  return withAgentOptions(command).action(async (flags: VersionFlags) => {
    const state = await stateOf(flags, terminal);
    const versions = {
      slipstream: readVersion(),
      node: process.versions.node,
      ...(state === undefined ? {} : { agent: state.version }),
      ...(state?.sidecar.version === undefined ? {} : { sidecar: state.sidecar.version }),
      ...(state?.sidecar.engine === undefined ? {} : { engine: state.sidecar.engine }),
      ...(state?.sidecar.deepstream === undefined ? {} : { deepstream: state.sidecar.deepstream }),
    };
    terminal.out(
      flags.json
        ? `${JSON.stringify(versions, null, 2)}\n`
        : Object.entries(versions)
            .map(([name, version]) => `${name} ${version}\n`)
            .join(""),
    );
  });
}

/** Undefined: no agent answers here, which is no error on a machine that is not a node. */
async function stateOf(flags: AgentFlags, terminal: Terminal): Promise<ApiState | undefined> {
  try {
    const address = await agentAddress(flags, terminal.environment);
    const { body } = await ask(address, "/api/v1/state", new AbortController().signal);
    return stateSchema.safeParse(JSON.parse(body.toString())).data;
  } catch (error) {
    if (error instanceof AgentError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
