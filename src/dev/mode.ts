/** Decides whether `make dev` runs processes, or the containers of the service definition. */

import { execFile } from "node:child_process";
import { environment } from "../common/environment.js";
import type { Container } from "./containers.js";

export interface DockerFacts {
  /** Docker's default runtime; undefined: Docker does not answer. */
  readonly runtime: string | undefined;
  /** Images of the service that are not there. */
  readonly missing: readonly string[];
}

export type Mode =
  | { readonly t: "containers" }
  | { readonly t: "processes"; readonly hint: string | undefined };

/** The requested mode is not possible. */
export class ModeError extends Error {
  override readonly name = "ModeError";
}

/**
 * Only containers have DeepStream, so they are used where there is a GPU. Elsewhere processes start faster.
 *
 * @param requested DEV_IN: containers, processes, or nothing
 */
export function chooseMode(requested: string | undefined, { runtime, missing }: DockerFacts): Mode {
  const absent = `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not here: make build`;
  switch (requested) {
    case undefined:
    case "":
      if (runtime !== "nvidia") return { t: "processes", hint: undefined };
      return missing.length === 0
        ? { t: "containers" }
        : { t: "processes", hint: `for the GPU, ${absent}` };
    case "processes":
      return { t: "processes", hint: undefined };
    case "containers":
      if (runtime === undefined) {
        throw new ModeError("DEV_IN is containers, and Docker does not answer");
      }
      if (missing.length > 0) throw new ModeError(`DEV_IN is containers, and ${absent}`);
      return { t: "containers" };
    default:
      throw new ModeError(`DEV_IN is "${requested}"; allowed: containers or processes`);
  }
}

/** Asks Docker only what the decision needs: most machines have no Docker, or a slow one. */
export async function inspectDocker(
  requested: string | undefined,
  containers: readonly Container[],
): Promise<DockerFacts> {
  if (requested === "processes") return { runtime: undefined, missing: [] };
  const runtime = await ask("info", "--format", "{{.DefaultRuntime}}");
  if (runtime === undefined || (!requested && runtime !== "nvidia"))
    return { runtime, missing: [] };
  const missing = await Promise.all(
    containers.map(async ({ image }) => {
      const id = await ask("image", "inspect", "--format", "{{.Id}}", image);
      return id === undefined ? [image] : [];
    }),
  );
  return { runtime, missing: missing.flat() };
}

const TIMEOUT_MS = 2000;

/** Undefined: Docker fails or does not answer. */
function ask(...args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(environment["DOCKER"] || "docker", args, { timeout: TIMEOUT_MS }, (error, out) =>
      resolve(error === null ? out.trim() : undefined),
    );
  });
}
