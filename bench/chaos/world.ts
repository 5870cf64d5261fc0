// The target of the faults: the whole product with healthy cameras (witnesses), victims, and viewers that reconnect.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { squareModel } from "../../test/support/models.js";
import { environment, stateIn } from "../../test/support/product.js";
import { freePorts, type Scope, temporaryDirectory, until } from "../../test/support/scope.js";
import { type CountingCamera, count } from "../../test/support/video.js";
import { Half } from "./half.js";
import { findParts, type Parts } from "./parts.js";
import { Sinks } from "./sinks.js";
import { Status } from "./status.js";
import { Victim } from "./victim.js";
import { ffmpegViewer, gstreamerViewer, type Viewer } from "./viewers.js";

const AGENT = fileURLToPath(new URL("../../src/agent/main.js", import.meta.url));
const PYTHON = ".venv/bin/python";
const PATH = "/ds";
const SIZE = { width: 320, height: 184 };
const RATE = 8;
const FIRST_BITRATE = 500_000;
/** The prefix of every password of the bench; no log may contain it. */
export const SECRET = "s3cret-word-";
const START_TIMEOUT_MS = 60_000;

/** A healthy camera and the viewer that counts its frames. */
export interface Witness {
  readonly id: string;
  readonly camera: CountingCamera;
  readonly viewer: Viewer;
}

export interface WorldOptions {
  readonly witnesses: number;
  readonly victims: number;
  /** The Python arguments that start the keeper. Default: quick_keeper.py, which resets the failure count sooner. */
  readonly keeper?: readonly string[];
}

export class World {
  readonly scope: Scope;
  readonly runDir: string;
  readonly stateDir: string;
  readonly port: number;
  /** Of the agent. */
  readonly httpPort: number;
  /** The bundle that the product reads, and a copy that no fault damages. */
  readonly model: string;
  readonly wholeModel: string;
  readonly agent: Half;
  readonly sidecar: Half;
  readonly status: Status;
  readonly witnesses: readonly Witness[];
  readonly victims: readonly Victim[];
  readonly viewers: readonly Viewer[];
  readonly sinks: Sinks;
  /** Temporary cameras, as written in the settings. */
  readonly guests: string[] = [];
  /** Bit rate of each stream. */
  bitrate = FIRST_BITRATE;

  private constructor(scope: Scope, parts: Built) {
    this.scope = scope;
    this.runDir = parts.runDir;
    this.stateDir = parts.stateDir;
    this.port = parts.port;
    this.httpPort = parts.httpPort;
    this.model = parts.model;
    this.wholeModel = parts.wholeModel;
    this.agent = parts.agent;
    this.sidecar = parts.sidecar;
    this.status = parts.status;
    this.victims = parts.victims;
    this.witnesses = parts.witnesses;
    this.viewers = parts.viewers;
    this.sinks = parts.sinks;
  }

  /** Starts everything and waits for the stream of every camera. Stop it before its scope ends. */
  static async start(scope: Scope, options: WorldOptions): Promise<World> {
    const world = new World(scope, await build(scope, options));
    try {
      await until("all cameras live, and all viewers watching", START_TIMEOUT_MS, () => {
        return world.isWell() && world.viewers.every((viewer) => viewer.isWatching);
      });
    } catch (error) {
      await world.stop();
      throw new Error(`${error}; the agent's last line: ${world.agent.current.lines.at(-1)}`);
    }
    return world;
  }

  /** The address of a camera's stream. */
  url(camera: string): string {
    return urlOf(this.port, camera);
  }

  parts(): Promise<Parts> {
    return findParts(this.agent.current.pid, this.sidecar.current.pid);
  }

  /** Whether the sidecar's state reports that everything runs. */
  isWell(): boolean {
    const { state } = this.status;
    if (state === undefined || state.pipeline.t !== "running") return false;
    return (
      state.cameras.length === this.#cameras &&
      state.cameras.every((camera) => camera.state.t === "live") &&
      state.outputs.length === state.cameras.length &&
      state.outputs.every((output) => output.state.t === "serving")
    );
  }

  get #cameras(): number {
    return this.witnesses.length + this.victims.length + this.guests.length;
  }

  /** Whether the current agent process is connected to the sidecar. */
  agentIsConnected(): boolean {
    return this.agent.current.lines.some((line) => line.includes('"sidecar connected"'));
  }

  /** The agent's settings for the current cameras and bit rate. */
  settings(): NodeJS.ProcessEnv {
    return agentSettings(this);
  }

  /** Stops everything that restarts processes. The scope stops the rest. */
  async stop(): Promise<void> {
    await Promise.all([
      ...this.viewers.map((viewer) => viewer.stop()),
      this.status.stop(),
      this.agent.stop(),
      this.sidecar.stop(),
    ]);
  }
}

