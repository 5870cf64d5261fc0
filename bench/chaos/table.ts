// The table of a chaos run, for a person. Pure.
import type { FaultRecord } from "./record.js";

/** A line for a fault that is over. */
export function asLine(record: FaultRecord, faults: readonly string[]): string {
  const cells = [
    String(record.number).padStart(4),
    record.name.padEnd(26),
    record.reasons.join(", ").padEnd(24),
    `noticed ${seconds(record.detectedMs)}`,
    `well ${seconds(record.recoveredMs)}`,
    `lost ${record.witnesses.map(({ lost, sent }) => `${lost}/${sent}`).join(" ")}`,
    `pause ${record.witnesses.map(({ pauseMs }) => seconds(pauseMs)).join(" ")}`,
    record.drops.length > 0
      ? `viewers out ${record.drops.length}, back ${seconds(record.viewersBackMs)}`
      : "",
    record.workerBackMs === undefined ? "" : `worker back ${seconds(record.workerBackMs)}`,
  ];
  return [cells.join("  ").trimEnd(), ...faults.map((fault) => `      BROKEN: ${fault}`)].join(
    "\n",
  );
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? "  -  " : `${(ms / 1000).toFixed(2)}s`;
}
