// Golden answers about the package's own files: the output of `hzn dev service verify` and `hzn deploycheck policy`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, parseDocument } from "../../../common/json/document.js";
import { projectVariables } from "../../../common/json/variables.js";
import { RING } from "../../node-policy/properties.js";
import type { Answer, Program, Question } from "../../policy/golden/cases.js";
import { askHzn, runHzn } from "../../policy/golden/hzn.js";
import { makeTestWorkspace } from "../testing/test-workspace.js";

/** A question about one board, and the answer. */
export interface Placement {
  readonly board: string;
  readonly service: string;
  /** The node's ring, and the rings of the policy. */
  readonly ring: number;
  readonly rings: string;
  readonly question: Question;
  readonly answer: Answer;
}

export interface Verdicts {
  readonly program: Program;
  /** By architecture: the exit code of verify, and its warnings and errors. */
  readonly verify: Readonly<Record<string, { readonly exit: number; readonly text: string }>>;
  readonly placements: readonly Placement[];
}

/** From the top of the project, where tests run. */
export const verdictsFile = join("src", "fleet", "publish", "golden", "verdicts.json");

export function readVerdicts(): Verdicts {
  // The file is ours and the tests fail on what does not fit; there is nothing to gain from checking their shape.
  return JSON.parse(readFileSync(verdictsFile, "utf8")) as Verdicts;
}

const ALL = { ring: 2, rings: ">= 0" };
const T4 = { board: "t4", arch: "amd64", service: "slipstream" };

/** Each board with the services that might be placed on it, and the rings between the two policies of a rollout. */
const SCENES = [
  { ...T4, ...ALL },
  { board: "nano", arch: "arm64", service: "slipstream", ...ALL },
  { board: "nano", arch: "arm64", service: "slipstream-orin-nano", ...ALL },
  { board: "orin-nano", arch: "arm64", service: "slipstream", ...ALL },
  { board: "orin-nano", arch: "arm64", service: "slipstream-orin-nano", ...ALL },
  ...[1, 2].flatMap((ring) => ["<= 1", "> 1"].map((rings) => ({ ...T4, ring, rings }))),
];

/** The questions for the files as they are now. No release has these versions, so that a new one changes nothing here. */
export function questions(): Omit<Placement, "answer">[] {
  return SCENES.map(({ board, arch, service, ring, rings }) => {
    const suffix = service.replace(/^slipstream-?/, "");
    const read = (file: string) => {
      const variables = {
        HZN_ORG_ID: "myorg",
        ARCH: arch,
        SERVICE_NAME: service,
        SERVICE_VERSION: "99.0.0",
        PREVIOUS_VERSION: "98.0.0",
        ROLLOUT_RINGS: rings,
      };
      const { value } = parseDocument(
        file,
        readFileSync(file, "utf8"),
        projectVariables(file, variables),
      );
      return isObject(value) ? value : {};
    };
    // Settings do not affect where a service may run.
    const definition = { ...read("service.definition.json"), userInput: [] };
    const node = read(`horizon/node.policy.${board}.json`);
    const given = Array.isArray(node["properties"]) ? node["properties"] : [];
    const properties = [
      ...given.filter((property) => !isObject(property) || property["name"] !== RING),
      { name: RING, value: ring, type: "int" },
      { name: "openhorizon.arch", value: arch },
    ];
    const question: Question = {
      node: { ...node, properties },
      deployment: read("deployment.policy.json"),
      services: [definition, { ...definition, version: "98.0.0" }],
      servicePolicy: read(`horizon/service.policy${suffix && `.${suffix}`}.json`),
      arch,
    };
    return { board, service, ring, rings, question };
  });
}

export async function askAll(hzn: string): Promise<Omit<Verdicts, "program">> {
  const placements: Placement[] = [];
  for (const asked of questions()) {
    placements.push({ ...asked, answer: await askHzn(hzn, asked.question) });
  }
  const verify = { amd64: await askVerify(hzn, "amd64"), arm64: await askVerify(hzn, "arm64") };
  return { verify, placements };
}

async function askVerify(hzn: string, arch: string) {
  const workspace = makeTestWorkspace({});
  try {
    const env = { ARCH: arch, SERVICE_VERSION: "99.0.0" };
    const { exit, stdout, stderr } = await runHzn(
      hzn,
      ["dev", "service", "verify"],
      workspace.folder,
      env,
    );
    const lines = `${stdout}${stderr}`.replaceAll(`${workspace.folder}/`, "").split("\n");
    return { exit, text: lines.filter((line) => /^(?:Warning|Error)/.test(line)).join("\n") };
  } finally {
    workspace.remove();
  }
}
