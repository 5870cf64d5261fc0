// A copy of the package for running make targets against a real hub, under names of its own: nothing else on the hub is touched,
// and no node of a fleet gets the service.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment } from "../../common/environment.js";
import { isObject } from "../../common/json/document.js";
import { findHzn } from "../policy/golden/hzn.js";
import {
  DOCKER,
  makeTestWorkspace,
  type TestWorkspace,
} from "../publish/testing/test-workspace.js";

/** Name of the service, and part of the names of policies, pattern and node. */
export const NAME = "slipstream-verify";
export const NODE = `${NAME}-node`;
/** Every policy of this workspace asks for this property, which no node of a fleet has. */
const MARK = "slipstream.verify";

/** One of each type; the deployment policy sets the last one. */
const INPUTS = ["RTSPINPUT", "BITRATE", "TRIAL", "LOG_LEVEL"];

export interface Hub {
  readonly org: string;
  /** `user:password`, the user without its organisation. */
  readonly login: string;
  /** With /v1. */
  readonly exchange: string;
  /** Undefined: the variable is not set. */
  readonly css: string | undefined;
  readonly agbot: string | undefined;
  readonly ca: Buffer | undefined;
}

/** The hub that the environment names, as `hzn` reads it. Throws an Error that names what is missing. */
export function hubFromEnvironment(env: NodeJS.ProcessEnv): Hub & { readonly hzn: string } {
  const given = (name: string) => {
    const value = env[name];
    if (value) return value;
    throw new Error(`${name} is not set`);
  };
  const org = given("HZN_ORG_ID");
  const hzn = findHzn(env);
  if (hzn === undefined) throw new Error("hzn is not installed");
  const certificate = env["HZN_MGMT_HUB_CERT_PATH"] || env["HZN_ICP_CA_CERT_PATH"];
  return {
    hzn,
    org,
    login: given("HZN_EXCHANGE_USER_AUTH").replace(`${org}/`, ""),
    exchange: given("HZN_EXCHANGE_URL").replace(/\/*$/, ""),
    css: env["HZN_FSS_CSSURL"] || undefined,
    agbot: env["HZN_AGBOT_URL"] || undefined,
    ca: certificate ? readFileSync(certificate) : undefined,
  };
}

export type MakeResult = Awaited<ReturnType<TestWorkspace["make"]>>;

/** Runs make targets with the names of this workspace. */
export class VerifyWorkspace {
  readonly #workspace: TestWorkspace;

  constructor(hub: Hub, hzn: string) {
    this.#workspace = makeTestWorkspace(
      { hzn: `#!/bin/sh\nexec '${hzn}' "$@"\n`, docker: DOCKER },
      {
        HZN_ORG_ID: hub.org,
        HZN_EXCHANGE_USER_AUTH: hub.login,
        HZN_EXCHANGE_URL: hub.exchange,
        ...(hub.css === undefined ? {} : { HZN_FSS_CSSURL: hub.css }),
        ...(hub.agbot === undefined ? {} : { HZN_AGBOT_URL: hub.agbot }),
        ...hznOptions(environment),
        DOCKER_HUB_ID: "me",
      },
    );
    const definition = this.#read("service.definition.json");
    const { userInput } = definition;
    // Settings change often, and recorded answers would change with them.
    const inputs = (Array.isArray(userInput) ? userInput : []).filter(
      (input) => isObject(input) && INPUTS.includes(String(input["name"])),
    );
    this.#write("service.definition.json", { ...definition, userInput: inputs });
    const policy = this.#read("deployment.policy.json");
    this.#write("deployment.policy.json", withMark(policy));
    const object = this.#read("horizon/object.json");
    const { destinationPolicy } = object;
    const marked = withMark(isObject(destinationPolicy) ? destinationPolicy : {});
    this.#write("horizon/object.json", { ...object, destinationPolicy: marked });
    this.#write("settings.json", {});
  }

  get folder(): string {
    return this.#workspace.folder;
  }

  /** @param args the target first; with BOARD it is for the board's own service */
  make(...args: string[]): Promise<MakeResult> {
    const board = args.find((arg) => arg.startsWith("BOARD="))?.slice("BOARD=".length);
    const service = `SERVICE_NAME=${NAME}${board === undefined ? "" : `-${board}`}`;
    return this.#workspace.make(service, `PACKAGE_NAME=${NAME}`, ...args);
  }

  remove(): void {
    this.#workspace.remove();
  }

  #read(file: string): Record<string, unknown> {
    const value: unknown = JSON.parse(readFileSync(join(this.folder, file), "utf8"));
    return isObject(value) ? value : {};
  }

  #write(file: string, value: object): void {
    writeFileSync(join(this.folder, file), JSON.stringify(value, null, 2));
  }
}

/** Further variables that `hzn` may need. */
function hznOptions(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["HZN_MGMT_HUB_CERT_PATH", "HZN_ICP_CA_CERT_PATH", "HZN_SSL_SKIP_VERIFY"];
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

function withMark(policy: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { constraints } = policy;
  return {
    ...policy,
    constraints: [...(Array.isArray(constraints) ? constraints : []), `${MARK} == true`],
  };
}

/** A node that exists only as an entry in the Exchange: it has no key, so that no agreement bot talks to it. */
export const EXCHANGE_NODE = {
  token: "none-that-anybody-uses",
  name: NODE,
  nodeType: "device",
  pattern: "",
  arch: "amd64",
  publicKey: "",
} as const;

export const EXCHANGE_NODE_POLICY = {
  properties: [
    { name: "slipstream.runtime", value: "nvidia", type: "string" },
    { name: "slipstream.deepstream", value: "7.1", type: "string" },
    { name: "slipstream.ring", value: 1, type: "int" },
    { name: MARK, value: true, type: "boolean" },
  ],
  constraints: [],
} as const;

/** The status that a node reports when both containers of a version run. */
export function runningStatus(org: string, version: string, nowMs: number) {
  const agreementId = "a".repeat(64);
  const container = (key: string) => ({
    name: `/${agreementId}-${key}`,
    image: key,
    created: Math.floor(nowMs / 1000),
    state: "running",
  });
  return {
    connectivity: {},
    services: [
      {
        agreementId,
        serviceUrl: NAME,
        orgid: org,
        version,
        arch: "amd64",
        containerStatus: ["agent", "sidecar"].map(container),
      },
    ],
  };
}

/** Sends a request to the Exchange. */
export async function request(
  hub: Pick<Hub, "org" | "login" | "exchange">,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly text: string }> {
  const text = typeof body === "string";
  const authorization = `Basic ${Buffer.from(`${hub.org}/${hub.login}`).toString("base64")}`;
  const response = await fetch(`${hub.exchange}/orgs/${hub.org}/${path}`, {
    method,
    headers: { authorization, "content-type": text ? "text/plain" : "application/json" },
    ...(body === undefined ? {} : { body: text ? body : JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

/** A temporary folder. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "hub-"));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}
