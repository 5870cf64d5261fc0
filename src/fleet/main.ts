// The make targets for Open Horizon: node dist/src/fleet/main.js TARGET, run at the top of the repository.

import { environment } from "../common/environment.js";
import { plainLines } from "../common/plain-text.js";
import { InputError } from "../common/problem.js";
import { agentRun } from "./publish/agent-run.js";
import { hzn, PublishError, publishedPolicy } from "./publish/hzn.js";
import { publishModel, publishSettings } from "./publish/objects.js";
import {
  deploymentPolicy,
  printed,
  serviceDefinition,
  writeDeploymentPolicy,
} from "./publish/package-files.js";
import { prePull, publishService } from "./publish/service.js";
import { type Environment, HubError } from "./rollout/hub.js";
import { policyNames, runRollout } from "./rollout/make-targets.js";
import { RolloutError } from "./rollout/rollout-state.js";

const TARGETS: Readonly<Record<string, () => Promise<void> | void>> = {
  print: () => {
    process.stdout.write(printed(serviceDefinition()));
  },
  "publish-service": () => publishService(print),
  "publish-deployment-policy": publishDeploymentPolicy,
  "publish-model": publishModel,
  "publish-settings": publishSettings,
  canary: () => runRollout("canary", environment, checkedDeploymentPolicy),
  promote: () => runRollout("promote", environment, deploymentPolicy),
  rollback: () => runRollout("rollback", environment, deploymentPolicy),
  "fleet-status": () => runRollout("fleet-status", environment, deploymentPolicy),
  "agent-run": agentRun,
  "pre-pull": prePull,
};

async function publishDeploymentPolicy(): Promise<void> {
  const [name, second] = policyNames(environment);
  if ((await publishedPolicy(environment["HZN_ORG_ID"] ?? "", second)) !== undefined) {
    throw new PublishError(
      `${second} is active, made by a rollout: publish a new version with make canary, or end the rollout with make promote RING=all`,
    );
  }
  if (!environment["PREVIOUS_VERSION"]) {
    print("PREVIOUS_VERSION is not set: a version that fails has none to fall back to");
  }
  const file = writeDeploymentPolicy(environment);
  await hzn("exchange", "deployment", "addpolicy", "-f", file, name);
}

function checkedDeploymentPolicy(variables: Environment) {
  writeDeploymentPolicy(variables);
  return deploymentPolicy(variables);
}

function print(line: string): void {
  console.error(plainLines(`horizon: ${line}`));
}

/** Errors that the user can fix have a message of their own. */
function messageOf(error: unknown): string {
  const isExpected = [HubError, InputError, PublishError, RolloutError].some(
    (kind) => error instanceof kind,
  );
  if (error instanceof Error && isExpected) return error.message;
  // An error of execFile has the standard error of the program.
  const { stderr } = error as { stderr?: unknown };
  return typeof stderr === "string" && stderr !== "" ? stderr.trim() : String(error);
}

const target = TARGETS[process.argv[2] ?? ""];
if (target === undefined) throw new Error(`usage: main.js ${Object.keys(TARGETS).join("|")}`);
try {
  await target();
} catch (error) {
  print(messageOf(error));
  process.exitCode = 1;
}
