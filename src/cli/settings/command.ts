/** `slipstream settings`: shows the settings that result from all sources, and checks settings documents. */

import { Command } from "commander";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { documentSchemaText } from "./docs/json-schema.js";
import { type ImportOptions, importNvdsanalytics } from "./import-nvdsanalytics.js";
import { type LintOptions, lintFiles } from "./lint.js";
import { type ShowOptions, show } from "./show.js";

export function settingsCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("settings").description("show settings and check documents");
  command
    .command("show")
    .description("print every value that results from all settings, and where it comes from")
    .option("--file <file>", "settings document of this device (default: SETTINGS_FILE)")
    .option("--hub <file>", "settings document of the hub (default: the one that the agent has)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nTakes the environment for the agent's. Exit status: 0 accepted, 1 refused, 2 wrong usage.",
    )
    .action((options: ShowOptions) => show(options, terminal));
  command
    .command("lint")
    .description("check settings documents as a node would")
    .argument("<file...>", "settings documents")
    .option(
      "--target <board>",
      "also check for a board: t4, nano, orin-nano, one with a release as in t4@9.1, or all",
    )
    .option("--json", "print JSON")
    .option("--strict", "warnings count as errors for the exit status")
    .addHelpText(
      "after",
      "\nExit status: 0 a node would accept them, 1 it would refuse one, 2 wrong usage.",
    )
    .action((files: string[], options: LintOptions, self: Command) =>
      lintFiles(files, options, terminal, self),
    );
  command
    .command("import-nvdsanalytics")
    .description("turn a configuration file of nvdsanalytics into a settings document")
    .argument("<file>", "config_nvdsanalytics.txt")
    .option("--labels <file>", "labels of the model, which class-id refers to")
    .addHelpText(
      "after",
      "\nZones and lines are those of its streams, in their order; write the addresses of the cameras into the document.\n" +
        "Exit status: 0 printed, 1 the file cannot be used, 2 wrong usage.",
    )
    .action((file: string, options: ImportOptions) => importNvdsanalytics(file, options, terminal));
  command
    .command("schema")
    .description("print the JSON Schema of settings documents")
    .action(() => terminal.out(documentSchemaText()));
  return command;
}
