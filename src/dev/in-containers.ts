// Whether `make dev` runs the two containers of the service or the two processes of a developer's machine, and the first of them.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { docker } from "../common/docker.js";
import { environment } from "../common/environment.js";
import { parseDocument } from "../common/json/document.js";
import { projectVariables } from "../common/json/variables.js";
import { containerHalf, remove } from "./container-half.js";
import { type Container, containersOf } from "./containers.js";
import type { Half } from "./half.js";

/** What the machine has. */
export interface Facts {
  /** Docker's default; undefined: Docker does not answer. */
  readonly runtime: string | undefined;
  /** Images of the service that are not there. */
  readonly missing: readonly string[];
}

export type Way =
  | { readonly t: "containers" }
  | { readonly t: "processes"; readonly hint: string | undefined };

/** Something that was wished for and cannot be. */
export class WayError extends Error {
  override readonly name = "WayError";
}

/**
 * Containers are for the GPU: only in them is DeepStream. Without one, and without a wish, processes start faster.
 *
 * @param wish DEV_IN: containers, processes, or nothing
 */
export function wayOf(wish: string | undefined, { runtime, missing }: Facts): Way {
  const absent = `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not here: make build`;
  switch (wish) {
    case undefined:
    case "":
      if (runtime !== "nvidia") return { t: "processes", hint: undefined };
      return missing.length === 0
        ? { t: "containers" }
        : { t: "processes", hint: `for the GPU, ${absent}` };
    case "processes":
      return { t: "processes", hint: undefined };
    case "containers":
      if (runtime === undefined)
        throw new WayError("DEV_IN is containers, and Docker does not answer");
      if (missing.length > 0) throw new WayError(`DEV_IN is containers, and ${absent}`);
      return { t: "containers" };
    default:
      throw new WayError(`DEV_IN is "${wish}"; allowed: containers or processes`);
  }
}

/** As much as the wish needs to know: most machines have no Docker, or one that is slow to say so. */
export async function lookAround(
  wish: string | undefined,
  containers: readonly Container[],
): Promise<Facts> {
  if (wish === "processes") return { runtime: undefined, missing: [] };
  const runtime = await ask("info", "--format", "{{.DefaultRuntime}}");
  if (runtime === undefined || (!wish && runtime !== "nvidia")) return { runtime, missing: [] };
  const found = await Promise.all(
    containers.map(async ({ image }) => {
      const id = await ask("image", "inspect", "--format", "{{.Id}}", image);
      return id === undefined ? [image] : [];
    }),
  );
  return { runtime, missing: found.flat() };
}

const ANSWER_MS = 2000;

/** Undefined: Docker says no, or nothing. */
function ask(...args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program(), args, { timeout: ANSWER_MS }, (error, out) =>
      resolve(error === null ? out.trim() : undefined),
    );
  });
}

function program(): string {
  return environment["DOCKER"] || "docker";
}

const NETWORK = "slipstream-dev";

/**
 * The containers of the definition, as Horizon would run them, except that nobody would put another version in the place of one
 * that fails: they are in no agreement.
 */
export function containersHere(root: string, env: NodeJS.ProcessEnv): Container[] {
  const file = join(root, "service.definition.json");
  const hub = env["DOCKER_HUB_ID"];
  const variables = {
    HZN_ORG_ID: "local",
    ...(hub ? { DOCKER_IMAGE_BASE: `${hub}/slipstream` } : {}),
    ...env,
  };
  const lookup = projectVariables(file, variables);
  const { value } = parseDocument(file, readFileSync(file, "utf8"), lookup);
  const inputs = {
    ...env,
    RTSPINPUT: env["RTSPINPUT"]?.trim() ? env["RTSPINPUT"] : "test://",
    LOG_FORMAT: env["LOG_FORMAT"] || (process.stdout.isTTY ? "text" : "auto"),
  };
  const agreement = { id: NETWORK, arch: lookup("ARCH") ?? "", inputs };
  return containersOf(value, agreement).map((container) => {
    const { HZN_AGREEMENTID: _, ...environment } = container.environment;
    return { ...container, environment };
  });
}

/** The sidecar first, as the launcher starts the processes. */
export function halvesIn(containers: readonly Container[], logDir: string): Half[] {
  return [...containers]
    .sort((a, b) => b.key.localeCompare(a.key))
    .map((container) => {
      const { key: name } = container;
      const log = name === "agent" ? {} : { log: join(logDir, `${name}.log`) };
      return containerHalf({ name, ...log }, container, program());
    });
}

/** Runs work with the containers' network in place; nothing of it is left afterwards, except the volumes. */
export async function withNetwork<T>(
  containers: readonly Container[],
  work: () => Promise<T>,
): Promise<T> {
  const end = async () => {
    await Promise.all(containers.map((container) => remove(container, program())));
    await docker(["network", "rm", NETWORK]).catch(() => {}); // It was not there.
  };
  await end(); // of a launcher that was killed
  await docker(["network", "create", NETWORK]);
  try {
    return await work();
  } finally {
    await end();
  }
}
