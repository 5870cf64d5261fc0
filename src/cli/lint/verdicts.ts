/** What the linter found for one or several targets, as a table for people or as JSON. */

import type { AnyTarget } from "../../common/catalogue/targets.js";
import { hasErrors, type Problem } from "../../common/problem.js";
import { textTable } from "../../common/text-table.js";

export interface Verdict {
  readonly target: AnyTarget;
  readonly problems: readonly Problem[];
}

export function verdictsAsJson(verdicts: readonly Verdict[]): string {
  const targets = verdicts.map(({ target, problems }) => ({
    target: target.id,
    release: target.engine === "cpu" ? null : target.release,
    platform: target.engine === "cpu" ? null : target.platform,
    runs: !hasErrors(problems),
    problems,
  }));
  return `${JSON.stringify({ targets }, null, 2)}\n`;
}

/** A line for each target, then every problem once with the targets that have it. */
export function verdictsAsText(verdicts: readonly Verdict[]): string {
  const summary = textTable([
    ["TARGET", "RELEASE", "PLATFORM", "RUNS"],
    ...verdicts.map(({ target, problems }) => [...columnsOf(target), verdictOf(problems)]),
  ]);
  const found = groupProblems(verdicts);
  if (found.length === 0) return `${summary}\n`;
  const isOne = verdicts.length === 1;
  const rows = found.map(({ problem, targets }) => {
    const on = targets.length === verdicts.length ? "all" : targets.join(",");
    const place = displayPlace(problem);
    const { severity, code } = problem;
    return isOne ? [severity, place, code] : [severity, on, place, code];
  });
  const lines = textTable(rows).split("\n");
  const details = found.map(({ problem }, i) => `${lines[i]}\n    ${problem.message}\n`);
  return `${summary}\n\n${details.join("")}`;
}

function columnsOf(target: AnyTarget): readonly string[] {
  if (target.engine === "cpu") return [target.id, "-", "-"];
  return [target.board?.id ?? target.id, target.release, target.platform];
}

/** FILE:LINE, the path in a specification or a launch line, or both. */
export function displayPlace({ file = "", line, path }: Problem): string {
  if (line === undefined) return path === "" ? file : path;
  return `${file}:${line} ${path}`.trimEnd();
}

function verdictOf(problems: readonly Problem[]): string {
  const verdict = hasErrors(problems) ? "no" : "yes";
  if (problems.length === 0) return verdict;
  const counts = (["error", "warning", "notice"] as const).flatMap((severity) =>
    count(problems.filter((one) => one.severity === severity).length, severity),
  );
  return `${verdict}: ${counts.join(", ")}`;
}

function count(number: number, noun: string): string[] {
  return number === 0 ? [] : [`${number} ${noun}${number === 1 ? "" : "s"}`];
}

interface FoundOnTargets {
  readonly problem: Problem;
  readonly targets: string[];
}

function groupProblems(verdicts: readonly Verdict[]): FoundOnTargets[] {
  const found = new Map<string, FoundOnTargets>();
  for (const { target, problems } of verdicts) {
    for (const problem of problems) {
      const key = JSON.stringify([displayPlace(problem), problem.code, problem.message]);
      const known = found.get(key);
      if (known === undefined) found.set(key, { problem, targets: [target.id] });
      else known.targets.push(target.id);
    }
  }
  return [...found.values()];
}
