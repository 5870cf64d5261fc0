// Cameras and viewers for tests and benches, from the repository's root, which is where those run.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Started, start } from "./processes.js";
import { type Scope, temporaryDirectory } from "./scope.js";

const PYTHON = ".venv/bin/python";
const START_TIMEOUT_MS = 10_000;

/** Who may watch, and how the password is asked for. */
export interface Login {
  readonly user: string;
  readonly password: string;
  readonly auth?: "basic" | "digest";
}

export interface CameraOptions {
  readonly path?: string;
  readonly port?: number;
  readonly login?: Login;
}

/** A camera that listens. */
export interface Camera {
  /** Its address, without the login. */
  readonly uri: string;
  readonly process: Started;
}

/** A camera that counts its frames, and tells when each left. */
export interface CountingCamera extends Camera {
  /** When each frame left, by its counter, in nanoseconds of the monotonic clock. */
  departures(): Promise<Map<number, number>>;
}

/** Starts a camera that plays a file in a loop, the demo clip if none is named. */
export function playFile(
  scope: Scope,
  options: CameraOptions & { readonly file?: string } = {},
): Promise<Camera> {
  const file = options.file === undefined ? [] : ["--file", options.file];
  return listening(scope, ["-m", "dev.camera", ...file], options);
}

/** Starts a camera whose frames carry a counter. */
export async function count(
  scope: Scope,
  options: CameraOptions & {
    readonly width?: number;
    readonly height?: number;
    readonly rate?: number;
    readonly codec?: "h264" | "h265" | "mjpeg";
    /** In kbit/s. */
    readonly bitrate?: number;
  } = {},
): Promise<CountingCamera> {
  const { width = 640, height = 360, rate = 15, codec = "h264", bitrate = 2000 } = options;
  const log = join(await temporaryDirectory(scope), "frames.jsonl");
  const picture = { width, height, rate, codec, bitrate, log };
  const command = ["test/support/counter_camera.py", ...argumentsOf(picture)];
  const camera = await listening(scope, command, options);
  return {
    ...camera,
    departures: async () =>
      new Map(
        parseLines<Departure>(await readFile(log, "utf8")).map(({ counter, t }) => [counter, t]),
      ),
  };
}

/** A frame as a viewer saw it. */
export interface SeenFrame {
  /** When it was decoded, in nanoseconds of the monotonic clock, which the cameras share. */
  readonly t: number;
  /** Its time in the stream, in nanoseconds. */
  readonly pts: number;
  readonly width: number;
  readonly height: number;
  /** The mean of its luma, 0 to 255. */
  readonly luma: number;
  /** The counter painted into it, if that was asked for; null where none can be read. */
  readonly counter?: number | null;
  /** Since the viewer began to connect, in nanoseconds. */
  readonly after: number;
  /** Encoded bytes that came up to this frame. */
  readonly bytes: number;
  /** The counters in the tiles that were asked for; null where none can be read. */
  readonly tiles?: readonly (number | null)[];
  /** The parts that were asked for. */
  readonly regions?: readonly Region[];
  /** In how many squares of two by two pixels the colour is that was asked for. */
  readonly coloured?: number;
}

/** A part of a frame: means of its planes, and its highest luma. */
export interface Region {
  readonly y: number;
  readonly u: number;
  readonly v: number;
  readonly max: number;
}

/** In pixels: x, y, width, height. */
export type Rectangle = readonly [number, number, number, number];

export interface ViewOptions {
  readonly protocol?: "tcp" | "udp";
  /** Milliseconds that a packet may be late; it takes no frame of which one is later. Default: 0. */
  readonly latency?: number;
  readonly login?: Login;
  /** It ends after so many frames ... */
  readonly frames?: number;
  /** ... or so many seconds, whichever is first; without either it goes on. */
  readonly seconds?: number;
  /** It fails when no frame comes for so many seconds. */
  readonly patience?: number;
  /** Where the frame of a counting camera lies in the picture: x, y, width, height; or all of it. */
  readonly counter?: "all" | Rectangle;
  /** Where the frames of several counting cameras lie. */
  readonly tiles?: readonly Rectangle[];
  /** Parts of the picture to be described. */
  readonly regions?: readonly Rectangle[];
  /** A colour, in red, green and blue, whose places are to be counted. */
  readonly colour?: readonly [number, number, number];
  /** A file to which one frame is saved, and which one. */
  readonly png?: { readonly path: string; readonly frame: number };
}

