// Reads the sidecar's counters over the contract.
import { start } from "../test/support/processes.js";
import type { Scope } from "../test/support/scope.js";

const PYTHON = ".venv/bin/python";

/** Counters of the first camera and the first output since they were configured. */
export interface Counts {
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly framesInferred: number;
  readonly inferenceCpuMs: number;
  readonly inferenceMs: number;
  readonly framesOut: number;
}

export async function readCounts(scope: Scope, socket: string): Promise<Counts> {
  const reader = start(scope, PYTHON, ["test/support/state.py", socket]);
  const { code } = await reader.ended;
  if (code !== 0) throw new Error(reader.errorLines.join("\n"));
  // slipstream.v1.State in proto3's JSON form, in which 64-bit numbers are strings.
  const state = JSON.parse(reader.lines.join("")) as {
    cameras: { counters: Record<string, string | number> }[];
    outputs: Record<string, string | number>[];
  };
  const camera = state.cameras[0]?.counters ?? {};
  const output = state.outputs[0] ?? {};
  return {
    framesReceived: Number(camera["framesReceived"]),
    framesDropped: Number(camera["framesDropped"]),
    framesInferred: Number(camera["framesInferred"]),
    inferenceCpuMs: Number(camera["inferenceCpuSeconds"]) * 1000,
    inferenceMs: Number(camera["inferenceSeconds"]) * 1000,
    framesOut: Number(output["frames"]),
  };
}
