/** What the settings of an agent in this environment ask for, and what is wrong with them. */

import { join } from "node:path";
import { displayProblem, InputError } from "../../common/problem.js";
import { hideLogins } from "../../common/secrets/redact.js";
import { SecretFiles } from "../../common/secrets/secret-files.js";
import { type Config, loadConfig } from "../../common/settings/config.js";
import { settings } from "../../common/settings/environment-settings.js";
import type { Camera } from "../../common/settings/spec.js";
import { systemClock } from "../../common/time/clock.js";
import { stateOf } from "../settings/show.js";
import { fileProblem } from "./collect-machine.js";
import { type DoctorFacts, type Fact, known, unknown } from "./facts.js";

export interface SettingsFacts extends Pick<DoctorFacts, "settings" | "secrets" | "model"> {
  /** Undefined: the environment itself is refused. */
  readonly config: Config | undefined;
  readonly cameras: Fact<readonly Camera[]>;
}

/** A model bundle without it is none. */
const MODEL_FILE = "config_infer.txt";

/** Unknown where nothing is set: then this is not the environment of an agent. */
export async function readSettings(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Fact<SettingsFacts>> {
  signal.throwIfAborted();
  const { cameras: input, settingsFile, stateDir } = settings;
  const isNode = [input, settingsFile, stateDir].some(({ env }) => environment[env]?.trim());
  if (!isNode) {
    return unknown(
      `${input.env} is not set here: call this in the agent's container or environment`,
    );
  }
  const refused = (error: unknown, config?: Config): Fact<SettingsFacts> => {
    if (!(error instanceof InputError)) throw error;
    const errors = error.problems.map(displayProblem);
    const why = unknown("the settings are refused");
    return known({
      config,
      settings: known({ errors, warnings: [] }),
      ...{ secrets: why, model: why, cameras: why },
    });
  };
  let config: Config;
  try {
    config = loadConfig(environment, process.cwd());
  } catch (error) {
    return refused(error);
  }
  try {
    const { desired, warnings } = await stateOf({}, environment);
    const paths = desired.spec.models.map(({ bundlePath }) => bundlePath);
    const models = await Promise.all(
      paths.map(async (path) => {
        const isThere = (await fileProblem(join(path, MODEL_FILE))) === undefined;
        return { path, lacks: isThere ? [] : [MODEL_FILE] };
      }),
    );
    const missing = warnings.filter(({ code }) => code === "secret-missing");
    const others = warnings.filter((one) => !missing.includes(one));
    return known({
      config,
      settings: known({ errors: [], warnings: others.map(displayProblem) }),
      secrets: known({
        missing: missing.map(({ message }) => message),
        unusable: await unusableSecrets(config.secretsDir),
      }),
      model: known(
        models.find(({ lacks }) => lacks.length > 0) ?? models[0] ?? { path: "", lacks: [] },
      ),
      cameras: known(desired.spec.cameras),
    });
  } catch (error) {
    return refused(error, config);
  }
}

async function unusableSecrets(directory: string): Promise<string[]> {
  const unusable: string[] = [];
  const files = new SecretFiles({
    directory,
    clock: systemClock,
    onChange: () => {},
    onEvent: (event) => {
      if (event.t === "unusable") unusable.push(hideLogins(`secret ${event.name} ${event.why}`));
    },
  });
  await files.load();
  return unusable;
}
