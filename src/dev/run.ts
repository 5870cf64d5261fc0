// `make run` and `make stop`: node dist/src/dev/run.js start|stop. Run at the top of the repository.

import { readFileSync } from "node:fs";
import { environment } from "../common/environment.js";
import { parseDocument } from "../common/json/document.js";
import { projectVariables } from "../common/json/variables.js";
import { InputError } from "../common/problem.js";
import { start, stop } from "./agreement.js";
import { type Container, containersOf, DefinitionError } from "./containers.js";

const DEFINITION = "service.definition.json";
/** Name of the network, and first part of the containers' names. */
const NETWORK = "slipstream";

const VERBS: Readonly<Record<string, () => Promise<void>>> = {
  start: async () => {
    if (!environment["RTSPINPUT"]?.trim())
      throw new DefinitionError("RTSPINPUT must be set: the cameras");
    const containers = containersWith(environment);
    await stop(NETWORK, namesOf(containers));
    await start(NETWORK, containers);
    say(`${namesOf(containers).join(" and ")} run; make log, make attach, make stop`);
  },
  stop: () => stop(NETWORK, namesOf(containersWith({ RTSPINPUT: "none" }))),
};

function containersWith(inputs: Readonly<Record<string, string | undefined>>): Container[] {
  const source = readFileSync(DEFINITION, "utf8");
  const { value } = parseDocument(DEFINITION, source, projectVariables(DEFINITION, environment));
  return containersOf(value, { id: NETWORK, arch: environment["ARCH"] ?? "", inputs });
}

function namesOf(containers: readonly Container[]): string[] {
  return containers.map(({ name }) => name);
}

function say(line: string): void {
  console.error(`run: ${line}`);
}

const verb = VERBS[process.argv[2] ?? ""];
if (verb === undefined) throw new Error(`usage: run.js ${Object.keys(VERBS).join("|")}`);
try {
  await verb();
} catch (error) {
  const isOurs = error instanceof DefinitionError || error instanceof InputError;
  say(isOurs ? error.message : String(error));
  process.exitCode = 1;
}
