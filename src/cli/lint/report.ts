/** Verdicts on one or several targets, as a table for people or as JSON. */

import type { Target } from "../../common/catalogue/targets.js";
import { hasErrors, type Problem } from "../../common/problem.js";

export interface Verdict {
  readonly target: Target;
  readonly problems: readonly Problem[];
}

export function asJson(verdicts: readonly Verdict[]): string {
  const targets = verdicts.map(({ target, problems }) => ({
    target: target.id,
    release: target.release,
    platform: target.platform,
    runs: !hasErrors(problems),
    problems,
  }));
  return `${JSON.stringify({ targets }, null, 2)}\n`;
}

/** First where it runs, then every problem once with the targets that have it. */
export function asText(verdicts: readonly Verdict[]): string {
  const summary = table([
    ["TARGET", "RELEASE", "PLATFORM", "RUNS"],
    ...verdicts.map(({ target, problems }) => [
      target.board?.id ?? target.id,
      target.release,
      target.platform,
      verdictOf(problems),
    ]),
  ]);
  const rows = [...byContent(verdicts)].map(([, { problem, targets }]) => {
    const where = targets.length === verdicts.length ? "all" : targets.join(",");
    const cells = [problem.severity, where, problem.path, problem.code];
    return { cells: verdicts.length === 1 ? cells.filter((_, i) => i !== 1) : cells, problem };
  });
  if (rows.length === 0) return summary;
  const lines = table(rows.map(({ cells }) => cells))
    .trimEnd()
    .split("\n");
  const details = rows.map(({ problem }, i) => `${lines[i]}\n    ${problem.message}\n`);
  return `${summary}\n${details.join("")}`;
}

function verdictOf(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = problems.length - errors;
  const parts = [count(errors, "error"), count(warnings, "warning")].filter((part) => part !== "");
  const verdict = errors > 0 ? "no" : "yes";
  return parts.length === 0 ? verdict : `${verdict}: ${parts.join(", ")}`;
}

function count(number: number, noun: string): string {
  if (number === 0) return "";
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

interface Shared {
  readonly problem: Problem;
  readonly targets: string[];
}

function byContent(verdicts: readonly Verdict[]): ReadonlyMap<string, Shared> {
  const shared = new Map<string, Shared>();
  for (const { target, problems } of verdicts) {
    for (const problem of problems) {
      const key = JSON.stringify([problem.path, problem.code, problem.message]);
      const known = shared.get(key);
      if (known === undefined) shared.set(key, { problem, targets: [target.id] });
      else known.targets.push(target.id);
    }
  }
  return shared;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}
