/**
 * Every setting that comes from the environment. The table is the schema that convict loads them by, and docs/settings.md
 * and the userInput of the service definition are made from it.
 */

import { type Format, listOf } from "./format.js";
import {
  duration,
  evenNumber,
  filePath,
  fraction,
  oneOf,
  recordingPath,
  rtspPath,
  someOf,
  textList,
  wholeNumber,
  yesOrNo,
} from "./formats.js";
import { listenAddress } from "./listen-address.js";
import { modelReference } from "./model-reference.js";
import { publicKeys } from "./public-keys.js";
import { rtspInput } from "./rtspinput.js";
import { secretName, secretReferences } from "./secret-reference.js";

export interface Setting<T> {
  /** Name of the environment variable. */
  readonly env: string;
  readonly format: Format<T>;
  /** As a user would write it. Null: without a value it is undefined. */
  readonly default: string | null;
  /** One or two sentences for the table of settings. */
  readonly doc: string;
  /** Its value is never printed as a whole. */
  readonly sensitive?: true;
}

/** What is drawn on a stream besides masks. */
export const OVERLAY_PARTS = ["boxes", "labels", "counts", "names", "zones"] as const;

/** Longest path that a Unix socket address holds on Linux, less the closing zero. */
const SOCKET_PATH_BYTES = 107;

const directory = filePath("a path of a directory", 4096);

