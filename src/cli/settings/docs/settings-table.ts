/** Prints the page docs/settings.md: node dist/src/cli/settings/docs/settings-table.js */

import { pathToFileURL } from "node:url";
import { convictSchema } from "../../../common/settings/config.js";
import { documentTable } from "./document-table.js";

const INTRODUCTION = `# Settings

Settings come from the environment of the agent, where Open Horizon puts the values of \`userInput\`, and from settings
documents: JSON from a file on the device (\`SETTINGS_FILE\`), applied on the node (from its page or with \`PUT /api/v1/settings\`), or
from the hub. The hub's document overrides the node's, the node's overrides the file's, the file's overrides the environment, and
the environment overrides the defaults. That happens value by value; lists (cameras, outputs,
classes) and hours are replaced as a whole. \`make docs\` makes this page from the code in \`src/common/settings/\`.

The agent reports all wrong settings at once, each with its place, its value and what is allowed. A wrong environment ends the
agent with status 78. A wrong document is refused, and the agent keeps running with the settings that it has.

\`\`\`
slipstream settings show [--file FILE] [--hub FILE]        every value that results, and where it comes from
slipstream settings lint [--target BOARD] FILE...          check documents before they are sent to nodes
slipstream settings schema                                 the JSON Schema: docs/settings.schema.json
\`\`\`

## Environment

An empty variable counts as not set.`;

const DOCUMENT = `## Settings document

Every field is optional. \`examples/\` has documents for each board, for a laptop and for a whole fleet. An editor that knows JSON
Schema completes and checks a document that begins with \`"$schema"\`.

- **Secrets.** \`secret:NAME\` refers to the secret of that name: as \`credentials\` of a camera, in \`users\`, in place of the login
  in an address (\`rtsp://secret:NAME@host/path\`), or as a parameter of one (\`?password=secret:NAME\`). If the secret of a camera is
  missing, the agent logs a warning and tries the camera without it. If the secret of a viewer is missing, the document is
  refused, since without users everybody could watch.
- **Hours.** A camera is on while both its own hours and the hours of everything are active. Otherwise it is not connected.
- **Fleets.** If the hub's document lists no cameras, every node keeps its own, those of its \`RTSPINPUT\`.
- **Errors.** A document is refused as a whole if it has an unknown or repeated key or a value out of bounds, or if it is larger
  than 1 MiB or nested more than 32 levels deep.`;

/** A line for every setting of convict's schema, in its order. */
export function settingsTable(): string {
  const rows = Object.values(convictSchema()).map(({ env, format, default: value, doc }) => [
    `\`${env}\``,
    value === null ? "none" : `\`${value}\``,
    format,
    doc,
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
