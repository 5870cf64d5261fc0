// Prints a chaos run as lines and as a table. Pure.
import type { FaultRecord } from "./record.js";

const NAME_WIDTH = 28;

/** One line for a finished fault, and one for each broken promise. */
export function asLine(record: FaultRecord, broken: readonly string[]): string {
  const { witnesses, drops } = record;
  const cells = [
    String(record.number).padStart(3),
    record.name.padEnd(NAME_WIDTH),
    ...(record.detectedMs === undefined ? [] : [`noticed ${seconds(record.detectedMs)}`]),
    `well ${seconds(record.recoveredMs)}`,
    ...(record.workerBackMs === undefined ? [] : [`worker ${seconds(record.workerBackMs)}`]),
    `witnesses lost ${witnesses.map(({ lost, sent }) => `${lost}/${sent}`).join(" ")}`,
    ...(drops.length === 0
      ? []
      : [`${drops.length} viewers disconnected, back after ${seconds(record.viewersBackMs)}`]),
    record.reasons.join(", "),
  ];
  return [cells.join("  ").trimEnd(), ...broken.map((fault) => `      BROKEN: ${fault}`)].join(
    "\n",
  );
}

const HEAD = [
  "fault",
  "times",
  "noticed, s",
  "well, s",
  "worker back, s",
  "healthy cameras: lost of sent",
  "longest pause, s",
  "viewers disconnected",
  "viewers back, s",
  "reason",
];

/** One row per kind of fault: its count, and median and worst of each measurement. */
export function asTable(records: readonly FaultRecord[]): string {
  const names = [...new Set(records.map(({ name }) => name))].sort();
  const rows = names.map((name) =>
    row(
      name,
      records.filter((record) => record.name === name),
    ),
  );
  return aligned([HEAD, ...rows]);
}

function row(name: string, records: readonly FaultRecord[]): string[] {
  const spread = (of: (record: FaultRecord) => number | undefined) =>
    middleAndWorst(records.map(of).filter((ms) => ms !== undefined));
  const witnesses = records.flatMap((record) => record.witnesses);
  const sum = (of: (witness: (typeof witnesses)[number]) => number) =>
    witnesses.reduce((total, witness) => total + of(witness), 0);
  const drops = records.reduce((total, record) => total + record.drops.length, 0);
  return [
    name,
    String(records.length),
    spread(({ detectedMs }) => detectedMs),
    spread(({ recoveredMs }) => recoveredMs),
    spread(({ workerBackMs }) => workerBackMs),
    `${sum(({ lost }) => lost)} of ${sum(({ sent }) => sent)}`,
    seconds(Math.max(0, ...witnesses.map(({ pauseMs }) => pauseMs))),
    drops === 0 ? "" : String(drops),
    spread(({ viewersBackMs }) => viewersBackMs),
    [...new Set(records.flatMap(({ reasons }) => reasons))].join(", "),
  ];
}

/** "0.21 / 1.30", or empty if nothing was measured. */
function middleAndWorst(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const worst = sorted.at(-1);
  if (middle === undefined) return "";
  return sorted.length === 1 ? seconds(worst) : `${seconds(middle)} / ${seconds(worst)}`;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? "never" : (ms / 1000).toFixed(2);
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
