/** `make run` and `make stop`: node dist/src/dev/run.js start|stop, called in the repository's root. */

import { readFileSync } from "node:fs";
import { environment } from "../common/environment.js";
import { parseDocument } from "../common/json/document.js";
import { projectVariables } from "../common/json/variables.js";
import { InputError } from "../common/problem.js";
import {
  type Container,
  containersOf,
  DefinitionError,
  removeContainers,
  startContainers,
} from "./containers.js";

const DEFINITION = "service.definition.json";
/** Name of the network, and first part of the containers' names. */
const NETWORK = "slipstream";

const COMMANDS: Readonly<Record<string, () => Promise<void>>> = {
  start: async () => {
    if (!environment["RTSPINPUT"]?.trim()) {
      throw new DefinitionError("RTSPINPUT must be set: it names the cameras");
    }
    const containers = containersWith(environment);
    const names = containers.map(({ name }) => name);
    await removeContainers(NETWORK, names);
    await startContainers(NETWORK, containers);
    print(`started ${names.join(" and ")}; next: make log, make attach, make stop`);
  },
  stop: () => {
    const names = containersWith({ RTSPINPUT: "none" }).map(({ name }) => name);
    return removeContainers(NETWORK, names);
  },
};

function containersWith(inputs: Readonly<Record<string, string | undefined>>): Container[] {
  const source = readFileSync(DEFINITION, "utf8");
  const { value } = parseDocument(DEFINITION, source, projectVariables(DEFINITION, environment));
  return containersOf(value, { id: NETWORK, arch: environment["ARCH"] ?? "", inputs });
}

function print(line: string): void {
  console.error(`run: ${line}`);
}

const command = COMMANDS[process.argv[2] ?? ""];
if (command === undefined) throw new Error(`usage: run.js ${Object.keys(COMMANDS).join("|")}`);
try {
  await command();
} catch (error) {
  const isExpected = error instanceof DefinitionError || error instanceof InputError;
  print(isExpected ? error.message : String(error));
  process.exitCode = 1;
}
