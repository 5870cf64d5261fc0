// What the make targets for Open Horizon do: node dist/src/fleet/main.js VERB. Run at the top of the repository.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { docker, dockerInTerminal } from "../common/docker.js";
import { environment } from "../common/environment.js";
import { type Document, isObject, parseDocument } from "../common/json/document.js";
import { projectVariables } from "../common/json/variables.js";
import { InputError } from "../common/problem.js";
import { displayFinding } from "./definition/finding.js";
import { lint } from "./definition/lint.js";
import { readAgreements, watchAgreements } from "./publish/agreements.js";
import { hzn, hznOutput, publishedPolicy, publishedService } from "./publish/hzn.js";
import { publishModel, publishSettings } from "./publish/objects.js";
import {
  differences,
  digestOf,
  exchangeId,
  imagesOf,
  PublishError,
  refuseOtherVersion,
  withDigests,
  withVersions,
} from "./publish/publish.js";
import { parseSecrets, withSecretBinding, withSecrets } from "./publish/secrets.js";
import { ExchangeError } from "./rollout/connection.js";
import { policyNames, rollout } from "./rollout/make-rollout.js";
import { RolloutError } from "./rollout/shares.js";

const DEFINITION = "service.definition.json";
const DEPLOYMENT_POLICY = "deployment.policy.json";
const OBJECT = "horizon/object.json";
/** The node's agent is on the same machine. */
const AGREEMENTS_EVERY_MS = 2000;

const VERBS: Readonly<Record<string, () => Promise<void> | void>> = {
  print: () => {
    process.stdout.write(textOf(definition(read(DEFINITION))));
  },
  "publish-service": publishService,
  "publish-deployment-policy": publishDeploymentPolicy,
  canary: () => rollout("canary", environment, (variables) => checkedPolicy(variables).policy),
  promote: () => rollout("promote", environment, deploymentPolicy),
  rollback: () => rollout("rollback", environment, deploymentPolicy),
  "publish-model": () => publishModel(environment, writeObject),
  "publish-settings": () => publishSettings(environment, writeObject),
  "agent-run": agentRun,
  "pre-pull": prePull,
  "fleet-status": () => rollout("fleet-status", environment, deploymentPolicy),
};

async function publishService(): Promise<void> {
  const document = read(DEFINITION);
  refuseFaults(document);
  const wanted = definition(document);
  const images = imagesOf(wanted);
  for (const image of images)
    refuseOtherVersion(image, String(wanted["version"]), await versionOf(image));
  const digests = await Promise.all(
    images.map(async (image) => [image, digestOf(image, await repoDigests(image))] as const),
  );
  const fixed = withDigests(wanted, new Map(digests));
  const id = exchangeId(fixed);
  const published = await publishedService(String(fixed["org"]), id);
  if (published !== undefined) {
    const changed = differences(published, fixed);
    if (changed.length === 0) {
      say(`${id} is published as it is here`);
      return;
    }
    if (environment["OVERWRITE"] !== "yes") {
      const what = changed.join(", ");
      throw new PublishError(
        `${id} is published with other content (${what}): raise the version, or OVERWRITE=yes`,
      );
    }
  }
  // Digests need no Docker, and -O no answer at a prompt: what it would ask was decided above.
  await hzn("exchange", "service", "publish", "-O", "-f", write(DEFINITION, fixed));
}

/** Tells what becomes of a registration, until the service runs or AGENT_WAIT seconds are over. */
async function agentRun(): Promise<void> {
  const limit = environment["AGENT_WAIT"] ?? "";
  if (!/^\d{1,5}$/.test(limit)) {
    throw new PublishError(`AGENT_WAIT is "${limit}"; a whole number of seconds`);
  }
  const runs = await watchAgreements({
    list: async () => readAgreements(await hznOutput("agreement", "list")),
    events: async () => {
      const events: unknown = JSON.parse(await hznOutput("eventlog", "list"));
      return Array.isArray(events) ? events.map(String) : [];
    },
    say: (line) => console.log(line),
    nowMs: () => performance.now(),
    pause: () => setTimeout(AGREEMENTS_EVERY_MS),
    limitMs: Number(limit) * 1000,
  });
  if (runs) return;
  throw new PublishError(
    `the service does not run after ${limit} s: make deploy-check, hzn eventlog list; the node stays registered`,
  );
}

