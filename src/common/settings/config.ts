/** Loads the settings of the environment with convict into a typed, read-only Config, or reports all problems at once. */

import { resolve } from "node:path";
import convict from "convict";
import { InputError, type Problem, problem, refusal } from "../problem.js";
import { type Setting, settings } from "./environment-settings.js";
import type { Format } from "./format.js";
import { isLoopback, parseListenAddress } from "./listen-address.js";
import { absoluteReference } from "./model-reference.js";
import type { NamedCamera } from "./rtspinput.js";

type Settings = typeof settings;
type Key = keyof Settings;
type ValueOf<S> = S extends { readonly format: Format<infer T> }
  ? T | (S extends { readonly default: null } ? undefined : never)
  : never;

/** All settings. Paths are absolute, times in milliseconds. */
export type Config = {
  readonly [K in Exclude<Key, "cameras">]: ValueOf<Settings[K]>;
} & {
  /** Empty: cameras come from a settings document. */
  readonly cameras: readonly NamedCamera[];
  /** The settings that the environment sets; all others have their defaults. */
  readonly given: ReadonlySet<Key>;
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** The file of problems in the environment. */
export const ENVIRONMENT = "environment";

// Object.entries gives the keys of the table itself.
const ENTRIES = Object.entries(settings) as [Key, Setting<unknown>][];

/**
 * Takes the place of a value that its format refuses. convict joins everything that validation throws into one text, which
 * quotes the values. This keeps the messages separate, so that each becomes a Problem and none shows a secret. It must have no
 * enumerable property, which convict would take for a nested setting.
 */
class Refused extends Error {
  readonly #messages: readonly string[];

  constructor(messages: readonly string[]) {
    super(messages.join("; "));
    this.#messages = messages;
  }

  get messages(): readonly string[] {
    return this.#messages;
  }
}

for (const [, { format }] of ENTRIES) {
  convict.addFormat({
    name: format.allowed,
    coerce(text: string): unknown {
      const reading = format.read(text.trim());
      return reading.t === "value" ? reading.value : new Refused(reading.messages);
    },
    validate(value: unknown): void {
      if (value === null) throw new Error("is not set");
      if (value instanceof Refused) throw new Error(value.message);
    },
  });
}

/** The table of settings as a schema of convict, which refers to formats by name. */
export function convictSchema(): Readonly<Record<Key, SchemaEntry>> {
  const entries = ENTRIES.map(([key, { format, ...setting }]): [Key, SchemaEntry] => [
    key,
    { ...setting, format: format.allowed, nullable: setting.default === null },
  ]);
  return Object.fromEntries(entries) as Record<Key, SchemaEntry>;
}

type SchemaEntry = Omit<Setting<unknown>, "format"> & {
  readonly format: string;
  readonly nullable: boolean;
};

/**
 * Resolves relative paths against `cwd`. `hasDocument`: cameras are optional, since a settings document may list them.
 * Throws InputError.
 */
export function loadConfig(
  env: Environment,
  cwd: string,
  hasDocument: boolean = mayGetDocument(env),
): Config {
  const present = withoutEmpty(env);
  const { cameras, ...others } = convictSchema();
  const schema = { cameras: { ...cameras, nullable: hasDocument }, ...others };
  // The types of convict do not know custom formats.
  const loaded = convict<Record<string, unknown>>(schema as never, { env: present, args: [] });
  const values = loaded.getProperties();
  try {
    loaded.validate({ allowed: "strict" });
  } catch (error) {
    const problems = ENTRIES.flatMap(([key, { env }]) => problemsOf(env, values[key]));
    if (values["cameras"] === null && !hasDocument) problems.unshift(noCameras(present));
    throw problems.length > 0 ? new InputError(problems) : error;
  }
  const set = Object.entries(values).filter(([, value]) => value !== null);
  // Each value has passed the format that its type in Config comes from.
  const config = { cameras: [], ...Object.fromEntries(set) } as unknown as Omit<Config, "given">;
  const address = parseListenAddress(config.httpAddress);
  if (address !== undefined && !isLoopback(address) && config.httpUsers === undefined) {
    throw new InputError([
      wrongSetting(
        settings.httpUsers.env,
        `is not set, and ${settings.httpAddress.env} is open to the network; allowed: ${settings.httpUsers.format.allowed}`,
      ),
    ]);
  }
  const path = (text: string) => resolve(cwd, text);
  return Object.freeze({
    ...config,
    given: new Set(ENTRIES.flatMap(([key, { env }]) => (present[env] === undefined ? [] : [key]))),
    model: absoluteReference(cwd, config.model),
    ...(config.secondaryModels && {
      secondaryModels: config.secondaryModels.map((one) => absoluteReference(cwd, one)),
    }),
    settingsFile: config.settingsFile && path(config.settingsFile),
    socketPath: path(config.socketPath),
    stateDir: path(config.stateDir),
    modelsDir: path(config.modelsDir),
    secretsDir: path(config.secretsDir),
  });
}

/** Values that no log line may contain. */
export function secretsOf(config: Config): string[] {
  return config.cameras.flatMap(({ credentials }) =>
    credentials === undefined || "secret" in credentials || credentials.password === ""
      ? []
      : [credentials.password],
  );
}

/** In a deployment, an empty variable means the default. */
function withoutEmpty(env: Environment): Record<string, string> {
  const entries = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || value.trim() === "" ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

function problemsOf(env: string, value: unknown): Problem[] {
  return value instanceof Refused
    ? value.messages.map((message) => wrongSetting(env, message))
    : [];
}

function wrongSetting(path: string, message: string): Problem {
  return problem("wrong-setting", { file: ENVIRONMENT, path }, message);
}

/** From a file, or from the hub: Open Horizon sets the address of its sync service for the agents that it runs. */
function mayGetDocument(env: Environment): boolean {
  const { SETTINGS_FILE, HZN_ESS_API_ADDRESS, HUB } = withoutEmpty(env);
  if (SETTINGS_FILE !== undefined) return true;
  return HZN_ESS_API_ADDRESS !== undefined && HUB?.trim().toLowerCase() !== "off";
}

/** No source lists cameras. */
export function noCameras(env: Environment = {}): Problem {
  const { env: setting, format } = settings.cameras;
  const plain = (name: string) => name.replaceAll("_", "").toUpperCase();
  const near = Object.keys(env).find((name) => plain(name) === plain(setting));
  const allowed = `${format.allowed}; or cameras in a settings document of the hub or of SETTINGS_FILE`;
  const hint = near && `${near} is set: did you mean that one?`;
  return wrongSetting(setting, refusal("is not set", allowed, hint));
}
