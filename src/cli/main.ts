#!/usr/bin/env node
/** The `slipstream` command. It loads only the subcommand that is called, so that each starts fast. */

import { Command, CommanderError } from "commander";

const SUBCOMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  cameras: async () => (await import("./cameras/command.js")).camerasCommand(),
  completion: async () =>
    (await import("./completion.js")).completionCommand(() => load(undefined)),
  definition: async () => (await import("../fleet/definition/command.js")).definitionCommand(),
  events: async () => (await import("./events/command.js")).eventsCommand(),
  doctor: async () => (await import("./doctor/command.js")).doctorCommand(readNode),
  fleet: async () => (await import("../fleet/page/command.js")).fleetCommand(),
  lint: async () => (await import("./lint/command.js")).lintCommand(),
  model: async () => (await import("./model/command.js")).modelCommand(),
  "node-policy": async () => (await import("../fleet/node-policy/command.js")).nodePolicyCommand(),
  policy: async () => (await import("../fleet/policy/command.js")).policyCommand(),
  settings: async () => (await import("./settings/command.js")).settingsCommand(),
  snapshot: async () => (await import("./node/snapshot.js")).snapshotCommand(),
  status: async () =>
    (await import("./node/status.js")).statusCommand(undefined, untilInterrupted()),
  version: async () => (await import("./node/version.js")).versionCommand(),
};

/** Aborted by Ctrl-C, so that a command that goes on and on ends as one that was asked to. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
}

/** What this machine shows of itself, as the node policy has it. */
async function readNode() {
  const [{ DEFAULT_PROBE, probe }, { propertiesOf }] = await Promise.all([
    import("../fleet/node-policy/probe.js"),
    import("../fleet/node-policy/properties.js"),
  ]);
  const facts = await probe(DEFAULT_PROBE);
  const { properties, unknown } = propertiesOf(facts);
  return {
    ...facts,
    properties: new Map(properties.map(({ name, value }) => [name, String(value)])),
    unknownProperties: new Map(unknown.map(({ name, why }) => [name, why])),
  };
}

/** Exit status for wrong usage of this command and its subcommands. */
const USAGE = 2;

/** Loads all subcommands for help and for an unknown name. */
function load(name: string | undefined): Promise<Command[]> {
  const wanted =
    name !== undefined && Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  const loaders = wanted === undefined ? Object.values(SUBCOMMANDS) : [wanted];
  return Promise.all(loaders.map((loader) => loader()));
}

/** Subcommands at every level throw for wrong usage instead of ending the process. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}

const program = new Command("slipstream")
  .description("Slipstream's command line")
  .showHelpAfterError("(add --help for the options)")
  .exitOverride();

// A reader such as head may close the pipe early.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

for (const command of await load(process.argv[2])) program.addCommand(inherit(command, program));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed it. Help that was asked for is not an error.
  process.exitCode = error.exitCode === 0 ? 0 : USAGE;
}