/** Pulls what a version will run here, by the digests that it was published with. */
async function prePull(): Promise<void> {
  const { VERSION: version, HZN_ORG_ID: org = "", SERVICE_NAME: url, ARCH: arch } = environment;
  if (!version) throw new PublishError("VERSION is not set: as in VERSION=0.2.0");
  const id = exchangeId({ url, version, arch });
  const published = await publishedService(org, id);
  if (published === undefined) throw new PublishError(`${org}/${id} is not published`);
  const deployment: unknown = JSON.parse(String(published["deployment"]));
  for (const image of imagesOf({ deployment })) await dockerInTerminal(["pull", image]);
}

async function publishDeploymentPolicy(): Promise<void> {
  const [name, second] = policyNames(environment);
  if ((await publishedPolicy(environment["HZN_ORG_ID"] ?? "", second)) !== undefined) {
    const way = "a new version goes out with make canary, and make promote RING=all ends that";
    throw new PublishError(`${second} is in force, made by a rollout: ${way}`);
  }
  if (!environment["PREVIOUS_VERSION"]) {
    say("PREVIOUS_VERSION is not set: a version that fails has none to go back to");
  }
  const { file } = checkedPolicy(environment);
  await hzn("exchange", "deployment", "addpolicy", "-f", file, name);
}

/** The deployment policy without a fault, and the file that it was written into. */
function checkedPolicy(variables: NodeJS.ProcessEnv) {
  const policy = deploymentPolicy(variables);
  const file = write(DEPLOYMENT_POLICY, policy);
  refuseFaults(parseDocument(file, readFileSync(file, "utf8"), () => undefined));
  return { file, policy };
}

/** The deployment policy as it is published. An empty PREVIOUS_VERSION is no fault: that element is left out. */
function deploymentPolicy(variables: NodeJS.ProcessEnv): Readonly<Record<string, unknown>> {
  const { value } = read(DEPLOYMENT_POLICY, variables);
  const versions = withVersions(isObject(value) ? value : {});
  return withSecretBinding(versions, parseSecrets(variables["SECRETS"] ?? ""));
}

function writeObject(variables: NodeJS.ProcessEnv): string {
  return write(`${variables["OBJECT_TYPE"]}.json`, read(OBJECT, variables).value);
}

/** What the image says that it holds; the images' builds see to it that it is true. Undefined: named by a digest, and not here. */
function versionOf(image: string): Promise<string | undefined> {
  if (image.includes("@sha256:")) return Promise.resolve(undefined);
  const format = '{{index .Config.Labels "org.opencontainers.image.version"}}';
  return inspectImage(image, format);
}

async function repoDigests(image: string): Promise<string[]> {
  const format = "{{range .RepoDigests}}{{println .}}{{end}}";
  if (image.includes("@sha256:")) return [];
  return (await inspectImage(image, format)).split("\n");
}

async function inspectImage(image: string, format: string): Promise<string> {
  try {
    return await docker(["image", "inspect", "--format", format, image]);
  } catch {
    throw new PublishError(`${image} is not on this machine: make build, make push`);
  }
}

function read(file: string, variables = environment): Document {
  return parseDocument(file, readFileSync(file, "utf8"), projectVariables(file, variables));
}

/** The definition with the secrets that this publication is to have. */
function definition({ value }: Document): Readonly<Record<string, unknown>> {
  return withSecrets(isObject(value) ? value : {}, parseSecrets(environment["SECRETS"] ?? ""));
}

function refuseFaults(document: Document): void {
  const faults = lint([document]).filter(({ severity }) => severity === "error");
  if (faults.length > 0) throw new PublishError(faults.map(displayFinding).join("\n"));
}

/** Writes what is published under build/, and returns the file. */
function write(name: string, value: unknown): string {
  const file = join("build/horizon", environment["ARCH"] ?? "", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, textOf(value));
  return file;
}

function textOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function say(line: string): void {
  console.error(`horizon: ${line}`);
}

/** Errors that are the user's, in words of their own. */
function messageOf(error: unknown): string {
  const isOurs = [ExchangeError, InputError, PublishError, RolloutError].some(
    (kind) => error instanceof kind,
  );
  if (error instanceof Error && isOurs) return error.message;
  // execFile's error holds what the program said.
  const { stderr } = error as { stderr?: unknown };
  return typeof stderr === "string" && stderr !== "" ? stderr.trim() : String(error);
}

const verb = VERBS[process.argv[2] ?? ""];
if (verb === undefined) throw new Error(`usage: main.js ${Object.keys(VERBS).join("|")}`);
try {
  await verb();
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}
