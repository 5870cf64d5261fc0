// Golden answers about our own package: what the real `hzn` made of it and sent to the Exchange.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../../common/json/document.js";
import type { Program } from "../../policy/golden/cases.js";
import { ExchangeDouble, type Request } from "../../rollout/testing/exchange-double.js";
import { DOCKER, makeTestWorkspace, type TestWorkspace } from "../testing/test-workspace.js";

type JsonObject = Readonly<Record<string, unknown>>;

/** One make command: what was in the files that hzn was given, and what it did. */
export interface Run {
  readonly command: string;
  /** By file; empty where nothing was to be sent. */
  readonly inputs: JsonObject;
  readonly exit: number;
  /** Those that change something; `hzn` looks things up in an order of chance. */
  readonly requests: readonly Request[];
}

export interface Publication {
  readonly program: Program;
  readonly runs: readonly Run[];
}

/** From the top of the project, where tests run. */
export const publicationFile = join("src", "fleet", "publish", "golden", "publication.json");

export function readPublication(): Publication {
  // The file is ours and the tests fail on what does not fit; there is nothing to gain from checking their shape.
  return JSON.parse(readFileSync(publicationFile, "utf8")) as Publication;
}

/** Run in this order, on one Exchange. No release has these versions, so that a new one changes nothing here. */
export const COMMANDS: readonly string[][] = [
  ["publish", "ARCH=amd64", "SERVICE_VERSION=98.0.0"],
  ["publish", "ARCH=arm64", "SERVICE_VERSION=98.0.0"],
  ["publish", "BOARD=orin-nano", "SERVICE_VERSION=98.0.0"],
  ["publish-pattern", "ARCH=amd64", "SERVICE_VERSION=98.0.0"],
  [
    ...["publish", "ARCH=amd64", "SERVICE_VERSION=99.0.0", "PREVIOUS_VERSION=98.0.0"],
    ...["ROLLOUT_RINGS=<= 1", "SECRETS=cam-login viewers=lobby"],
  ],
  ["publish-service", "ARCH=amd64", "SERVICE_VERSION=99.0.0", "SECRETS=cam-login viewers=lobby"],
  ["publish-service", "ARCH=amd64", "SERVICE_VERSION=99.0.0"],
  ["publish-service", "ARCH=amd64", "SERVICE_VERSION=99.0.0", "OVERWRITE=yes"],
  ["publish-settings", "FILE=settings.json", "OBJECT=night", "ROLLOUT_RINGS=<= 1"],
];

/** Keeps what `hzn` is given with -f and -m: each file as it was when the command read it. */
const KEEPING = `#!/bin/sh
for word; do
  case "$last" in -f | -m) name=$(basename "$word"); cp "$word" "$RECORD/given-$name" ;; esac
  last=$word
done
`;

/** Sends nothing, and finds nothing published. */
const SILENT = `${KEEPING}case "$*" in "exchange service list "* | "exchange deployment listpolicy "*) exit 8 ;; esac\n`;

/** Runs all commands with the real `hzn`, against an Exchange double that refuses what the real one refuses. */
export async function performWith(hzn: string): Promise<Run[]> {
  const exchange = await ExchangeDouble.start();
  const workspace = openWorkspace(`${KEEPING}exec '${hzn}' "$@"\n`);
  try {
    const runs: Run[] = [];
    for (const command of COMMANDS) {
      const before = exchange.changes.length;
      const { code, inputs } = await perform(workspace, command, exchange);
      const requests = exchange.changes.slice(before).map(plainRequest);
      runs.push({ command: command.join(" "), inputs, exit: code, requests });
    }
    return runs;
  } finally {
    workspace.remove();
    await exchange.stop();
  }
}

/** The files that each command gives to `hzn`, without running it. */
export async function inputsOf(command: readonly string[]): Promise<JsonObject> {
  const workspace = openWorkspace(SILENT);
  const exchange = await ExchangeDouble.start();
  try {
    return (await perform(workspace, command, exchange)).inputs;
  } finally {
    workspace.remove();
    await exchange.stop();
  }
}

function openWorkspace(hzn: string): TestWorkspace {
  const workspace = makeTestWorkspace({ hzn, docker: DOCKER });
  writeFileSync(join(workspace.folder, "settings.json"), "{}\n");
  return workspace;
}

async function perform(
  workspace: TestWorkspace,
  command: readonly string[],
  { org, user, url, cssUrl }: Pick<ExchangeDouble, "org" | "user" | "url" | "cssUrl">,
) {
  const target = [
    ...[`HZN_ORG_ID=${org}`, `HZN_EXCHANGE_USER_AUTH=${user}`],
    ...[`HZN_EXCHANGE_URL=${url}`, `HZN_FSS_CSSURL=${cssUrl}`],
    // It knows no secrets, of which hzn only warns.
    `HZN_AGBOT_URL=${cssUrl}`,
  ];
  const { code } = await workspace.make("DOCKER_HUB_ID=me", ...target, ...command);
  return { code, inputs: plainInputs(workspace.takeGiven()) };
}

/** The userInput comes from the settings, which change often: only the kinds of it are kept. */
function plainInputs(files: JsonObject): JsonObject {
  const plain = Object.entries(files).map(([file, value]) => {
    if (!isObject(value) || !("sharable" in value)) return [file, value];
    return [file, { ...value, userInput: kindsOf(value["userInput"]) }];
  });
  return Object.fromEntries(plain);
}

function plainRequest({ method, path, body }: Request): Request {
  if (typeof body === "string") return { method, path, body: body.split("\n")[0] };
  if (isObject(body) && isObject(body["meta"]))
    return { method, path, body: plainMeta(body["meta"]) };
  if (!isObject(body) || !("sharable" in body)) return { method, path, body };
  const { deploymentSignature: signature, ...rest } = body;
  const isSigned = typeof signature === "string" && signature.length > 300;
  return {
    method,
    path,
    body: {
      ...rest,
      userInput: kindsOf(body["userInput"]),
      deploymentSignature: isSigned ? "signed" : signature,
    },
  };
}

/** Without empty fields, and without the key of this one run. */
function plainMeta(meta: JsonObject): JsonObject {
  const { publicKey, signature, ...rest } = meta;
  const said = Object.entries(rest).filter(([, value]) => value && value !== 0);
  return { ...Object.fromEntries(said), isSealed: Boolean(publicKey && signature) };
}

/** Each kind of userInput once: its type and its keys. */
function kindsOf(userInput: unknown): unknown {
  if (!Array.isArray(userInput)) return userInput;
  const kinds = userInput.filter(isObject).map((input) => ({
    type: input["type"],
    keys: Object.keys(input).sort(),
  }));
  return kinds
    .filter((kind, i) => kinds.findIndex((one) => isDeepStrictEqual(one, kind)) === i)
    .map(({ type, keys }) => `${type}: ${keys.join(" ")}`)
    .sort();
}
