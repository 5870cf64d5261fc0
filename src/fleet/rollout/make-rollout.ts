// The make targets of a rollout: what they are told in the environment, and the terminal that they ask at.

import { createInterface } from "node:readline/promises";
import { RING } from "../node-policy/properties.js";
import { PublishError } from "../publish/publish.js";
import { asSent } from "./body.js";
import { type Command, conduct, refuseUnproven } from "./conduct.js";
import { hubOptions } from "./connection.js";
import { Exchange } from "./exchange.js";
import { ringsOf } from "./rings.js";
import { PATIENCE } from "./standing.js";
import { SyncService } from "./sync-service.js";

type JsonObject = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string | undefined>>;

/** The names that the two deployment policies of a service take in turn. `make publish` writes the first. */
export function policyNames({ DEPLOYMENT_POLICY_NAME: name = "" }: Environment): [string, string] {
  return [name, `${name}-b`];
}

/** @param template the deployment policy's file with these variables */
export async function rollout(
  verb: "canary" | "promote" | "rollback" | "fleet-status",
  env: Environment,
  template: (variables: Environment) => JsonObject,
): Promise<void> {
  await withHub(env, async (hub) => {
    const minutes = env["PROVEN_AFTER"];
    await conduct(commandOf(verb, env), {
      ...hub,
      service: env["SERVICE_NAME"] ?? "",
      names: policyNames(env),
      template: (version, old) =>
        asSent(template({ ...env, SERVICE_VERSION: version, PREVIOUS_VERSION: old })),
      nowMs: Date.now(),
      patience: minutes
        ? { ...PATIENCE, provenMs: wholeNumber("PROVEN_AFTER", minutes) * 60_000 }
        : PATIENCE,
      say: (text) => console.log(text),
      confirm: () => confirm(env),
    });
  });
}

/** @throws RolloutError where nodes that have the object already say that it has not passed its trial there */
export async function refuseUnprovenObject(
  type: string,
  sha256: string,
  env: Environment,
): Promise<void> {
  const rings = ringsOf([`${RING} ${env["ROLLOUT_RINGS"]}`]);
  if (rings === undefined) {
    throw new PublishError(
      `ROLLOUT_RINGS is "${env["ROLLOUT_RINGS"]}"; <=, > or >= and a number, as in "<= 1"`,
    );
  }
  const mayFail = wholeNumber("MAY_FAIL", env["MAY_FAIL"] || "0");
  await withHub(env, (hub) =>
    refuseUnproven({ type, sha256, rings }, mayFail, {
      ...hub,
      service: env["SERVICE_NAME"] ?? "",
      nowMs: Date.now(),
      say: (text) => console.log(text),
    }),
  );
}

interface Hub {
  readonly exchange: Exchange;
  readonly sync: SyncService | undefined;
}

async function withHub(env: Environment, run: (hub: Hub) => Promise<void>): Promise<void> {
  const options = hubOptions(env);
  const exchange = new Exchange(options);
  const css = env["HZN_FSS_CSSURL"];
  const sync = css ? new SyncService({ ...options, url: css }) : undefined;
  try {
    await run({ exchange, sync });
  } finally {
    exchange.close();
    sync?.close();
  }
}

function commandOf(verb: Parameters<typeof rollout>[0], env: Environment): Command {
  const { VERSION: version, RING: ring, MAY_FAIL: mayFail } = env;
  switch (verb) {
    case "canary":
      if (!version)
        throw new PublishError("VERSION is not set: the new version, as in VERSION=0.2.0");
      return { t: "canary", version, ring: wholeNumber("RING", ring || "1") };
    case "promote":
      if (!ring) throw new PublishError("RING is not set: the last ring that is to get it, or all");
      return {
        t: "promote",
        ring: ring === "all" ? "all" : wholeNumber("RING", ring),
        mayFail: wholeNumber("MAY_FAIL", mayFail || "0"),
      };
    case "rollback":
      return { t: "rollback" };
    case "fleet-status":
      return { t: "status" };
    default:
      return verb satisfies never;
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new PublishError(`${name} is "${text}"; a whole number from 0`);
}

async function confirm({ DRY_RUN: dryRun, CONFIRM: given }: Environment): Promise<boolean> {
  if (dryRun && dryRun !== "0" && dryRun !== "no") {
    console.log("dry run: nothing was changed");
    return false;
  }
  if (given === "yes") return true;
  if (!process.stdin.isTTY) {
    throw new PublishError("nothing was changed: CONFIRM=yes does it, DRY_RUN=1 only tells");
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question("go on? [y/N] ");
  terminal.close();
  const isYes = /^y(?:es)?$/i.test(answer.trim());
  if (!isYes) console.log("nothing was changed");
  return isYes;
}
