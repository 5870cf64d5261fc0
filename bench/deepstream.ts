// What engine deepstream itself costs, measured on stand-ins. It says nothing about the speed of a board.
import { start } from "../test/support/processes.js";
import { withScope } from "./scope.js";

const PYTHON = ".venv/bin/python";

export interface DeepstreamCosts {
  /** CPU time of all metadata probes for a batch of 8 frames with 20 objects each. */
  readonly probesMs: number;
  /** Building the graph for 16 cameras. */
  readonly graphMs: number;
  /** CPU time of decoding the raw tensors of nanodet-coco, per frame. */
  readonly tensorsMs: number;
  /** Resident memory of the worker beyond gRPC and GStreamer, with four cameras. */
  readonly memoryMiB: number;
}

export function measureDeepstream(): Promise<DeepstreamCosts> {
  return withScope(async (scope) => {
    const bench = start(scope, PYTHON, ["bench/deepstream_costs.py"]);
    const { code } = await bench.ended;
    if (code !== 0) throw new Error(bench.errorLines.join("\n"));
    // The shape that deepstream_costs.py prints.
    return JSON.parse(bench.lines.at(-1) ?? "") as DeepstreamCosts;
  });
}
