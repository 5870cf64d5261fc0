/** `slipstream lint`: reads what it is given, lints it for each target, prints the verdicts. */

import { Command } from "commander";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { TargetsFile } from "../catalogue/data.js";
import { loadCatalogue } from "../catalogue/load.js";
import { findBoard, findRelease, type Target, type TargetLookup } from "../catalogue/targets.js";
import { readBundle } from "./bundle/read.js";
import { parseLaunchLine } from "./launch/parse.js";
import { lint } from "./lint.js";
import { hasErrors, type Problem } from "./problem.js";
import { asJson, asText } from "./report.js";
import { readSpec } from "./spec/read.js";
import type { LintSubject } from "./subject.js";
import { readText, readTextStream } from "./text-file.js";

interface Options {
  readonly target?: string;
  readonly release?: string;
  readonly board?: string;
  readonly bundle?: string;
  readonly spec?: string;
  readonly launch?: string;
  readonly json?: true;
}

export function lintCommand(): Command {
  return new Command("lint")
    .description("tell what would not run, and why, on a board or a DeepStream release")
    .option("--target <board>", "t4, nano, orin-nano or all (default: all)")
    .option("--release <release>", "DeepStream release, for example 7.1")
    .option("--board <platform>", "with --release: dgpu or jetson")
    .option("--spec <file>", "specification, a PipelineSpec as JSON")
    .option(
      "--bundle <directory>",
      "model bundle with config_infer.txt, or an nvinfer configuration file",
    )
    .option("--launch <line>", "gst-launch line; - reads it from standard input")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExit status: 0 nothing keeps it from running, 1 something does, 2 wrong usage.",
    )
    .action(async (options: Options, command: Command) => {
      const catalogue = await loadCatalogue();
      const targets = chooseTargets(options, catalogue.targets, command);
      const { subject, problems } = await readSubject(options, catalogue, command);
      const verdicts = targets.map((target) => ({
        target,
        problems: [...problems, ...lint(subject, target, catalogue)],
      }));
      process.stdout.write(options.json ? asJson(verdicts) : asText(verdicts));
      if (verdicts.some((verdict) => hasErrors(verdict.problems))) process.exitCode = 1;
    });
}

/** Ends the command with a usage error where the options name no target. */
function chooseTargets(options: Options, file: TargetsFile, command: Command): readonly Target[] {
  const { target, release, board } = options;
  const take = (lookup: TargetLookup): Target => {
    if (lookup.t === "target") return lookup.target;
    return command.error(`error: ${lookup.message}`);
  };
  if (release !== undefined && board !== undefined) {
    if (target !== undefined)
      command.error("error: --board goes with --release, not with --target");
    return [take(findRelease(file, release, board))];
  }
  if (board !== undefined)
    command.error("error: --board needs --release, for example --release 7.1");
  if (target !== undefined && target !== "all") return [take(findBoard(file, target, release))];
  if (release !== undefined) {
    command.error("error: --release needs --board dgpu or jetson, or --target with a board");
  }
  return file.boards.map(({ id }) => take(findBoard(file, id)));
}

async function readSubject(
  options: Options,
  catalogue: Catalogue,
  command: Command,
): Promise<{ readonly subject: LintSubject; readonly problems: readonly Problem[] }> {
  const { spec, bundle, launch } = options;
  if (spec === undefined && bundle === undefined && launch === undefined) {
    command.error("error: nothing to lint: give --spec, --bundle or --launch");
  }
  const reading = {
    spec: spec === undefined ? undefined : await readSpecFile(spec),
    bundle: bundle === undefined ? undefined : await readBundle(bundle, catalogue.nvinferKeys),
    launch: launch === undefined ? undefined : await readLaunch(launch),
  };
  return {
    subject: {
      spec: reading.spec?.spec,
      bundle: reading.bundle?.bundle,
      launch: reading.launch?.launch,
    },
    problems: Object.values(reading).flatMap((one) => one?.problems ?? []),
  };
}

async function readSpecFile(path: string) {
  const reading = await readText(path, path);
  if (reading.t === "refused") return { spec: undefined, problems: [reading.problem] };
  return readSpec(reading.text, path);
}

async function readLaunch(line: string) {
  if (line !== "-") return parseLaunchLine(line);
  const reading = await readTextStream(process.stdin, "standard input");
  if (reading.t === "refused") return { launch: undefined, problems: [reading.problem] };
  return parseLaunchLine(reading.text);
}
