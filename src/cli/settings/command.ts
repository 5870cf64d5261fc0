/** `slipstream settings`: what the settings come to, and whether a node would take a document. */

import { Command } from "commander";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { documentSchemaText } from "./docs/json-schema.js";
import { type LintOptions, lintFiles } from "./lint.js";
import { type ShowOptions, show } from "./show.js";

export function settingsCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("settings").description("look at settings, and check documents");
  command
    .command("show")
    .description("print what all settings come to, and where each value came from")
    .option("--file <file>", "settings document of this device (default: SETTINGS_FILE)")
    .option("--hub <file>", "settings document of the hub (default: the one that the agent keeps)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe environment counts as the agent's. Exit status: 0 all is well, 1 it would be refused, 2 wrong usage.",
    )
    .action((options: ShowOptions) => show(options, terminal));
  command
    .command("lint")
    .description("say what a node would say to settings documents")
    .argument("<file...>", "settings documents")
    .option(
      "--target <board>",
      "tell too what would not run on t4, nano, orin-nano, one with a release as t4@9.1, or all",
    )
    .option("--json", "print JSON")
    .option("--strict", "warnings count as errors for the exit status")
    .addHelpText(
      "after",
      "\nExit status: 0 nothing keeps a node from taking them, 1 something does, 2 wrong usage.",
    )
    .action((files: string[], options: LintOptions, self: Command) =>
      lintFiles(files, options, terminal, self),
    );
  command
    .command("schema")
    .description("print the JSON Schema of settings documents")
    .action(() => terminal.out(documentSchemaText()));
  return command;
}
