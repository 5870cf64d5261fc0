/** `slipstream policy`: which node gets which version by Horizon's policies, worked out without asking Horizon. */

import { Command } from "commander";
import { displayProblem, InputError } from "../../common/problem.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import {
  explainPlacement,
  explainPlan,
  listNodes,
  placementAsJson,
  planAsJson,
} from "./explain.js";
import { archOf, place } from "./placement.js";
import { makePlanner } from "./plan.js";
import { type ArchFile, PolicyFiles, parseArchFile, readFleetFile } from "./policy-files.js";

/** A policy can be right and still place nothing on the node. */
const EXIT_NOTHING = 1;
const EXIT_BAD_INPUT = 2;

interface PolicyOptions {
  readonly deployment: string[];
  readonly service?: ArchFile[];
  readonly servicePolicy?: ArchFile[];
  readonly json?: true;
}

interface ExplainOptions extends PolicyOptions {
  readonly node: string;
  readonly arch?: string;
}

interface PlanOptions extends PolicyOptions {
  readonly fleet: string;
  readonly ringProperty: string;
  readonly nodes?: true;
}

export function policyCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("policy").description(
    "show what Open Horizon's policies do, and why",
  );
  withPolicies(command.command("explain"))
    .description("show which version a node gets, or which clauses it fails")
    .addHelpText(
      "after",
      "\nExit status: 0 the node gets a version, 1 it gets none, 2 wrong usage or input.",
    )
    .requiredOption("--node <file>", "node policy")
    .option("--arch <arch>", "the node's architecture, if its policy has no openhorizon.arch")
    .action((options: ExplainOptions) => guarded(terminal, () => explain(options, terminal)));
  withPolicies(command.command("plan"))
    .description("show which nodes of a fleet get which version, which get none and why, by ring")
    .addHelpText("after", "\nExit status: 0 the plan is printed, 2 wrong usage or input.")
    .requiredOption("--fleet <file>", "one node a line: a node policy in JSON with an id")
    .option("--ring-property <name>", "the property that holds a node's ring", "slipstream.ring")
    .option("--nodes", "list every node with its version")
    .action((options: PlanOptions) => guarded(terminal, () => plan(options, terminal)));
  return command;
}

function withPolicies(command: Command): Command {
  return command
    .requiredOption("--deployment <file>", "deployment policy; may be repeated", append(String))
    .option(
      "--service <[arch=]file>",
      "service definition, with $ARCH set to arch; may be repeated",
      append(parseArchFile),
    )
    .option(
      "--service-policy <[arch=]file>",
      "service policy, for one architecture or for all others; may be repeated",
      append(parseArchFile),
    )
    .option("--json", "print JSON")
    .exitOverride(); // Not inherited: the parent gets its settings only when it is added to the program.
}

/** Collects an option that may be repeated. */
function append<T>(read: (text: string) => T): (text: string, previous?: readonly T[]) => T[] {
  return (text, previous = []) => [...previous, read(text)];
}

function explain(options: ExplainOptions, terminal: Terminal): void {
  const files = new PolicyFiles(terminal.environment);
  const node = files.node(options.node, options.arch);
  const placements = deploymentsOf(files, options, terminal).map((deployment) => ({
    policy: deployment.policy.name,
    placement: place(deployment, node, archOf(node)),
  }));
  const lines = placements.flatMap(({ policy, placement }) =>
    options.json ? [] : explainPlacement(policy, placement),
  );
  const json = placements.map(({ policy, placement }) => placementAsJson(policy, placement));
  terminal.out(options.json ? asJson(json) : `${lines.join("\n")}\n`);
  if (placements.every(({ placement }) => placement.t === "none")) terminal.exit(EXIT_NOTHING);
}

async function plan(options: PlanOptions, terminal: Terminal): Promise<void> {
  const files = new PolicyFiles(terminal.environment);
  const planner = makePlanner(deploymentsOf(files, options, terminal), options.ringProperty);
  let nodes = 0;
  await readFleetFile(options.fleet, (node) => {
    nodes++;
    planner.add(node);
  });
  const services = planner.plan();
  if (options.json) terminal.out(asJson(planAsJson(services, nodes)));
  else terminal.out(options.nodes ? listNodes(services) : explainPlan(services, nodes));
}

function asJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function deploymentsOf(files: PolicyFiles, options: PolicyOptions, terminal: Terminal) {
  const { deployment, service = [], servicePolicy = [] } = options;
  const deployments = files.deployments(deployment, service, servicePolicy);
  for (const warning of files.finish()) terminal.err(`${displayProblem(warning)}\n`);
  return deployments;
}

/** Bad input is reported on standard error, and nothing else is printed. */
async function guarded(terminal: Terminal, action: () => void | Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const problem of error.problems) terminal.err(`${displayProblem(problem)}\n`);
    terminal.exit(EXIT_BAD_INPUT);
  }
}
