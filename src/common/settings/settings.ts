/** Every setting that comes from the environment: its name, meaning, default and what is allowed. */

import { CAMERA_LIST, type NamedCamera, readCameras } from "./cameras.js";
import { modelReference } from "./model-reference.js";
import { publicKeys } from "./public-keys.js";
import {
  duration,
  evenNumber,
  filePath,
  fraction,
  oneOf,
  type Reader,
  recordingPath,
  rtspPath,
  someOf,
  textList,
  wholeNumber,
  yesOrNo,
} from "./readers.js";
import { secretReferences } from "./secret-reference.js";

/** One setting. `T` is what the rest of the agent gets to see. */
export interface Setting<T> {
  /** Name of the environment variable. */
  readonly env: string;
  /** One sentence for the table of settings. */
  readonly doc: string;
  readonly reader: Reader<T>;
  /** As a user would write it. Null: without a value it is undefined. */
  readonly default: string | null;
  /** Its value is never printed as a whole. */
  readonly secret: boolean;
}

/** What is drawn on the picture beside masks. */
export const OVERLAY_PARTS = ["boxes", "labels", "counts", "names"] as const;

/** Longest path that a Unix socket address holds on Linux, less the closing zero. */
const SOCKET_PATH_BYTES = 107;

const cameras: Reader<readonly NamedCamera[]> = {
  allowed: CAMERA_LIST,
  json: { type: "string" },
  read: readCameras,
};

const directory = filePath("a path of a directory", 4096);

