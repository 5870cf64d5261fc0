// Stands in for src/dev/main.ts in the supervisor's tests: the same supervisor, with scripts as programs.
import { type Program, processProgram } from "../../src/dev/program.js";
import { stopSignals, supervise } from "../../src/dev/supervisor.js";

/** A program that is a script of the test. Each argument of this process is one, as JSON. */
export interface TestProgram {
  readonly name: string;
  /** JavaScript. */
  readonly script: string;
  readonly log?: string;
  /** Default: Node.js. */
  readonly program?: string;
}

function programOf(test: TestProgram): Program {
  const { name, script, log, program = process.execPath } = test;
  const named = { name, ...(log === undefined ? {} : { log }) };
  const args = ["-e", script];
  return processProgram(named, () => ({ ...named, program, args, cwd: ".", env: process.env }));
}

process.exitCode = await supervise({
  // The supervisor's tests wrote them.
  programs: process.argv.slice(2).map((text) => programOf(JSON.parse(text) as TestProgram)),
  ...stopSignals(),
  print: (line) => console.error(line),
});
