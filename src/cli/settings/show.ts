/** `slipstream settings show`. */

import { existsSync } from "node:fs";
import { Documents } from "../../common/hub/documents.js";
import { documentsPath } from "../../common/hub/state.js";
import { displayProblem, InputError, type Problem } from "../../common/problem.js";
import { SecretFiles } from "../../common/secrets/secret-files.js";
import type { Secrets } from "../../common/secrets/secrets.js";
import { type Config, loadConfig } from "../../common/settings/config.js";
import { type DesiredState, desiredState } from "../../common/settings/desired-state.js";
import { offlineModels, offlineSecrets } from "../../common/settings/offline.js";
import type { SourcedDocument } from "../../common/settings/precedence.js";
import {
  type DocumentReading,
  readSettingsDocument,
} from "../../common/settings/settings-document.js";
import type { Terminal } from "../../common/terminal.js";
import { systemClock } from "../../common/time/clock.js";
import { readDocumentFile } from "./document-file.js";
import { showJson, showText } from "./table.js";

export interface ShowOptions {
  readonly file?: string;
  readonly hub?: string;
  readonly json?: true;
}

const EXIT_REFUSED = 1;

export async function show(options: ShowOptions, terminal: Terminal): Promise<void> {
  const shown = await stateOf(options, terminal.environment);
  if (shown.t === "refused") {
    for (const problem of shown.problems) terminal.err(`${displayProblem(problem)}\n`);
    terminal.exit(EXIT_REFUSED);
    return;
  }
  const { state } = shown;
  terminal.out(options.json ? showJson(state) : showText(state));
  if (options.json) return;
  for (const one of state.warnings) terminal.err(`warning: ${displayProblem(one)}\n`);
}

type Shown =
  | { readonly t: "state"; readonly state: Extract<DesiredState, { t: "desired" }> }
  | { readonly t: "refused"; readonly problems: readonly Problem[] };

async function stateOf({ file, hub }: ShowOptions, environment: NodeJS.ProcessEnv): Promise<Shown> {
  const isDocumentGiven = file !== undefined || hub !== undefined;
  let config: Config;
  try {
    config = isDocumentGiven
      ? loadConfig(environment, process.cwd(), true)
      : loadConfig(environment, process.cwd());
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return refused(error.problems);
  }
  const path = file ?? config.settingsFile;
  const readings = {
    file: path === undefined ? undefined : await readDocumentFile(path),
    hub: hub === undefined ? await readKept(config) : await readDocumentFile(hub),
  };
  const documents: SourcedDocument[] = [];
  for (const from of ["file", "hub"] as const) {
    const reading = readings[from];
    if (reading?.t === "refused") return refused(reading.problems);
    if (reading !== undefined) documents.push({ from, document: reading.document });
  }
  const secrets = await secretsOf(config);
  const state = desiredState({
    config,
    documents,
    secrets,
    models: offlineModels,
    nowMs: Date.now(),
  });
  if (state.t === "refused") return refused(state.problems);
  return { t: "state", state };
}

/** The document of the hub that the agent keeps, where this is a node. */
async function readKept({ stateDir, hub }: Config): Promise<DocumentReading | undefined> {
  const path = documentsPath(stateDir);
  if (hub === "off" || !existsSync(path)) return undefined;
  const kept = (await Documents.open(path, () => {})).current();
  return kept && readSettingsDocument(kept.text, "hub");
}

function refused(problems: readonly Problem[]): Shown {
  return { t: "refused", problems };
}

/** Where this is no node, every secret counts as there. */
async function secretsOf({ secretsDir: directory }: Config): Promise<Secrets> {
  if (!existsSync(directory)) return offlineSecrets;
  const files = new SecretFiles({ directory, clock: systemClock, changed: () => {} });
  await files.load();
  return files.current();
}
