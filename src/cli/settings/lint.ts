/** `slipstream settings lint`: why a node would refuse a document, and what of it would not run on a board. */

import type { Command } from "commander";
import type { Catalogue } from "../../common/catalogue/catalogue.js";
import { loadCatalogue } from "../../common/catalogue/load.js";
import { type AnyTarget, findTarget, idsOfAll } from "../../common/catalogue/targets.js";
import { displayProblem, hasErrors, type Problem } from "../../common/problem.js";
import { loadConfig } from "../../common/settings/config.js";
import { desiredState } from "../../common/settings/desired-state.js";
import { offlineModels, offlineSecrets } from "../../common/settings/offline.js";
import type { Terminal } from "../../common/terminal.js";
import { lint } from "../lint/lint.js";
import { specToLint } from "../lint/spec/from-settings.js";
import { readDocumentFile } from "./document-file.js";

export interface LintOptions {
  readonly target?: string;
  readonly json?: true;
  readonly strict?: true;
}

const EXIT_PROBLEMS = 1;

/** Those that do not depend on what only a node knows. */
const OFFLINE_WARNINGS: ReadonlySet<string> = new Set(["never-on", "tracker-missing"]);

export async function lintFiles(
  files: readonly string[],
  { target, json, strict }: LintOptions,
  terminal: Terminal,
  command: Command,
): Promise<void> {
  const catalogue = await loadCatalogue();
  const targets = targetsOf(target, catalogue, command);
  const results = await Promise.all(
    files.map(async (file) => ({ file, problems: await lintFile(file, targets, catalogue) })),
  );
  if (json) terminal.out(`${JSON.stringify(results, null, 2)}\n`);
  else for (const { file, problems } of results) terminal.out(asText(file, problems));
  const problems = results.flatMap((result) => result.problems);
  if (strict ? problems.length > 0 : hasErrors(problems)) terminal.exit(EXIT_PROBLEMS);
}

function asText(file: string, problems: readonly Problem[]): string {
  if (problems.length === 0) return `${file}: nothing wrong\n`;
  return problems.map((one) => `${one.severity}: ${displayProblem(one)}\n`).join("");
}

function targetsOf(
  wanted: string | undefined,
  { targets }: Catalogue,
  command: Command,
): readonly AnyTarget[] {
  if (wanted === undefined) return [];
  const ids = wanted === "all" ? idsOfAll(targets) : [wanted];
  return ids.map((id) => {
    const lookup = findTarget(targets, id);
    return lookup.t === "target" ? lookup.target : command.error(`error: ${lookup.message}`);
  });
}

async function lintFile(
  file: string,
  targets: readonly AnyTarget[],
  catalogue: Catalogue,
): Promise<readonly Problem[]> {
  const reading = await readDocumentFile(file);
  if (reading.t === "refused") return reading.problems;
  const state = desiredState({
    // A document for a whole fleet lists no cameras: each node has its own.
    config: loadConfig({ RTSPINPUT: "test://" }, "/"),
    documents: [{ from: "file", document: reading.document }],
    secrets: offlineSecrets,
    models: offlineModels,
    nowMs: Date.now(),
  });
  if (state.t === "refused") return state.problems.map((one) => ({ ...one, file }));
  const spec = specToLint(state.desired.spec);
  const onTargets = targets.flatMap((target) =>
    lint({ spec }, target, catalogue).map((one) => ({
      ...one,
      message: `on ${target.id}: ${one.message}`,
    })),
  );
  const warnings = state.warnings.filter(({ code }) => OFFLINE_WARNINGS.has(code));
  return [...warnings, ...onTargets].map((one) => ({ ...one, file }));
}
