/** `slipstream settings lint`: what a node would say to a document, and what would not run on a board. */

import type { Command } from "commander";
import type { Catalogue } from "../../common/catalogue/catalogue.js";
import { loadCatalogue } from "../../common/catalogue/load.js";
import { findTarget, idsOfAll, type Target } from "../../common/catalogue/targets.js";
import type { Severity } from "../../common/problems/codes.js";
import { loadConfig } from "../../common/settings/config.js";
import { type DesiredState, desiredState } from "../../common/settings/desired-state.js";
import type { SettingsDocument } from "../../common/settings/document.js";
import { describeDocumentFault } from "../../common/settings/document-fault.js";
import { deskModels, deskSecrets } from "../../common/settings/offline.js";
import type { Terminal } from "../../common/terminal.js";
import { lint } from "../lint/lint.js";
import { specToLint } from "../lint/spec/from-settings.js";
import { readDocumentFile } from "./document-file.js";

export interface LintOptions {
  readonly target?: string;
  readonly json?: true;
  readonly strict?: true;
}

interface Finding {
  readonly severity: Severity;
  /** One line: FILE:LINE: PATH what is wrong. */
  readonly message: string;
}

const EXIT_FINDINGS = 1;

export async function lintFiles(
  files: readonly string[],
  options: LintOptions,
  terminal: Terminal,
  command: Command,
): Promise<void> {
  const catalogue = await loadCatalogue();
  const targets = chooseTargets(options.target, catalogue, command);
  const results: { readonly file: string; readonly findings: readonly Finding[] }[] = [];
  for (const file of files) {
    results.push({ file, findings: await lintFile(file, targets, catalogue) });
  }
  if (options.json) terminal.out(`${JSON.stringify(results, null, 2)}\n`);
  else for (const { file, findings } of results) terminal.out(asText(file, findings));
  const findings = results.flatMap((result) => result.findings);
  if (findings.some(({ severity }) => severity === "error" || options.strict)) {
    terminal.exit(EXIT_FINDINGS);
  }
}

function asText(file: string, findings: readonly Finding[]): string {
  if (findings.length === 0) return `${file}: nothing wrong\n`;
  return findings.map(({ severity, message }) => `${severity}: ${message}\n`).join("");
}

function chooseTargets(
  wanted: string | undefined,
  { targets }: Catalogue,
  command: Command,
): readonly Target[] {
  if (wanted === undefined) return [];
  const ids = wanted === "all" ? idsOfAll(targets) : [wanted];
  return ids.map((id) => {
    const lookup = findTarget(targets, id);
    return lookup.t === "target" ? lookup.target : command.error(`error: ${lookup.message}`);
  });
}

async function lintFile(
  file: string,
  targets: readonly Target[],
  catalogue: Catalogue,
): Promise<Finding[]> {
  const reading = await readDocumentFile(file);
  if (reading.t === "refused") return reading.faults.map(toFinding);
  const state = stateOnAnyNode(reading.document);
  if (state.t === "refused") {
    return state.faults.map((fault) => toFinding({ ...fault, document: file }));
  }
  const notes = state.notes
    .filter(({ t }) => t === "never on")
    .map(
      ({ path, message }): Finding => ({
        severity: "warning",
        message: `${file}: ${path} ${message}`,
      }),
    );
  const spec = specToLint(state.desired.spec);
  const problems = targets.flatMap((target) =>
    lint({ spec }, target, catalogue).map(({ severity, path, message }) => ({
      severity,
      message: `${file}: ${path} on ${target.id}: ${message}`,
    })),
  );
  return [...notes, ...problems];
}

function toFinding(fault: Parameters<typeof describeDocumentFault>[0]): Finding {
  return { severity: "error", message: describeDocumentFault(fault) };
}

/** A document of a whole fleet names no cameras: each node has its own. */
function stateOnAnyNode(document: SettingsDocument): DesiredState {
  return desiredState({
    config: loadConfig({ RTSPINPUT: "test://" }, "/"),
    documents: [{ from: "file", document }],
    secrets: deskSecrets,
    models: deskModels,
    nowMs: Date.now(),
  });
}