export const settings = {
  cameras: {
    env: "RTSPINPUT",
    format: rtspInput,
    default: null,
    sensitive: true,
    doc:
      "Cameras, in the order of their tiles. A login is part of the address: rtsp://user:password@host/path or, with the " +
      "name of a secret, rtsp://secret:NAME@host/path. A comma in a password is safe unless an address follows it. " +
      "Required unless a settings document lists cameras.",
  },
  transport: {
    env: "RTSP_TRANSPORT",
    format: oneOf(["tcp", "udp"]),
    default: "tcp",
    doc: "Transport of RTP from the cameras: tcp (interleaved in the RTSP connection) or udp.",
  },
  acceptAnyCertificate: {
    env: "RTSPS_ACCEPT_ANY_CERTIFICATE",
    format: yesOrNo(),
    default: "no",
    doc: "Accept any certificate from an rtsps:// camera. Otherwise the system must trust it.",
  },
  frozenAfterMs: {
    env: "FROZEN_AFTER",
    format: duration(0, 86_400_000),
    default: "60s",
    doc: "A camera that sends the same frame for this long is considered frozen and is reconnected. 0s: never.",
  },
  silentAfterMs: {
    env: "SILENT_AFTER",
    format: duration(0, 86_400_000),
    default: "10s",
    doc:
      "A camera that shows no sign of life for this long, although its connection is open, is reconnected; it is lost if " +
      "it then sends no frame. A camera that answers in between may send no frame for FROZEN_AFTER, and one with a low " +
      "frame rate for four times its usual interval. 0s: never.",
  },
  stillIntervalMs: {
    env: "STILL_INTERVAL",
    format: duration(0, 60_000),
    default: "0s",
    doc:
      "While nothing moves in a camera's frames, detection looks at one of them so often, and while something moves at four " +
      "a second at most; boxes are carried over to the frames in between. It may miss small and short movements (see " +
      "docs/performance.md). 0s: detection looks at every frame. Engine cpu only.",
  },
  latencyMs: {
    env: "RTSP_LATENCY",
    format: duration(0, 10_000),
    default: "100ms",
    doc: "Depth of the jitter buffer. Packets that arrive later are dropped.",
  },
  model: {
    env: "MODEL",
    format: modelReference(),
    default: "models/nanodet-coco",
    doc:
      "Model bundle: a directory, absolute or relative to the working directory, or the name of a model on this device. " +
      "A name alone means its newest version; nanodet-coco@1.2.0 means that one.",
  },
  threshold: {
    env: "DETECTION_THRESHOLD",
    format: fraction(),
    default: null,
    doc: "Lowest confidence that is reported, for all classes. Default: the bundle's own thresholds.",
  },
  interval: {
    env: "DETECTION_INTERVAL",
    format: wholeNumber(0, 10_000),
    default: null,
    doc: "Frames skipped between two inferences; boxes are carried over. Default: the bundle's own interval.",
  },
  classes: {
    env: "DETECTION_CLASSES",
    format: textList("a comma-separated list of the bundle's labels"),
    default: null,
    doc: "Labels that are reported. Default: all.",
  },
  secondaryModels: {
    env: "SECONDARY_MODELS",
    format: listOf(modelReference(), "a comma-separated list of models, each as in MODEL"),
    default: null,
    doc:
      "Models that work on the objects of MODEL: they classify them, or detect objects within them. Their bundles have " +
      "process-mode=2. Default: none.",
  },
  overlay: {
    env: "OVERLAY",
    format: someOf(OVERLAY_PARTS),
    default: OVERLAY_PARTS.join(","),
    doc: "What is drawn on the stream.",
  },
  output: {
    env: "OUTPUT",
    format: oneOf(["rtsp", "file", "window"]),
    default: "rtsp",
    doc: "Where the stream goes: to viewers over RTSP, into recordings, or into a window on the sidecar's X display.",
  },
  outputFile: {
    env: "OUTPUT_FILE",
    format: recordingPath(),
    default: "slipstream.mkv",
    doc:
      "Name of the recordings, relative to the sidecar's directory of recordings. Each file has its start in UTC in its " +
      "name and, with one stream per camera, the camera's NAME: slipstream.NAME.20261126T143012Z.mkv.",
  },
  outputFileDuration: {
    env: "OUTPUT_FILE_DURATION",
    format: duration(1_000, 86_400_000),
    default: "10m",
    doc: "Length of a recording, after which the next file begins.",
  },
  outputFileMaxBytes: {
    env: "OUTPUT_FILE_MAX_BYTES",
    format: wholeNumber(1_000_000, 1e15, "bytes"),
    default: "10000000000",
    doc: "Disk space for all recordings of an output. The oldest files are removed.",
  },
  layout: {
    env: "OUTPUT_LAYOUT",
    format: oneOf(["tiled", "per-camera"]),
    default: "tiled",
    doc: "One stream with all cameras as tiles, or one stream per camera at RTSPOUTPUTPATH/NAME.",
  },
  codec: {
    env: "CODEC",
    format: oneOf(["H264", "H265"]),
    default: "H264",
    doc: "Codec of the stream.",
  },
  bitrate: {
    env: "BITRATE",
    format: wholeNumber(10_000, 100_000_000, "bit/s"),
    default: "4000000",
    doc: "Target bit rate of the encoder.",
  },
  outputWidth: {
    env: "OUTPUT_WIDTH",
    format: evenNumber(16, 7680, "pixels"),
    default: "1280",
    doc: "Width of the stream.",
  },
  outputHeight: {
    env: "OUTPUT_HEIGHT",
    format: evenNumber(16, 7680, "pixels"),
    default: "720",
    doc: "Height of the stream.",
  },
  outputFrameRate: {
    env: "OUTPUT_FRAME_RATE",
    format: wholeNumber(1, 120, "frames a second"),
    default: "25",
    doc: "Frame rate of a stream with several cameras. A stream with one camera has that camera's rate.",
  },
  outputPort: {
    env: "RTSPOUTPUTPORTNUM",
    format: wholeNumber(1, 65_535),
    default: "8554",
    doc: "TCP port of the RTSP server.",
  },
  outputPath: {
    env: "RTSPOUTPUTPATH",
    format: rtspPath(),
    default: "/ds",
    doc: "Path of the stream on the RTSP server.",
  },
  outputUsers: {
    env: "RTSP_USERS",
    format: secretReferences(),
    default: null,
    doc: "Who may watch: secrets that hold a user name and a password each (RTSP digest authentication). Default: everybody.",
  },
  settingsFile: {
    env: "SETTINGS_FILE",
    format: filePath("a path of a file", 4096),
    default: null,
    doc: "Settings document on this device, absolute or relative to the working directory. It overrides the environment.",
  },
  hub: {
    env: "HUB",
    format: oneOf(["auto", "off"]),
    default: "auto",
    doc: "auto: take settings documents and models from the hub if Open Horizon runs the agent. off: never.",
  },
  trial: {
    env: "TRIAL",
    format: yesOrNo(),
    default: "yes",
    doc: "Put new settings, models and service versions on trial, and return to the last good ones if the trial fails.",
  },
  trialMs: {
    env: "TRIAL_TIME",
    format: duration(1_000, 3_600_000),
    default: "60s",
    doc: "How long the cameras must run within bounds to pass a trial.",
  },
  secretsDir: {
    env: "SECRETS_DIR",
    format: directory,
    default: "/open-horizon-secrets",
    doc: "Directory where Open Horizon puts secrets, one file each.",
  },
  stateDir: {
    env: "STATE_DIR",
    format: directory,
    default: "/var/lib/slipstream-agent",
    doc: "Directory of the state that must survive an upgrade: the last good settings and the versions that passed a trial.",
  },
  modelsDir: {
    env: "MODELS_DIR",
    format: directory,
    default: "/var/lib/slipstream-models",
    doc: "Directory of models from the hub. The sidecar reads them there.",
  },
  modelsMaxBytes: {
    env: "MODELS_MAX_BYTES",
    format: wholeNumber(1_000_000, 1e15, "bytes"),
    default: "4000000000",
    doc: "Disk space for models from the hub.",
  },
  requireSignedModels: {
    env: "REQUIRE_SIGNED_MODELS",
    format: yesOrNo(),
    default: "no",
    doc: "Refuse models from the hub that are not signed with one of MODEL_KEYS.",
  },
  modelKeys: {
    env: "MODEL_KEYS",
    format: publicKeys(),
    default: null,
    doc: "Public keys that are trusted to sign models.",
  },
  allowNativeCode: {
    env: "ALLOW_NATIVE_CODE",
    format: yesOrNo(),
    default: "no",
    doc:
      "Accept native code, such as the library of custom-lib-path, in models from the hub that one of MODEL_KEYS has " +
      "signed.",
  },
  showFrames: {
    env: "SHOW_FRAMES",
    format: yesOrNo(),
    default: "no",
    doc: "Log the detections of every frame.",
  },
  engine: {
    env: "SLIPSTREAM_ENGINE",
    format: oneOf(["auto", "cpu", "deepstream"]),
    default: "auto",
    doc: "Engine of the sidecar, which reads this variable too. auto: deepstream if nvinfer is installed, else cpu.",
  },
  socketPath: {
    env: "SLIPSTREAM_SOCKET",
    format: filePath(`a path of at most ${SOCKET_PATH_BYTES} bytes`, SOCKET_PATH_BYTES),
    default: "/run/slipstream/worker.sock",
    doc: "Unix socket of the sidecar.",
  },
  httpAddress: {
    env: "HTTP_ADDRESS",
    format: listenAddress(),
    default: "127.0.0.1:8080",
    doc:
      "Where the agent serves health, metrics and its API over HTTP. Any address but a loopback address requires " +
      "HTTP_USERS. off: not over TCP; the Unix socket agent.sock in STATE_DIR is always served.",
  },
  httpUsers: {
    env: "HTTP_USERS",
    format: secretReferences(),
    default: null,
    doc:
      "Who may use HTTP_ADDRESS: secrets that hold a user name and a password each (HTTP Basic authentication). " +
      "Default: everybody on this machine.",
  },
  httpCertificate: {
    env: "HTTP_CERTIFICATE",
    format: secretName(),
    default: null,
    doc:
      "Serve HTTPS with this secret, which holds the certificate chain and its private key as PEM text, one after the " +
      "other. Default: plain HTTP.",
  },
  lifeline: {
    env: "SLIPSTREAM_LIFELINE",
    format: oneOf(["none", "stdin"]),
    default: "none",
    doc: "stdin: the agent also stops when its standard input ends, so that it never outlives its parent process.",
  },
  logLevel: {
    env: "LOG_LEVEL",
    format: oneOf(["error", "warn", "info", "debug"]),
    default: "info",
    doc: "Lowest level that is logged.",
  },
  logFormat: {
    env: "LOG_FORMAT",
    format: oneOf(["auto", "json", "text"]),
    default: "auto",
    doc: "Format of the log. auto: text on a terminal, else JSON.",
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
