/** `slipstream settings show`: every value of the desired state, and where it came from. It prints no secret. */

import { existsSync } from "node:fs";
import { Documents } from "../../common/hub/documents.js";
import { documentsPath } from "../../common/hub/state.js";
import { displayProblem, InputError } from "../../common/problem.js";
import { type Redact, redactDeep, redactor } from "../../common/secrets/redact.js";
import { SecretFiles } from "../../common/secrets/secret-files.js";
import type { Secrets } from "../../common/secrets/secrets.js";
import type { Credentials } from "../../common/settings/camera-uri.js";
import { type Config, loadConfig } from "../../common/settings/config.js";
import { type DesiredState, desiredState } from "../../common/settings/desired-state.js";
import { secretsInEvents } from "../../common/settings/events.js";
import { offlineModels, offlineSecrets } from "../../common/settings/offline.js";
import { describeOrigin, type SourcedDocument } from "../../common/settings/precedence.js";
import {
  type DocumentReading,
  readSettingsDocument,
} from "../../common/settings/settings-document.js";
import { secretsInSpec } from "../../common/settings/spec-secrets.js";
import type { Terminal } from "../../common/terminal.js";
import { textTable } from "../../common/text-table.js";
import { systemClock } from "../../common/time/clock.js";
import { readDocumentFile } from "./document-file.js";

export interface ShowOptions {
  readonly file?: string;
  readonly hub?: string;
  readonly json?: true;
}

type Desired = Extract<DesiredState, { t: "desired" }>;

const EXIT_REFUSED = 1;

export async function show(options: ShowOptions, terminal: Terminal): Promise<void> {
  let state: Desired;
  try {
    state = await stateOf(options, terminal.environment);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    terminal.err(`${error.message}\n`);
    terminal.exit(EXIT_REFUSED);
    return;
  }
  if (options.json) {
    terminal.out(asJson(state));
    return;
  }
  terminal.out(asText(state));
  for (const one of state.warnings) terminal.err(`warning: ${displayProblem(one)}\n`);
}

/** What the agent would run here, with its secrets. Throws InputError. */
export async function stateOf(
  options: ShowOptions,
  environment: NodeJS.ProcessEnv,
): Promise<Desired> {
  const { file, hub } = options;
  const config =
    file === undefined && hub === undefined
      ? loadConfig(environment, process.cwd())
      : loadConfig(environment, process.cwd(), true);
  const path = file ?? config.settingsFile;
  const readings = {
    file: path === undefined ? undefined : await readDocumentFile(path),
    hub: hub === undefined ? await readHeldDocument(config) : await readDocumentFile(hub),
  };
  const documents = (["file", "hub"] as const).flatMap((from): SourcedDocument[] => {
    const reading = readings[from];
    if (reading?.t === "refused") throw new InputError(reading.problems);
    return reading === undefined ? [] : [{ from, document: reading.document }];
  });
  const secrets = await secretsOf(config);
  const sources = { config, documents, secrets, models: offlineModels, nowMs: Date.now() };
  const state = desiredState(sources);
  if (state.t === "refused") throw new InputError(state.problems);
  return state;
}

/** The document of the hub that the agent keeps, if this is a node. */
async function readHeldDocument({ stateDir, hub }: Config): Promise<DocumentReading | undefined> {
  const path = documentsPath(stateDir);
  if (hub === "off" || !existsSync(path)) return undefined;
  const held = (await Documents.open(path, () => {})).current();
  return held && readSettingsDocument(held.text, "hub");
}

/** If this is no node, every secret counts as there. */
async function secretsOf({ secretsDir: directory }: Config): Promise<Secrets> {
  if (!existsSync(directory)) return offlineSecrets;
  const files = new SecretFiles({ directory, clock: systemClock, onChange: () => {} });
  await files.load();
  return files.current();
}

function asText(state: Desired): string {
  const rows = rowsOf(state).map(({ path, value, from }) => [path, textOf(value), from]);
  return `${textTable([["PATH", "VALUE", "FROM"], ...rows])}\n`;
}

function asJson(state: Desired): string {
  const { desired, nextChangeMs, warnings } = state;
  const values = rowsOf(state).map(({ value, ...row }) => ({ ...row, value: value ?? null }));
  const shown = { generation: desired.generation, values, nextChangeMs, warnings };
  return `${JSON.stringify(shown, null, 2)}\n`;
}

function rowsOf({ desired, runtimeOptions, origins }: Desired) {
  const whole = { ...desired.spec, ...runtimeOptions };
  const redact = redactor([
    ...secretsInSpec(desired.spec),
    ...secretsInEvents(runtimeOptions.events),
  ]);
  return [...origins].map(([path, origin]) => ({
    path,
    value: withoutSecrets(path, partOf(whole, path), redact),
    from: describeOrigin(origin),
  }));
}

/** A path as the origins have it: outputs[0].encoding.codec. */
function partOf(whole: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter((part) => part !== "")
    .reduce<unknown>(
      (part, key) => (typeof part === "object" && part !== null ? Reflect.get(part, key) : part),
      whole,
    );
}

function withoutSecrets(path: string, value: unknown, redact: Redact): unknown {
  if (!/\.(?:credentials|users)$/.test(path) || value === undefined) {
    return redactDeep(value, redact);
  }
  // These paths hold one login, or a list of them.
  const logins = [value as Credentials | readonly Credentials[]].flat();
  const shown = logins.map(({ username }) => `${redact(username)}:***`);
  return Array.isArray(value) ? shown : shown[0];
}

function textOf(value: unknown): string {
  if (value === undefined) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}
