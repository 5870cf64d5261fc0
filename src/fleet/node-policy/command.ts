/** `slipstream node-policy`: writes a node policy that describes this node. */

import { Command, InvalidArgumentError, Option } from "commander";
import { problemsOf } from "../../common/json/document.js";
import { displayProblem } from "../../common/problem.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import {
  EMPTY,
  overridden,
  policyText,
  readPolicyFile,
  withProperties,
  writePolicyFile,
} from "./policy-file.js";
import { DEFAULT_PROBE, probe } from "./probe.js";
import { BOARDS, isBoard, propertiesOf } from "./properties.js";

const EXIT_BAD_INPUT = 2;

interface Options {
  readonly out?: string;
  readonly ring?: number;
  readonly board?: string;
  readonly root: string;
  readonly docker: string;
}

export function nodePolicyCommand(terminal: Terminal = processTerminal()): Command {
  return new Command("node-policy")
    .description("write a node policy that describes this node")
    .option("--out <file>", "write to this file; keeps what the probe does not set")
    .option("--ring <number>", "the ring of a node that has none yet", wholeNumber)
    .addOption(
      new Option("--board <name>", "describe such a board instead of this machine").choices(
        Object.keys(BOARDS),
      ),
    )
    .option("--root <directory>", "where the node's file system is", DEFAULT_PROBE.root)
    .option("--docker <socket>", "Docker's socket, below the root", DEFAULT_PROBE.dockerSocket)
    .addHelpText(
      "after",
      "\nIn a container: docker run --rm -v /:/host:ro --entrypoint slipstream IMAGE node-policy --root /host" +
        "\nExit status: 0 the policy is written, 2 wrong usage or input.",
    )
    .exitOverride()
    .action((options: Options) => nodePolicy(options, terminal));
}

async function nodePolicy(options: Options, terminal: Terminal): Promise<void> {
  const { out, ring, root, docker, board } = options;
  const facts =
    board !== undefined && isBoard(board)
      ? { ...BOARDS[board], freeDiskGiB: undefined }
      : await probe({ ...DEFAULT_PROBE, root, dockerSocket: docker });
  const { properties, unknown } = propertiesOf(facts);
  try {
    const before = out === undefined ? EMPTY : readPolicyFile(out);
    const policy = withProperties(before, properties, ring);
    if (out === undefined) terminal.out(policyText(policy));
    else writePolicyFile(out, policy);
    for (const { name, why } of unknown) terminal.err(`${name} is left out: ${why}\n`);
    for (const name of overridden(before)) {
      terminal.err(`${out}: ${name} is overridden by the deployment part\n`);
    }
  } catch (error) {
    for (const problem of problemsOf(error, out ?? "")) {
      terminal.err(`${displayProblem(problem)}\n`);
    }
    terminal.exit(EXIT_BAD_INPUT);
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}
