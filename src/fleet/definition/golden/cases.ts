/** Golden answers about service definitions: the output of the real `hzn dev service verify`. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "../../policy/golden/cases.js";
import { inFolder, runHzn } from "../../policy/golden/hzn.js";

export interface DefinitionCase {
  readonly name: string;
  /** Keys that override those of the plain definition. */
  readonly definition?: Readonly<Record<string, unknown>>;
  /** Keys that override those of its one container. */
  readonly container?: Readonly<Record<string, unknown>>;
  /** The codes of the problems that our linter finds, in alphabetical order. */
  readonly finds: readonly string[];
  readonly answer?: DefinitionAnswer;
}

export interface DefinitionAnswer {
  readonly exit: number;
  /** Its warnings and errors. */
  readonly text: string;
}

export interface DefinitionFile {
  readonly program: Program;
  readonly cases: readonly DefinitionCase[];
}

/** From the top of the project, where tests run. */
export const definitionFile = join("src", "fleet", "definition", "golden", "definition.json");

export function readDefinitionFile(): DefinitionFile {
  // The file is ours and the tests fail on what does not fit; there is nothing to gain from checking its shape.
  return JSON.parse(readFileSync(definitionFile, "utf8")) as DefinitionFile;
}

export function definitionOf({ definition, container }: DefinitionCase): object {
  return {
    org: "myorg",
    label: "Slipstream",
    url: "slipstream",
    version: "1.0.0",
    arch: "amd64",
    public: true,
    sharable: "multiple",
    requiredServices: [],
    userInput: [],
    deployment: {
      services: { agent: { image: `example/agent@sha256:${"0".repeat(64)}`, ...container } },
    },
    ...definition,
  };
}

export function askVerify(hzn: string, given: DefinitionCase): Promise<DefinitionAnswer> {
  return inFolder(async (folder) => {
    const horizon = join(folder, "horizon");
    mkdirSync(join(horizon, "dependencies"), { recursive: true });
    const write = (name: string, value: unknown): void => {
      writeFileSync(join(horizon, name), JSON.stringify(value));
    };
    write("service.definition.json", definitionOf(given));
    write("userinput.json", { global: [], services: [] });
    write("hzn.json", { HZN_ORG_ID: "myorg" });
    const { exit, stdout, stderr } = await runHzn(hzn, ["dev", "service", "verify"], folder);
    const lines = `${stdout}${stderr}`.replaceAll(`${folder}/`, "").split("\n");
    return { exit, text: lines.filter((line) => /^(?:Warning|Error)/.test(line)).join("\n") };
  });
}
