// The product as the tests run it: the real agent and the real sidecar, which meet in a directory of the test's own.
import { join } from "node:path";
import { settings } from "../../src/common/settings/environment-settings.js";
import { type Started, start } from "./processes.js";
import { freePorts, type Scope, temporaryDirectory } from "./scope.js";

/** From the start to the first picture; generous, for a machine with other work. */
export const PICTURE_TIMEOUT_MS = 30_000;

/** Environment variables of the agent; what a test leaves out is a setting for a small, quick picture. */
export type Settings = Readonly<Record<string, string>>;

/** Both halves, without a launcher. */
export interface Product {
  readonly agent: Started;
  readonly sidecar: Started;
  /** Where the halves meet. */
  readonly runDir: string;
  readonly port: number;
  /** The address of its picture. */
  readonly url: string;
}

/** Starts both halves and waits for nothing. */
export async function startProduct(scope: Scope, wanted: Settings): Promise<Product> {
  const runDir = await temporaryDirectory(scope);
  const place = await placeOfPicture(wanted);
  return {
    ...place,
    runDir,
    sidecar: start(scope, ".venv/bin/python", ["-m", "sidecar.keeper"], {
      env: {
        PYTHONPATH: "src:src/sidecar/gen",
        SLIPSTREAM_RUN_DIR: runDir,
        SLIPSTREAM_RECORDINGS_DIR: join(runDir, "recordings"),
        DISPLAY: wanted["DISPLAY"],
        SLIPSTREAM_LOG_LEVEL: wanted["LOG_LEVEL"],
        LOG_LEVEL: wanted["LOG_LEVEL"],
      },
    }),
    agent: start(scope, process.execPath, ["dist/src/agent/main.js"], {
      env: {
        ...environment({ ...stateIn(runDir), ...wanted }, place),
        SLIPSTREAM_SOCKET: join(runDir, "worker.sock"),
      },
    }),
  };
}

/** Starts both halves and waits for their picture. */
export async function startPicture(scope: Scope, wanted: Settings): Promise<Product> {
  const product = await startProduct(scope, wanted);
  await product.agent.line(/"output ready"/, PICTURE_TIMEOUT_MS);
  return product;
}

/** What `make dev` starts. */
export interface Dev {
  readonly launcher: Started;
  /** In it the launcher makes the directory in which the halves meet. */
  readonly temporary: string;
  readonly port: number;
  readonly url: string;
}

/** Starts the launcher of `make dev` and waits for nothing. */
export async function startDev(scope: Scope, wanted: Settings = {}): Promise<Dev> {
  const temporary = await temporaryDirectory(scope);
  const place = await placeOfPicture(wanted);
  const launcher = start(scope, process.execPath, ["dist/src/dev/main.js"], {
    // In processes, where there is a GPU too.
    env: { DEV_IN: "processes", ...environment(wanted, place), TMPDIR: temporary },
  });
  return { ...place, temporary, launcher };
}

/** What a line of the agent's log says. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly [field: string]: unknown;
}

/** The agent's log so far. */
export function logOf(agent: Started): LogLine[] {
  return agent.lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine); // each line of the log has these fields
}

/** The agent's lines so far that a person has to act on. */
export function troublesIn(agent: Started): LogLine[] {
  return logOf(agent).filter(({ level }) => level === "error" || level === "warn");
}

async function placeOfPicture(wanted: Settings): Promise<{ port: number; url: string }> {
  const [free] = await freePorts(1);
  const port = Number(wanted["RTSPOUTPUTPORTNUM"] ?? free);
  return { port, url: `rtsp://127.0.0.1:${port}${wanted["RTSPOUTPUTPATH"] ?? "/ds"}` };
}

/** Where an agent keeps what outlives it. */
export function stateIn(directory: string): Settings {
  return {
    STATE_DIR: join(directory, "agent"),
    MODELS_DIR: join(directory, "models"),
    SECRETS_DIR: join(directory, "secrets"),
  };
}

/** The settings of a test over those of all tests; what the developer's shell has set is left out. */
export function environment(wanted: Settings, { port }: { port: number }): NodeJS.ProcessEnv {
  const unset = Object.values(settings).map(({ env }) => [env, undefined]);
  return {
    ...Object.fromEntries(unset),
    SLIPSTREAM_LIFELINE: "stdin",
    // Tests run side by side; the Unix socket is served all the same.
    HTTP_ADDRESS: "off",
    MODEL: "models/ssd-street",
    OUTPUT_WIDTH: "640",
    OUTPUT_HEIGHT: "360",
    RTSPOUTPUTPORTNUM: String(port),
    ...wanted,
  };
}
