// The userInput of the service definition, generated from the agent's settings: a node or a policy may set them.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Setting, settings } from "../../common/settings/environment-settings.js";

/** An element of userInput, as `hzn` reads it. */
interface UserInput {
  readonly name: string;
  readonly label: string;
  readonly type: "string" | "int" | "float" | "boolean";
  /** Without one, Horizon makes no agreement until a policy or the node sets a value. */
  readonly defaultValue: string;
}

/** Settings that depend on what the definition itself fixes: its volumes, its port, its containers. */
const FIXED: ReadonlySet<string> = new Set([
  ...["MODELS_DIR", "SECRETS_DIR", "SETTINGS_FILE", "STATE_DIR"],
  ...["RTSPOUTPUTPORTNUM", "SLIPSTREAM_LIFELINE", "SLIPSTREAM_SOCKET"],
]);

/** Horizon treats an empty default as none. The agent treats a blank as "not set". */
const NOT_SET = " ";

/** In the order of the settings' declaration. */
export function userInputs(): UserInput[] {
  return Object.values<Setting<unknown>>(settings)
    .filter(({ env }) => !FIXED.has(env))
    .map(userInput);
}

function userInput(setting: Setting<unknown>): UserInput {
  const label = `${setting.doc} Allowed: ${setting.format.allowed}.`;
  const type = typeOf(setting);
  if (setting.default === null) {
    return { name: setting.env, label, type, defaultValue: NOT_SET };
  }
  const defaultValue =
    type === "boolean" ? String(isYes(setting, setting.default)) : setting.default;
  return { name: setting.env, label, type, defaultValue };
}

/** A setting without a default is a string, since only a string can be NOT_SET. */
function typeOf({ format, default: value }: Setting<unknown>): UserInput["type"] {
  if (value === null) return "string";
  if (format.allowed === "yes or no") return "boolean";
  if (/^\d+$/.test(value)) return "int";
  return /^\d+\.\d+$/.test(value) ? "float" : "string";
}

function isYes({ format }: Setting<unknown>, text: string): boolean {
  const reading = format.read(text);
  return reading.t === "value" && reading.value === true;
}

const LIST = /^ {2}"userInput": \[(?:\]|[\s\S]*?^ {2}\])/m;

/** The text of a definition with its userInput replaced; everything else stays as it is, variables too. */
export function withUserInputs(definition: string, inputs: readonly UserInput[]): string {
  const list = JSON.stringify(inputs, null, 2).replaceAll("\n", "\n  ");
  return definition.replace(LIST, () => `  "userInput": ${list}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const file = "service.definition.json";
  writeFileSync(file, withUserInputs(readFileSync(file, "utf8"), userInputs()));
}