interface Built {
  readonly runDir: string;
  readonly stateDir: string;
  readonly port: number;
  readonly httpPort: number;
  readonly model: string;
  readonly wholeModel: string;
  readonly agent: Half;
  readonly sidecar: Half;
  readonly status: Status;
  readonly witnesses: readonly Witness[];
  readonly victims: readonly Victim[];
  readonly viewers: readonly Viewer[];
  readonly sinks: Sinks;
}

async function build(scope: Scope, options: WorldOptions): Promise<Built> {
  const [runDir, stateDir] = [await temporaryDirectory(scope), await temporaryDirectory(scope)];
  const [model, wholeModel] = [await squareModel(scope), await squareModel(scope)];
  const [port, httpPort] = await freePorts(2);
  if (port === undefined || httpPort === undefined) throw new Error("no free port found");
  const witnessIds = Array.from({ length: options.witnesses }, (_, index) => `witness${index + 1}`);
  const cameras = await Promise.all(
    witnessIds.map(async (id) => ({ id, camera: await count(scope, { ...SIZE, rate: RATE }) })),
  );
  const passwords = Array.from({ length: options.victims }, (_, index) => `${SECRET}${index}`);
  const victims = await Promise.all(
    passwords.map((password, index) =>
      Victim.start(scope, `victim${index + 1}`, { user: "eve", password }),
    ),
  );
  const sidecar = new Half(scope, {
    program: PYTHON,
    args: options.keeper ?? ["test/support/quick_keeper.py"],
    env: { PYTHONPATH: "src:src/sidecar/gen", SLIPSTREAM_RUN_DIR: runDir, LOG_LEVEL: "info" },
  });
  const sinks = await Sinks.start(scope);
  const env = agentSettings({
    sinks,
    runDir,
    stateDir,
    port,
    httpPort,
    model,
    witnesses: cameras,
    victims,
    guests: [],
    bitrate: FIRST_BITRATE,
  });
  const agent = new Half(scope, {
    program: process.execPath,
    args: ["--max-semi-space-size=1", AGENT],
    env,
  });
  const witnesses = cameras.map(({ id, camera }, index) => {
    const protocol = index % 2 === 0 ? "tcp" : "udp";
    const name = `${id}, GStreamer, ${protocol}`;
    return { id, camera, viewer: gstreamerViewer(scope, name, urlOf(port, id), protocol) };
  });
  const others = victims.map(({ id }, index) => {
    const protocol = index % 2 === 0 ? "tcp" : "udp";
    return ffmpegViewer(scope, `${id}, FFmpeg, ${protocol}`, urlOf(port, id), protocol);
  });
  return {
    runDir,
    stateDir,
    port,
    httpPort,
    model,
    wholeModel,
    agent,
    sidecar,
    status: new Status(join(runDir, "worker.sock")),
    witnesses,
    victims,
    sinks,
    viewers: [...witnesses.map(({ viewer }) => viewer), ...others],
  };
}

function agentSettings(of: {
  readonly sinks: Sinks;
  readonly runDir: string;
  readonly stateDir: string;
  readonly port: number;
  readonly httpPort: number;
  readonly model: string;
  readonly witnesses: readonly { readonly id: string; readonly camera: CountingCamera }[];
  readonly victims: readonly Victim[];
  readonly guests: readonly string[];
  readonly bitrate: number;
}): NodeJS.ProcessEnv {
  const cameras = [
    ...of.witnesses.map(({ id, camera }) => `${id}=${camera.uri}`),
    ...of.victims.map(({ setting }) => setting),
    ...of.guests,
  ];
  const settings = {
    RTSPINPUT: cameras.join(","),
    MODEL: of.model,
    OUTPUT_LAYOUT: "per-camera",
    OUTPUT_WIDTH: String(SIZE.width),
    OUTPUT_HEIGHT: String(SIZE.height),
    RTSPOUTPUTPATH: PATH,
    HTTP_ADDRESS: `127.0.0.1:${of.httpPort}`,
    BITRATE: String(of.bitrate),
    OVERLAY: "none",
    FROZEN_AFTER: "3s",
    SETTINGS_FILE: of.sinks.settingsFile,
    LOG_FORMAT: "json",
    // Faults during a trial would roll the settings back.
    TRIAL: "no",
    ...stateIn(of.stateDir),
  };
  return {
    ...environment(settings, of),
    SLIPSTREAM_SOCKET: join(of.runDir, "worker.sock"),
  };
}

function urlOf(port: number, camera: string): string {
  return `rtsp://127.0.0.1:${port}${PATH}/${camera}`;
}
