// Prints the figures of a bench as a table. Pure.
import { cpus } from "node:os";
import type { CommandTimes } from "./commands.js";
import type { DeepstreamCosts } from "./deepstream.js";
import type { HubFigures } from "./hub.js";
import type { IdleCosts } from "./idle.js";
import type { LiveResult } from "./live.js";
import type { ModelCost } from "./models.js";
import { PROCESSES } from "./product.js";
import { median, round } from "./statistics.js";
import type { ViewerFigures } from "./viewer.js";

/** The figures that `make bench` writes to build/bench.json. */
export interface Results {
  readonly machine: string;
  readonly firstPictureMs: readonly number[];
  readonly live: readonly LiveResult[];
  readonly viewer: ViewerFigures;
  readonly idle: IdleCosts;
  readonly models: readonly ModelCost[];
  readonly deepstream: DeepstreamCosts;
  readonly commands: CommandTimes;
  readonly hub: HubFigures;
}

export function machine(): string {
  const all = cpus();
  return `${all[0]?.model.trim() ?? "unknown processor"}, ${all.length} cores`;
}

export function asTable(results: Results): string {
  const { firstPictureMs: first, viewer, idle, deepstream, commands, hub } = results;
  const { model } = hub;
  const columns = results.live.map(({ name }) => name);
  const row = (label: string, value: (result: LiveResult) => string | number) => [
    label,
    ...results.live.map((result) => String(value(result))),
  ];
  const rows = [
    ["", ...columns],
    row("frames a second in", (r) => round(r.framesIn / r.seconds, 1)),
    row("frames a second out", (r) => round(r.framesOut / r.seconds, 1)),
    row("frames dropped before detection", (r) => r.framesDropped),
    row("latency p50, ms", (r) => round(r.latencyMs.p50, 1)),
    row("latency p95, ms", (r) => round(r.latencyMs.p95, 1)),
    row("latency p99, ms", (r) => round(r.latencyMs.p99, 1)),
    row(
      "inference, ms (CPU ms)",
      (r) => `${round(r.inferenceMs, 1)} (${round(r.inferenceCpuMs, 1)})`,
    ),
    row("CPU ms a frame beside inference", (r) => round(r.overheadCpuMs, 2)),
    ...PROCESSES.map((name) =>
      row(`  ${name}: CPU ms a frame, RSS MiB`, (r) =>
        [round(r.cpuMsPerFrame[name], 2), round(r.memoryMiB[name], 0)].join(", "),
      ),
    ),
    row("agent, % of a core", (r) => round(r.agentCpuPercent, 2)),
  ];
  const seconds = first.map((ms) => round(ms / 1000, 2)).join(", ");
  return [
    results.machine,
    `first picture: ${round(median(first) / 1000, 2)} s (median of ${seconds})`,
    "",
    ...aligned(rows),
    "",
    ...aligned([
      ["viewers", ""],
      ["first frame of a new viewer, ms", `${round(median(viewer.firstFrameMs), 0)}`],
      ["  the slowest of them, ms", `${round(Math.max(...viewer.firstFrameMs), 0)}`],
      ["bit rate, % of what was asked for", `${round(viewer.bitRatePercent, 0)}`],
    ]),
    "",
    ...aligned([
      ["with nothing to do", ""],
      ["keeper, % of a core", `${round(idle.keeperPercent, 2)}`],
      ["outlet that nobody watches, % of a core", `${round(idle.outletPercent, 2)}`],
      ["demo camera with one viewer, % of a core", `${round(idle.demoCameraPercent, 2)}`],
      ["hostile text of 100 kB in the sidecar's log, CPU ms", `${round(idle.redactMs, 1)}`],
      ["hostile text in the agent's log, CPU ms", `${round(idle.agentRedactMs, 1)}`],
      ["hostile settings document, CPU ms", `${round(idle.documentMs, 1)}`],
    ]),
    "",
    ...aligned([
      ["shipped model bundles on the demo clip", ""],
      ...results.models.map(({ name, inferenceMs, objects }) => [
        `${name}, CPU ms an inference`,
        `${round(inferenceMs, 1)} (${objects} objects)`,
      ]),
    ]),
    "",
    ...aligned([
      ["engine deepstream on stand-ins", ""],
      ["probes, 8 frames with 20 objects each, CPU ms", `${round(deepstream.probesMs, 2)}`],
      ["graph for 16 cameras, ms", `${round(deepstream.graphMs, 0)}`],
      ["raw tensors of nanodet-coco, CPU ms a frame", `${round(deepstream.tensorsMs, 2)}`],
      ["Python side beyond GStreamer, MiB", `${round(deepstream.memoryMiB, 0)}`],
      ["lint --target all, ms", `${round(commands.lintMs, 0)}`],
      ["policy plan, 100,000 nodes, ms", `${round(commands.planMs, 0)}`],
      ["make check-package, ms", `${round(commands.checkMs, 0)}`],
    ]),
    "",
    ...aligned([
      ["from the hub", ""],
      ["a changed setting, until a frame shows it, ms", `${round(hub.settingMs, 0)}`],
      ["an added camera, until a frame shows it, ms", `${round(hub.cameraMs, 0)}`],
      [
        "verdict on a slow model, to a frame of the last good one, ms",
        `${round(hub.lastGoodMs, 0)}`,
      ],
      [`a model of ${model.megabytes} MB, MiB of memory`, `${round(model.growthMiB, 0)}`],
      ["  seconds", `${round(model.seconds, 1)}`],
    ]),
  ].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width + 2);
      })
      .join("")
      .trimEnd(),
  );
}
