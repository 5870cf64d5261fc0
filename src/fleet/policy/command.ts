/** `slipstream policy`: who gets what by Horizon's policies, without asking Horizon. */

import { Command } from "commander";
import { displayProblem, InputError } from "../../common/problem.js";
import type { Terminal } from "../../common/terminal.js";
import { processTerminal } from "../../common/terminal.js";
import { readFleet } from "./fleet.js";
import type { ArchFile, Loader } from "./load.js";
import { makeLoader, parseArchFile } from "./load.js";
import { archOf, place } from "./placement.js";
import { makePlanner } from "./plan.js";
import { explainPlacement, explainPlan, listNodes, placementAsJson, planAsJson } from "./report.js";

/** The node gets nothing: a policy can be right and still place nothing. */
const exitNothing = 1;
const exitBadInput = 2;

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
    "tell what Open Horizon's policies do, and why",
  );
  withPolicies(command.command("explain"))
    .description("tell which version a node gets, or which clauses keep it from one")
    .addHelpText(
      "after",
      "\nExit status: 0 the node gets a version, 1 it gets none, 2 wrong usage or input.",
    )
    .requiredOption("--node <file>", "node policy")
    .option("--arch <arch>", "the node's architecture, where its policy has no openhorizon.arch")
    .action((options: ExplainOptions) => guarded(terminal, () => explain(options, terminal)));
  withPolicies(command.command("plan"))
    .description("tell who of a fleet gets which version, who gets none and why, ring by ring")
    .addHelpText("after", "\nExit status: 0 the plan is printed, 2 wrong usage or input.")
    .requiredOption("--fleet <file>", "a node a line: a node policy in JSON with an id")
    .option("--ring-property <name>", "the property that tells a node's ring", "slipstream.ring")
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
      "service policy, of one architecture or of all others; may be repeated",
      append(parseArchFile),
    )
    .option("--json", "print JSON")
    .exitOverride(); // not inherited: the parent gets its settings only when it is added to the program
}

/** Collects an option that may be repeated. */
function append<T>(read: (text: string) => T): (text: string, previous?: readonly T[]) => T[] {
  return (text, previous = []) => [...previous, read(text)];
}

function explain(options: ExplainOptions, terminal: Terminal): void {
  const loader = makeLoader(terminal.environment);
  const node = loader.node(options.node, options.arch);
  const deployments = load(loader, options, terminal);
  const arch = archOf(node);
  const placements = deployments.map((deployment) => ({
    policy: deployment.policy.name,
    placement: place(deployment, node, arch),
  }));
  const lines = placements.flatMap(({ policy, placement }) => explainPlacement(policy, placement));
  terminal.out(
    options.json
      ? `${JSON.stringify(
          placements.map(({ policy, placement }) => placementAsJson(policy, placement)),
          null,
          2,
        )}\n`
      : `${lines.join("\n")}\n`,
  );
  if (placements.every(({ placement }) => placement.t === "none")) terminal.exit(exitNothing);
}

async function plan(options: PlanOptions, terminal: Terminal): Promise<void> {
  const loader = makeLoader(terminal.environment);
  const planner = makePlanner(load(loader, options, terminal), options.ringProperty);
  let nodes = 0;
  await readFleet(options.fleet, (node) => {
    nodes++;
    planner.add(node);
  });
  const services = planner.plan();
  if (options.json) terminal.out(`${JSON.stringify(planAsJson(services, nodes), null, 2)}\n`);
  else if (options.nodes) terminal.out(listNodes(services));
  else terminal.out(explainPlan(services, nodes));
}

function load(loader: Loader, options: PolicyOptions, terminal: Terminal) {
  const { deployment, service = [], servicePolicy = [] } = options;
  const deployments = loader.deployments(deployment, service, servicePolicy);
  for (const warning of loader.finish()) terminal.err(`${displayProblem(warning)}\n`);
  return deployments;
}

/** Runs an action; bad input is told on standard error, and nothing else is printed. */
async function guarded(terminal: Terminal, action: () => void | Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const problem of error.problems) terminal.err(`${displayProblem(problem)}\n`);
    terminal.exit(exitBadInput);
  }
}
