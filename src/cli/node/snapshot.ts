/** `slipstream snapshot`: the next annotated frame of a stream, as a JPEG file. */

import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import {
  type AgentFlags,
  agentAddress,
  ask,
  EXIT_NOT_READY,
  errorIn,
  withAgent,
  withAgentOptions,
} from "./agent-options.js";

interface SnapshotFlags extends AgentFlags {
  readonly output?: string;
  readonly camera?: string;
  readonly json?: true;
}

export function snapshotCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("snapshot")
    .description("write the next annotated frame of a stream as JPEG")
    .argument("<file>", "the JPEG file")
    .option("--output <id>", "default: the first output")
    .option("--camera <id>", "required for an output with one stream per camera")
    .option("--json", "print JSON");
  return withAgentOptions(command).action((file: string, flags: SnapshotFlags) =>
    snapshot(file, flags, terminal),
  );
}

async function snapshot(file: string, flags: SnapshotFlags, terminal: Terminal): Promise<void> {
  const { output, camera } = flags;
  await withAgent(terminal, async () => {
    const query = new URLSearchParams({
      ...(output === undefined ? {} : { output }),
      ...(camera === undefined ? {} : { camera }),
    });
    const address = await agentAddress(flags, terminal.environment);
    const path = `/api/v1/snapshot?${query}`;
    const { status, body } = await ask(address, path, new AbortController().signal);
    if (status !== 200) {
      terminal.err(`no snapshot: ${errorIn(body)}\n`);
      terminal.exit(EXIT_NOT_READY);
      return;
    }
    await writeFile(file, body);
    const bytes = body.length;
    terminal.out(flags.json ? `${JSON.stringify({ file, bytes })}\n` : `${file}: ${bytes} bytes\n`);
  });
}
