// The results of the race as Markdown. Pure.
import { median, round } from "../statistics.js";
import type { Recovery, Sample } from "./measure.js";

/** All rounds of a contestant with one load. */
export interface Result {
  readonly contestant: string;
  /** As in LOADS: 1280x720@30. */
  readonly load: string;
  readonly cameras: number;
  readonly samples: readonly Sample[];
  /** For one camera. */
  readonly recoveries: readonly Recovery[];
}

export interface Alone {
  readonly threads: number;
  readonly rate: number;
  readonly ms: number;
  readonly cpuMs: number;
}

const COLUMNS: readonly (readonly [string, keyof Sample, number])[] = [
  ["frames a second", "framesPerSecond", 1],
  ["unique", "uniquePerSecond", 1],
  ["p50 ms", "p50Ms", 0],
  ["p95 ms", "p95Ms", 0],
  ["p99 ms", "p99Ms", 0],
  ["CPU ms a frame", "cpuMsPerFrame", 1],
  ["CPU %", "cpuPercent", 0],
  ["MiB", "memoryMiB", 0],
  ["first frame ms", "firstFrameMs", 0],
];

/** A table for each load and number of cameras: medians, and from lowest to highest where there are several rounds. */
export function asMarkdown(results: readonly Result[], alone: readonly Alone[]): string {
  const loads = [...new Set(results.map(nameOf))];
  const inference = alone.map(
    ({ threads, rate, ms, cpuMs }) =>
      `The network alone, ${threads} at a time: ${round(rate, 1)} inferences a second, ${round(ms, 1)} ms and ${round(cpuMs, 1)} CPU ms each.`,
  );
  const tables = loads.map((load) => {
    const rows = results.filter((result) => nameOf(result) === load);
    return [`### ${load}`, "", ...tableOf(rows)].join("\n");
  });
  return [inference.join("\n"), ...tables].join("\n\n");
}

function nameOf({ load, cameras }: Result): string {
  return `${load}, ${cameras} ${cameras === 1 ? "camera" : "cameras"}`;
}

function tableOf(rows: readonly Result[]): string[] {
  const recovers = rows.some(({ recoveries }) => recoveries.length > 0);
  const names = ["", ...COLUMNS.map(([name]) => name)];
  if (recovers) names.push("ms after the camera's return", "viewers dropped");
  return [
    row(names),
    row(names.map(() => "---")),
    ...rows.map(({ contestant, samples, recoveries }) =>
      row([
        contestant,
        ...COLUMNS.map(([, key, digits]) =>
          spread(
            samples.map((sample) => sample[key]),
            digits,
          ),
        ),
        ...(recovers
          ? [
              spread(
                recoveries.map(({ gapMs }) => gapMs),
                0,
              ),
              spread(
                recoveries.map(({ viewersDropped }) => viewersDropped),
                0,
              ),
            ]
          : []),
      ]),
    ),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The median, and in brackets the lowest and the highest of several. A camera that never came back is no number. */
function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "";
  if (values.some(Number.isNaN)) return values.every(Number.isNaN) ? "never" : "not always";
  const middle = round(median(values), digits);
  if (values.length === 1) return `${middle}`;
  return `${middle} (${round(Math.min(...values), digits)} to ${round(Math.max(...values), digits)})`;
}
