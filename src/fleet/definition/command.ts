/** `slipstream definition`: checks that Horizon's own tools do not make. */

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { type Document, parseDocument, problemsOf } from "../../common/json/document.js";
import { projectVariables } from "../../common/json/variables.js";
import { displayProblem, hasErrors, type Problem } from "../../common/problem.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { type ArchFile, parseArchFile } from "../policy/policy-files.js";
import { displayWithCode, lint } from "./lint.js";

const EXIT_PROBLEMS = 1;
const EXIT_BAD_INPUT = 2;

interface LintOptions {
  readonly strict?: true;
  readonly json?: true;
}

export function definitionCommand(terminal: Terminal = processTerminal()): Command {
  const command = new Command("definition").description("check what Open Horizon reads");
  command
    .command("lint")
    .description("check definitions, policies and patterns, each by itself and against the others")
    .argument("<[arch=]file...>", "JSON files; arch is the value of $ARCH")
    .option("--strict", "warnings count as errors")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExit status: 0 no errors, 1 errors, 2 wrong usage or input.")
    .exitOverride() // Not inherited: the parent gets its settings only when it is added to the program.
    .action((files: string[], options: LintOptions) => {
      lintFiles(files.map(parseArchFile), options, terminal);
    });
  return command;
}

function lintFiles(files: readonly ArchFile[], options: LintOptions, terminal: Terminal): void {
  const { documents, unreadable } = readDocuments(files, terminal.environment);
  if (unreadable.length > 0) {
    for (const one of unreadable) terminal.err(`${displayProblem(one)}\n`);
    terminal.exit(EXIT_BAD_INPUT);
    return;
  }
  const problems = lint(documents);
  if (options.json) terminal.out(`${JSON.stringify(problems, null, 2)}\n`);
  else for (const one of problems) terminal.out(`${displayWithCode(one)}\n`);
  if (options.strict ? problems.length > 0 : hasErrors(problems)) terminal.exit(EXIT_PROBLEMS);
}

function readDocuments(files: readonly ArchFile[], environment: NodeJS.ProcessEnv) {
  const documents: Document[] = [];
  const unreadable: Problem[] = [];
  for (const { file, arch } of files) {
    const variables = arch === undefined ? environment : { ...environment, ARCH: arch };
    try {
      const text = readFileSync(file, "utf8");
      documents.push(parseDocument(file, text, projectVariables(file, variables)));
    } catch (error) {
      unreadable.push(...problemsOf(error, file));
    }
  }
  return { documents, unreadable };
}
