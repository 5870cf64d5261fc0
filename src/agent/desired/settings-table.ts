/** Prints the page docs/settings.md: node dist/src/agent/desired/settings-table.js */

import { pathToFileURL } from "node:url";
import { type Setting, settings } from "./settings.js";

const INTRODUCTION = `# Settings

All settings are environment variables of the agent, where Open Horizon puts what \`userInput\` says. An empty value is the
same as none. Every wrong one is told at once, with its name, its value and what is allowed, and the agent ends with status
78. This page is made from \`src/agent/desired/settings.ts\` by \`make docs\`.`;

/** The table, with a line for every setting in the order of their declaration. */
export function settingsTable(): string {
  const rows = Object.values<Setting<unknown>>(settings).map((setting) => [
    `\`${setting.env}\``,
    setting.default === null ? absence(setting) : `\`${setting.default}\``,
    setting.reader.allowed,
    setting.doc,
  ]);
  const header = ["Name", "Default", "Allowed", "Meaning"];
  return [header, header.map(() => "---"), ...rows].map(line).join("");
}

function absence(setting: Setting<unknown>): string {
  return setting.absent === "refused" ? "required" : "none";
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(`${INTRODUCTION}\n\n${settingsTable()}`);
}
