/** `slipstream lint`: reads its input, lints it for each target, prints the verdicts. */

import { basename } from "node:path";
import { Command } from "commander";
import type { Catalogue } from "../../common/catalogue/catalogue.js";
import type { TargetsFile } from "../../common/catalogue/data.js";
import { loadCatalogue } from "../../common/catalogue/load.js";
import {
  type AnyTarget,
  findBoard,
  findRelease,
  findTarget,
  idsOfAll,
  type TargetLookup,
} from "../../common/catalogue/targets.js";
import { readText, readTextStream } from "../../common/files/read.js";
import { hasErrors, type Problem } from "../../common/problem.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { readBundle } from "./bundle/bundle.js";
import { type LaunchReading, parseLaunchLine } from "./launch/parse.js";
import { inBundle, type LintSubject, lint } from "./lint.js";
import { parseSpec, type SpecReading } from "./spec/parse.js";
import { verdictsAsJson, verdictsAsText } from "./verdicts.js";

const LARGEST_LINE_BYTES = 64 * 1024;

interface Options {
  readonly target?: string;
  readonly release?: string;
  readonly board?: string;
  readonly bundle?: string;
  readonly spec?: string;
  readonly env?: true;
  readonly launch?: string;
  readonly json?: true;
  readonly strict?: true;
}

export function lintCommand(terminal: Terminal = processTerminal()): Command {
  return new Command("lint")
    .description("report what would not run on a board or a DeepStream release, and why")
    .option(
      "--target <board>",
      "t4, nano, orin-nano, a board with a release such as t4@9.1, cpu for engine cpu, or all boards (default: all)",
    )
    .option("--release <release>", "DeepStream release, for example 7.1")
    .option("--board <platform>", "with --release: dgpu or jetson")
    .option("--spec <file>", "specification: a PipelineSpec as JSON")
    .option("--env", "agent settings from the environment, and the model bundle that they name")
    .option(
      "--bundle <directory>",
      "model bundle with config_infer.txt, or an nvinfer configuration file",
    )
    .option("--launch <line>", "gst-launch line; - reads it from standard input")
    .option("--json", "print JSON")
    .option("--strict", "warnings count as errors for the exit status")
    .addHelpText("after", "\nExit status: 0 it would run, 1 it would not, 2 wrong usage.")
    .action(async (options: Options, command: Command) => {
      const catalogue = await loadCatalogue();
      const targets = chooseTargets(options, catalogue.targets, command);
      const { subject, problems } = await readSubject(options, catalogue, command, terminal);
      const verdicts = targets.map((target) => ({
        target,
        problems: [...problems, ...lint(subject, target, catalogue)],
      }));
      terminal.out(options.json ? verdictsAsJson(verdicts) : verdictsAsText(verdicts));
      const found = verdicts.flatMap((verdict) => verdict.problems);
      const isRefused = options.strict
        ? found.some(({ severity }) => severity !== "notice")
        : hasErrors(found);
      if (isRefused) terminal.exit(1);
    });
}

/** A usage error if the options name no target. */
function chooseTargets(
  options: Options,
  file: TargetsFile,
  command: Command,
): readonly AnyTarget[] {
  const { target, release, board, launch } = options;
  if (target === "cpu" && launch !== undefined)
    command.error("error: --launch needs a board: engine cpu takes no launch line");
  const found = (lookup: TargetLookup<AnyTarget>): AnyTarget => {
    if (lookup.t === "target") return lookup.target;
    return command.error(`error: ${lookup.message}`);
  };
  if (release !== undefined && board !== undefined) {
    if (target !== undefined)
      command.error("error: --board goes with --release, not with --target");
    return [found(findRelease(file, release, board))];
  }
  if (board !== undefined)
    command.error("error: --board needs --release, for example --release 7.1");
  if (target !== undefined && target !== "all") {
    return [
      found(release === undefined ? findTarget(file, target) : findBoard(file, target, release)),
    ];
  }
  if (release !== undefined) {
    command.error("error: --release needs --board dgpu or jetson, or --target with a board");
  }
  return idsOfAll(file).map((id) => found(findTarget(file, id)));
}

async function readSubject(
  options: Options,
  catalogue: Catalogue,
  command: Command,
  { environment }: Terminal,
): Promise<{ readonly subject: LintSubject; readonly problems: readonly Problem[] }> {
  const { launch } = options;
  if (options.spec !== undefined && options.env) {
    command.error("error: --spec and --env both give a specification: give one of them");
  }
  const spec = await readSpecification(options, environment);
  const path = options.bundle ?? spec?.bundle;
  if (spec === undefined && path === undefined && launch === undefined) {
    command.error("error: nothing to lint: give --spec, --env, --bundle or --launch");
  }
  const bundle = path === undefined ? undefined : await readBundle(path, catalogue);
  const others = await Promise.all(
    (spec?.otherBundles ?? []).map(async (directory) => {
      if (directory === undefined) return undefined;
      const name = basename(directory);
      const reading = await readBundle(directory, catalogue);
      return { name, ...reading, problems: inBundle(name, reading.problems) };
    }),
  );
  const line = launch === undefined ? undefined : await readLaunch(launch);
  return {
    subject: {
      spec: spec?.spec,
      bundle: bundle?.bundle,
      otherBundles: others.map((one) =>
        one?.bundle === undefined ? undefined : { name: one.name, bundle: one.bundle },
      ),
      launch: line?.launch,
    },
    problems: [spec, bundle, ...others, line].flatMap((reading) => reading?.problems ?? []),
  };
}

/** The directories of the model bundles that the settings name; undefined for one that only a node has. */
type Specification = SpecReading & {
  readonly bundle?: string;
  readonly otherBundles?: readonly (string | undefined)[];
};

async function readSpecification(
  options: Options,
  environment: NodeJS.ProcessEnv,
): Promise<Specification | undefined> {
  if (options.spec !== undefined) return readSpecFile(options.spec);
  if (!options.env) return undefined;
  // Loaded only here: it needs a library that the rest does not.
  const { readSettings } = await import("./spec/from-settings.js");
  return readSettings(environment, process.cwd());
}

async function readSpecFile(path: string): Promise<SpecReading> {
  const reading = await readText(path, path);
  if (reading.t === "refused") return { spec: undefined, problems: [reading.problem] };
  return parseSpec(reading.text, path);
}

async function readLaunch(line: string): Promise<LaunchReading> {
  if (line !== "-") return parseLaunchLine(line);
  const reading = await readTextStream(process.stdin, "standard input", LARGEST_LINE_BYTES);
  if (reading.t === "refused") return { launch: undefined, problems: [reading.problem] };
  return parseLaunchLine(reading.text);
}
