/** Reads the settings from an environment into one typed, read-only Config, or tells every problem at once. */

import { resolve } from "node:path";
import convict from "convict";
import { InputError, type Problem, problem, quote, refusal } from "../problem.js";
import type { NamedCamera } from "./cameras.js";
import { absoluteReference } from "./model-reference.js";
import type { Refusal } from "./readers.js";
import { type Setting, settings } from "./settings.js";

type Settings = typeof settings;
type ValueOf<S> = S extends { readonly reader: { read(text: string): infer R } }
  ? Extract<R, { t: "value" }> extends { value: infer T }
    ? T | (S extends { default: null } ? undefined : never)
    : never
  : never;

/** All settings. Paths are absolute, times in milliseconds. */
export type Config = {
  readonly [Key in Exclude<keyof Settings, "cameras">]: ValueOf<Settings[Key]>;
} & {
  /** Empty: cameras are to come from a settings document. */
  readonly cameras: readonly NamedCamera[];
  /** What the environment says; all else is a default. */
  readonly given: ReadonlySet<keyof Settings>;
};

/** What problems call the environment, where others have a file. */
export const ENVIRONMENT = "environment";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Relative paths are taken from the directory `cwd`. `hasDocument`: a settings document may name the cameras. Throws
 * InputError.
 */
export function loadConfig(
  env: Environment,
  cwd: string,
  hasDocument: boolean = mayGetDocument(env),
): Config {
  const present = withoutEmpty(env);
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};

  /** What convict calls for a value: it throws only so that convict sees the refusal; `problems` keeps its parts. */
  const check = (key: string, setting: Setting<unknown>) => (text: unknown) => {
    if (typeof text !== "string") return;
    const reading = setting.reader.read(text.trim());
    if (reading.t === "refused") {
      problems.push(...reading.refusals.map((refused) => wrongSetting(setting, refused)));
      throw new Error(`allowed: ${setting.reader.allowed}`);
    }
    values[key] = reading.value;
  };

  const schema = Object.fromEntries(
    Object.entries<Setting<unknown>>(settings).map(([key, setting]) => [
      key,
      {
        doc: setting.doc,
        env: setting.env,
        default: setting.default,
        sensitive: setting.secret,
        format: check(key, setting),
      },
    ]),
  );
  try {
    convict(schema, { env: present, args: [] }).validate({ allowed: "strict" });
  } catch (err) {
    if (problems.length === 0) throw err;
  }
  if (present["RTSPINPUT"] === undefined && !hasDocument) problems.unshift(noCameras(present));
  if (problems.length > 0) throw new InputError(problems);
  // Every key of the settings has passed its own reader above: that is what makes this a Config.
  const config = { cameras: [], ...values } as unknown as Omit<Config, "given">;
  const path = (text: string) => resolve(cwd, text);
  return Object.freeze({
    ...config,
    given: givenIn(present),
    model: absoluteReference(cwd, config.model),
    settingsFile: config.settingsFile && path(config.settingsFile),
    socketPath: path(config.socketPath),
    stateDir: path(config.stateDir),
    modelsDir: path(config.modelsDir),
    secretsDir: path(config.secretsDir),
  });
}

/** Values of this configuration that no log line may hold. */
export function secretsOf(config: Config): string[] {
  return config.cameras.flatMap(({ credentials }) =>
    credentials === undefined || "secret" in credentials || credentials.password === ""
      ? []
      : [credentials.password],
  );
}

/** A variable that is set to nothing is how a deployment says "the default". */
function withoutEmpty(env: Environment): Record<string, string> {
  const entries = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || value.trim() === "" ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

function wrongSetting({ env }: Setting<unknown>, { value, allowed, hint }: Refusal): Problem {
  const message = refusal(`is ${quote(value)}`, allowed, hint);
  return problem("wrong-setting", { file: ENVIRONMENT, path: env }, message);
}

/** From a file, or from the hub: where Open Horizon runs the agent, it says how the hub's objects are reached. */
function mayGetDocument(env: Environment): boolean {
  const { SETTINGS_FILE, HZN_ESS_API_ADDRESS, HUB } = withoutEmpty(env);
  if (SETTINGS_FILE !== undefined) return true;
  return HZN_ESS_API_ADDRESS !== undefined && HUB?.trim().toLowerCase() !== "off";
}

function noCameras(env: Environment): Problem {
  const { env: setting, reader } = settings.cameras;
  const plain = (name: string) => name.replaceAll("_", "").toUpperCase();
  const near = Object.keys(env).find((name) => plain(name) === plain(setting));
  const hint =
    near === undefined
      ? "or cameras in a settings document: SETTINGS_FILE"
      : `${near} is set: did you mean that one?`;
  const message = refusal("is not set", reader.allowed, hint);
  return problem("wrong-setting", { file: ENVIRONMENT, path: setting }, message);
}

/** Keys of the settings that an environment sets. */
function givenIn(env: Environment): ReadonlySet<keyof Settings> {
  // Object.keys gives the keys of the table itself.
  const keys = Object.keys(settings) as (keyof Settings)[];
  return new Set(keys.filter((key) => env[settings[key].env] !== undefined));
}