/** Starts a camera whose frames show a white square that jumps from cell to cell, see jump_camera.py. */
export function jump(scope: Scope, options: CameraOptions = {}): Promise<Camera> {
  return listening(scope, ["test/support/jump_camera.py"], options);
}

/** Starts a camera that sends a codec which the product does not know: VP8. */
export function playVp8(scope: Scope, options: CameraOptions = {}): Promise<Camera> {
  return listening(scope, ["test/support/vp8_camera.py"], options);
}

/** Starts a camera that takes commands on its standard input while it is watched, see fickle_camera.py. */
export function playFickle(
  scope: Scope,
  options: CameraOptions & {
    readonly width?: number;
    readonly height?: number;
    readonly rate?: number;
    readonly codec?: "h264" | "h265";
  } = {},
): Promise<Camera> {
  const { width = 320, height = 184, rate = 8, codec = "h264" } = options;
  const picture = argumentsOf({ width, height, rate, codec });
  // Its standard input is not only its lifeline.
  const env = { SLIPSTREAM_LIFELINE: undefined };
  return listening(scope, ["test/support/fickle_camera.py", ...picture], options, env);
}

/** Starts a viewer, which writes a line of JSON, a SeenFrame, for each frame. */
export function startViewer(scope: Scope, uri: string, options: ViewOptions): Started {
  const { protocol, latency, login, frames, seconds, patience, counter, colour, png } = options;
  const settings = {
    protocol,
    latency,
    user: login?.user,
    password: login?.password,
    frames,
    seconds,
    patience,
    counter: typeof counter === "object" ? counter.join(",") : counter,
    colour: colour?.join(","),
    png: png?.path,
    "png-frame": png?.frame,
  };
  const args = [
    ...argumentsOf(settings),
    ...(options.tiles ?? []).flatMap((tile) => ["--tile", tile.join(",")]),
    ...(options.regions ?? []).flatMap((region) => ["--region", region.join(",")]),
  ];
  return start(scope, PYTHON, ["test/support/viewer.py", uri, ...args]);
}

/** Watches until the number of frames or seconds is over. Throws with the viewer's reason when it cannot. */
export async function view(
  scope: Scope,
  uri: string,
  options: ViewOptions & ({ readonly frames: number } | { readonly seconds: number }),
): Promise<SeenFrame[]> {
  const viewer = startViewer(scope, uri, options);
  const { code } = await viewer.ended;
  if (code !== 0) throw new Error(viewer.errorLines.join("\n"));
  return seenFrames(viewer);
}

/** What a viewer has seen so far. */
export function seenFrames(viewer: Started): SeenFrame[] {
  return parseLines<SeenFrame>(viewer.lines.join("\n"));
}

interface Departure {
  readonly counter: number;
  readonly t: number;
}

async function listening(
  scope: Scope,
  command: string[],
  options: CameraOptions,
  env: NodeJS.ProcessEnv = {},
): Promise<Camera> {
  const { path, port, login } = options;
  const args = argumentsOf({ path, port, ...login });
  const process = start(scope, PYTHON, [...command, ...args], {
    env: { PYTHONPATH: "src", ...env },
  });
  const line = await process.line(/"address"/, START_TIMEOUT_MS);
  // The camera's only line, of this shape.
  const { address } = JSON.parse(line) as { address: string };
  return { uri: address, process };
}

function argumentsOf(settings: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

/** Lines of JSON that our own cameras and viewers wrote, whose shapes the callers know; a last, cut line is left out. */
function parseLines<T>(text: string): T[] {
  return text
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as T);
}