export const settings = {
  cameras: {
    ...optional("RTSPINPUT", cameras),
    secret: true,
    doc:
      "Cameras, in the order of their tiles. A login goes into the address, as in rtsp://user:password@host/path or, " +
      "with the name of a secret, rtsp://secret:NAME@host/path; a comma in a password only separates where a new " +
      "address follows. Needed unless a settings document gives cameras.",
  },
  transport: {
    ...withDefault("RTSP_TRANSPORT", oneOf(["tcp", "udp"]), "tcp"),
    doc: "How RTP comes from the cameras: tcp inside the RTSP connection, or udp.",
  },
  acceptAnyCertificate: {
    ...withDefault("RTSPS_ACCEPT_ANY_CERTIFICATE", yesOrNo(), "no"),
    doc: "Take the certificate of an rtsps:// camera whatever it says; otherwise the system must trust it.",
  },
  frozenAfterMs: {
    ...withDefault("FROZEN_AFTER", duration(0, 86_400_000), "60s"),
    doc: "The same picture for so long means that the camera hangs, and it is connected to anew. 0s: never.",
  },
  latencyMs: {
    ...withDefault("RTSP_LATENCY", duration(0, 10_000), "100ms"),
    doc: "Depth of the jitter buffer: a packet that is later than this is given up.",
  },
  model: {
    ...withDefault("MODEL", modelReference(), "models/nanodet-coco"),
    doc:
      "Model bundle: a directory, absolute or relative to the working directory, or the name of a model on this " +
      "device, of its newest version or of one, as in nanodet-coco@1.2.0.",
  },
  threshold: {
    ...optional("DETECTION_THRESHOLD", fraction()),
    doc: "Lowest confidence that is reported, for every class. Without it, as the bundle says.",
  },
  interval: {
    ...optional("DETECTION_INTERVAL", wholeNumber(0, 10_000)),
    doc: "Frames skipped between two inferences; boxes are carried over. Without it, as the bundle says.",
  },
  classes: {
    ...optional("DETECTION_CLASSES", textList("a comma-separated list of the bundle's labels")),
    doc: "Labels that are reported. Without it, all.",
  },
  overlay: {
    ...withDefault("OVERLAY", someOf(OVERLAY_PARTS), OVERLAY_PARTS.join(",")),
    doc: "What is drawn on the picture.",
  },
  output: {
    ...withDefault("OUTPUT", oneOf(["rtsp", "file", "window"]), "rtsp"),
    doc: "Where the picture goes: to viewers over RTSP, into recordings, or into a window on the X display of the sidecar.",
  },
  outputFile: {
    ...withDefault("OUTPUT_FILE", recordingPath(), "slipstream.mkv"),
    doc:
      "Name of the recordings, below the sidecar's directory of them. Each file's own name has its start in UTC too, " +
      "and with a picture a camera NAME: slipstream.NAME.20261126T143012Z.mkv.",
  },
  outputFileDuration: {
    ...withDefault("OUTPUT_FILE_DURATION", duration(1_000, 86_400_000), "10m"),
    doc: "After so long a recording goes on in another file.",
  },
  outputFileMaxBytes: {
    ...withDefault("OUTPUT_FILE_MAX_BYTES", wholeNumber(1_000_000, 1e15, "bytes"), "10000000000"),
    doc: "Most that all recordings of an output may take of the disk; the oldest files are removed.",
  },
  layout: {
    ...withDefault("OUTPUT_LAYOUT", oneOf(["tiled", "per-camera"]), "tiled"),
    doc: "One picture with all cameras, or one for each at RTSPOUTPUTPATH/NAME.",
  },
  codec: { ...withDefault("CODEC", oneOf(["H264", "H265"]), "H264"), doc: "Codec of the picture." },
  bitrate: {
    ...withDefault("BITRATE", wholeNumber(10_000, 100_000_000, "bit/s"), "4000000"),
    doc: "Bits a second that the encoder aims at.",
  },
  outputWidth: {
    ...withDefault("OUTPUT_WIDTH", evenNumber(16, 7680, "pixels"), "1280"),
    doc: "Width of the picture.",
  },
  outputHeight: {
    ...withDefault("OUTPUT_HEIGHT", evenNumber(16, 7680, "pixels"), "720"),
    doc: "Height of the picture.",
  },
  outputFrameRate: {
    ...withDefault("OUTPUT_FRAME_RATE", wholeNumber(1, 120, "frames a second"), "25"),
    doc: "Frame rate of a picture with several cameras. A picture with one camera has that camera's own.",
  },
  outputPort: {
    ...withDefault("RTSPOUTPUTPORTNUM", wholeNumber(1, 65_535), "8554"),
    doc: "TCP port of the RTSP server.",
  },
  outputPath: {
    ...withDefault("RTSPOUTPUTPATH", rtspPath(), "/ds"),
    doc: "Path of the picture on the RTSP server.",
  },
  outputUsers: {
    ...optional("RTSP_USERS", secretReferences()),
    doc: "Who may watch: secrets with a user name and a password each (RTSP digest). Without it, everybody.",
  },
  settingsFile: {
    ...optional("SETTINGS_FILE", filePath("a path of a file", 4096)),
    doc:
      "Settings document on this device, absolute or relative to the working directory. What it says goes before what " +
      "the environment says.",
  },
  hub: {
    ...withDefault("HUB", oneOf(["auto", "off"]), "auto"),
    doc: "auto: settings documents and models are taken from the hub where Open Horizon runs the agent. off: never.",
  },
  trial: {
    ...withDefault("TRIAL", yesOrNo(), "yes"),
    doc: "Put new settings, models and service versions on trial, and take the last good one back if the trial fails.",
  },
  trialMs: {
    ...withDefault("TRIAL_TIME", duration(1_000, 3_600_000), "60s"),
    doc: "How long cameras must run within bounds until a trial is passed.",
  },
  secretsDir: {
    ...withDefault("SECRETS_DIR", directory, "/open-horizon-secrets"),
    doc: "Directory with a file for every secret, where Open Horizon puts them.",
  },
  stateDir: {
    ...withDefault("STATE_DIR", directory, "/var/lib/slipstream-agent"),
    doc: "Directory of what must outlive an upgrade: the last good settings and the versions that passed their trial.",
  },
  modelsDir: {
    ...withDefault("MODELS_DIR", directory, "/var/lib/slipstream/models"),
    doc: "Directory of the models that came from the hub. The sidecar reads them there.",
  },
  modelsMaxBytes: {
    ...withDefault("MODELS_MAX_BYTES", wholeNumber(1_000_000, 1e15, "bytes"), "4000000000"),
    doc: "Most that models from the hub may take of the disk.",
  },
  requireSignedModels: {
    ...withDefault("REQUIRE_SIGNED_MODELS", yesOrNo(), "no"),
    doc: "Refuse a model from the hub that none of MODEL_KEYS has signed.",
  },
  modelKeys: {
    ...optional("MODEL_KEYS", publicKeys()),
    doc: "Keys whose signature on a model is trusted.",
  },
  allowNativeCode: {
    ...withDefault("ALLOW_NATIVE_CODE", yesOrNo(), "no"),
    doc: "Accept native code, such as the library of custom-lib-path, in a model from the hub that one of MODEL_KEYS has signed.",
  },
  showFrames: {
    ...withDefault("SHOW_FRAMES", yesOrNo(), "no"),
    doc: "Print what was counted on every frame.",
  },
  engine: {
    ...withDefault("SLIPSTREAM_ENGINE", oneOf(["auto", "cpu", "deepstream"]), "auto"),
    doc: "Engine of the sidecar, which reads it too: auto is deepstream where nvinfer is there, else cpu.",
  },
  socketPath: {
    ...withDefault(
      "SLIPSTREAM_SOCKET",
      filePath(`a path of at most ${SOCKET_PATH_BYTES} bytes`, SOCKET_PATH_BYTES),
      "/run/slipstream/worker.sock",
    ),
    doc: "Unix socket on which the sidecar is reached.",
  },
  lifeline: {
    ...withDefault("SLIPSTREAM_LIFELINE", oneOf(["none", "stdin"]), "none"),
    doc: "stdin: the agent also stops when its standard input ends, so that it never outlives what started it.",
  },
  logLevel: {
    ...withDefault("LOG_LEVEL", oneOf(["error", "warn", "info", "debug"]), "info"),
    doc: "Least important lines that are printed.",
  },
  logFormat: {
    ...withDefault("LOG_FORMAT", oneOf(["auto", "json", "text"]), "auto"),
    doc: "Form of the log lines; auto means text on a terminal and JSON elsewhere.",
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

function optional<T>(env: string, reader: Reader<T>) {
  return { env, reader, default: null, secret: false } as const;
}

function withDefault<T>(env: string, reader: Reader<T>, value: string) {
  return { env, reader, default: value, secret: false } as const;
}
