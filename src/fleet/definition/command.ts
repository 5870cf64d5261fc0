/** `slipstream definition`: what Horizon's own tools do not say about a definition. */

import { readFileSync } from "node:fs";
import { Command } from "commander";
import {
  type Document,
  displayProblem,
  type Problem,
  parseDocument,
  problemsOf,
} from "../../common/json/document.js";
import { projectVariables } from "../../common/json/variables.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { type ArchFile, parseArchFile } from "../policy/policy-files.js";
import { lint } from "./lint.js";
import { displayFinding } from "./schema-check.js";

const exitFindings = 1;
const exitBadInput = 2;

interface LintOptions {
  readonly strict?: true;
  readonly json?: true;
}

export function definitionCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("definition").description("check what Open Horizon reads");
  command
    .command("lint")
    .description("check definitions, policies and patterns, each by itself and against each other")
    .argument("<[arch=]file...>", "JSON files; arch is what $ARCH stands for")
    .option("--strict", "warnings count as errors")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExit status: 0 no errors, 1 errors, 2 wrong usage or input.")
    .exitOverride() // not inherited: the parent gets its settings only when it is added to the program
    .action((files: string[], options: LintOptions) => {
      lintFiles(files.map(parseArchFile), options, terminal);
    });
  return command;
}

function lintFiles(files: readonly ArchFile[], options: LintOptions, terminal: Terminal): void {
  const { documents, problems } = readDocuments(files, terminal.environment);
  if (problems.length > 0) {
    for (const problem of problems) terminal.err(`${displayProblem(problem)}\n`);
    terminal.exit(exitBadInput);
    return;
  }
  const findings = lint(documents);
  if (options.json) terminal.out(`${JSON.stringify(findings, null, 2)}\n`);
  else for (const finding of findings) terminal.out(`${displayFinding(finding)}\n`);
  const failing = findings.filter(({ severity }) => severity === "error" || options.strict);
  if (failing.length > 0) terminal.exit(exitFindings);
}

function readDocuments(files: readonly ArchFile[], environment: NodeJS.ProcessEnv) {
  const documents: Document[] = [];
  const problems: Problem[] = [];
  for (const { file, arch } of files) {
    const variables = arch === undefined ? environment : { ...environment, ARCH: arch };
    try {
      documents.push(
        parseDocument(file, readFileSync(file, "utf8"), projectVariables(file, variables)),
      );
    } catch (error) {
      problems.push(...problemsOf(error, file));
    }
  }
  return { documents, problems };
}
