// The make targets of a rollout: their variables from the environment, and the terminal that they ask at.

import { createInterface } from "node:readline/promises";
import type { JsonObject } from "../../common/json/document.js";
import { printLine } from "../../common/terminal.js";
import { RING } from "../node-policy/properties.js";
import { PublishError } from "../publish/hzn.js";
import { type Environment, withHub } from "./hub.js";
import { DEFAULT_THRESHOLDS } from "./node-state.js";
import { parseRings, policyRequestBody } from "./rollout-state.js";
import { type Command, checkObjectGate, runCommand } from "./run-command.js";

export type RolloutTarget = "canary" | "promote" | "rollback" | "fleet-status";

/** The names that the two deployment policies of a service use in turn. `make publish` writes the first. */
export function policyNames({ DEPLOYMENT_POLICY_NAME: name = "" }: Environment): [string, string] {
  return [name, `${name}-b`];
}

/** @param template the deployment policy file with these variables */
export async function runRollout(
  target: RolloutTarget,
  env: Environment,
  template: (variables: Environment) => JsonObject,
): Promise<void> {
  await withHub(env, async (hub) => {
    const minutes = env["PROVEN_AFTER"];
    const provenAfterMs = minutes
      ? wholeNumber("PROVEN_AFTER", minutes) * 60_000
      : DEFAULT_THRESHOLDS.provenAfterMs;
    await runCommand(commandOf(target, env), {
      ...hub,
      service: env["SERVICE_NAME"] ?? "",
      names: policyNames(env),
      template: (version, old) =>
        policyRequestBody(template({ ...env, SERVICE_VERSION: version, PREVIOUS_VERSION: old })),
      nowMs: Date.now(),
      thresholds: { ...DEFAULT_THRESHOLDS, provenAfterMs },
      print: printLine,
      confirm: () => confirm(env),
    });
  });
}

/** @throws RolloutError if nodes that have the object already report that it has not passed its trial there */
export async function checkObject(type: string, sha256: string, env: Environment): Promise<void> {
  const rings = parseRings([`${RING} ${env["ROLLOUT_RINGS"]}`]);
  if (rings === undefined) {
    throw new PublishError(
      `ROLLOUT_RINGS is "${env["ROLLOUT_RINGS"]}"; <=, > or >= and a number, as in "<= 1"`,
    );
  }
  const mayFail = wholeNumber("MAY_FAIL", env["MAY_FAIL"] || "0");
  await withHub(env, (hub) =>
    checkObjectGate({ type, sha256, rings }, mayFail, {
      ...hub,
      service: env["SERVICE_NAME"] ?? "",
      nowMs: Date.now(),
      print: printLine,
    }),
  );
}

function commandOf(target: RolloutTarget, env: Environment): Command {
  const { VERSION: version, RING: ring, MAY_FAIL: mayFail } = env;
  switch (target) {
    case "canary":
      if (!version) {
        throw new PublishError("VERSION is not set: the new version, as in VERSION=0.2.0");
      }
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
      return target satisfies never;
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new PublishError(`${name} is "${text}"; a whole number from 0`);
}

async function confirm({ DRY_RUN: dryRun, CONFIRM: answer }: Environment): Promise<boolean> {
  if (dryRun && dryRun !== "0" && dryRun !== "no") {
    printLine("dry run: nothing was changed");
    return false;
  }
  if (answer === "yes") return true;
  if (!process.stdin.isTTY) {
    throw new PublishError(
      "nothing was changed: set CONFIRM=yes to do it, or DRY_RUN=1 to print only",
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await terminal.question("go on? [y/N] ");
  terminal.close();
  const isYes = /^y(?:es)?$/i.test(typed.trim());
  if (!isYes) printLine("nothing was changed");
  return isYes;
}
