// Stands for src/dev/main.ts in the launcher's tests: the same launcher, whose halves are scripts from its command line.
import type { Half } from "../../src/dev/half.js";
import { launch } from "../../src/dev/launch.js";
import { processHalf } from "../../src/dev/process-half.js";
import { stopSignals } from "../../src/dev/stop-signals.js";

/** A half of which a test says all that it does. Each argument of this program is one, as JSON. */
export interface StandIn {
  readonly name: string;
  /** JavaScript. */
  readonly script: string;
  readonly log?: string;
  /** Node.js, if none is named. */
  readonly program?: string;
}

function half({ name, script, log, program = process.execPath }: StandIn): Half {
  const facts = { name, ...(log === undefined ? {} : { log }) };
  const args = ["-e", script];
  return processHalf(facts, () => ({ ...facts, program, args, cwd: ".", env: process.env }));
}

process.exitCode = await launch({
  // The launcher's tests wrote them.
  halves: process.argv.slice(2).map((text) => half(JSON.parse(text) as StandIn)),
  ...stopSignals(),
  say: (line) => console.error(line),
});
