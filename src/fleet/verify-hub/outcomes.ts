// The outcome of each step of a verification, as a table.

export interface Outcome {
  readonly t: "ok" | "failed" | "not tried";
  readonly name: string;
  readonly seconds: number;
  readonly detail: string;
}

/** One line for each step, followed by the whole output of a failed one. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  const lines = outcomes.map(({ t, name, seconds, detail }) => {
    const time = t === "not tried" ? "" : `${seconds.toFixed(1)} s`;
    const line = `${name.padEnd(width)}  ${t.padEnd(9)}  ${time.padStart(7)}`;
    if (t === "not tried") return `${line}  ${detail}`;
    return t === "failed" ? `${line}\n  ${detail.replaceAll("\n", "\n  ")}` : line.trimEnd();
  });
  const failed = outcomes.filter(({ t }) => t === "failed").length;
  const untried = outcomes.filter(({ t }) => t === "not tried").length;
  return [
    ...lines,
    `${outcomes.length - failed - untried} ok, ${failed} failed, ${untried} not tried`,
  ].join("\n");
}
