/** Prints the page docs/settings.md: node dist/src/cli/settings/docs/settings-table.js */

import { pathToFileURL } from "node:url";
import { type Setting, settings } from "../../../common/settings/environment-settings.js";
import { documentTable } from "./document-table.js";

const INTRODUCTION = `# Settings

Settings come from the environment of the agent, where Open Horizon puts what \`userInput\` says, and from settings documents:
JSON from a file on the device (\`SETTINGS_FILE\`) or from the hub. The hub's document goes before the file's, the file's before
the environment, the environment before what is built in: value by value, except that a list (cameras, outputs, classes) and
hours are taken as a whole. This page is made from the code in \`src/common/settings/\` by \`make docs\`.

What is wrong is told with its place, its value and what is allowed, all of it at once. A wrong environment ends the agent
with status 78. A wrong document is refused and leaves what runs alone.

\`\`\`
slipstream settings show [--file FILE] [--hub FILE]        what it all comes to, and where each value came from
slipstream settings lint [--target BOARD] FILE...          what a node would say to documents, before they are sent
slipstream settings schema                                 the JSON Schema: docs/settings.schema.json
\`\`\`

## Environment

An empty value is the same as none.`;

const DOCUMENT = `## Settings document

Every field may be left out. Examples for each board, for a laptop and for a whole fleet are in \`examples/\`; an editor that
knows JSON Schema completes and checks a document that begins with \`"$schema"\`.

- **Secrets.** \`secret:NAME\` stands for a secret of that name: as \`credentials\` of a camera, in \`users\`, in place of the login
  of an address (\`rtsp://secret:NAME@host/path\`), or as a parameter of one (\`?password=secret:NAME\`). A camera whose secret is
  missing is tried without it, and a warning says so; viewers whose secret is missing make the document refused, since
  without them everybody could watch.
- **Hours.** A camera is on where its own hours and the hours of everything meet. Outside them it is not connected to.
- **Fleets.** A document of the hub that names no cameras leaves every node its own, as its \`RTSPINPUT\` says.
- **Errors.** A key that is not known or is there twice, a value out of its bounds, a text of more than 1 MiB or 32 levels:
  the document is refused as a whole.`;

/** The table, with a line for every setting in the order of their declaration. */
export function settingsTable(): string {
  const rows = Object.values<Setting<unknown>>(settings).map((setting) => [
    `\`${setting.env}\``,
    setting.default === null ? "none" : `\`${setting.default}\``,
    setting.format.allowed,
    setting.doc,
  ]);
  return markdownTable(["Name", "Default", "Allowed", "Meaning"], rows);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const document = markdownTable(["Field", "Meaning"], documentTable());
  process.stdout.write(`${INTRODUCTION}\n\n${settingsTable()}\n${DOCUMENT}\n\n${document}`);
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => "---"), ...rows].map(line).join("");
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}
