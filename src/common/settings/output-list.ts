/** Which pictures there are to be, how each is encoded and where it goes. */

import type { Credentials } from "./camera-uri.js";
import type { Config } from "./config.js";
import type { SettingsDocument } from "./document/schema.js";
import type { Choice, Origin, Sourced } from "./origin.js";
import type { Encoding, Output, Target } from "./spec.js";

type Defaults = NonNullable<SettingsDocument["outputDefaults"]>;
type DocumentOutput = NonNullable<SettingsDocument["outputs"]>[number];
type SharedSetting =
  | "layout"
  | "codec"
  | "outputWidth"
  | "outputHeight"
  | "bitrate"
  | "outputFrameRate";

/** A document that names outputs names all of them. */
export function wantedOutputs(
  choice: Choice,
  users: Sourced<readonly Credentials[]>,
): { outputs: Output[]; origin: Origin } {
  const list: Sourced<DocumentOutput[]> = choice.inDocuments(({ outputs }) => outputs) ?? {
    value: [{}],
    origin: choice.setting("output").origin,
  };
  const port =
    choice.inDocuments(({ rtspServer }) => rtspServer?.port) ?? choice.setting("outputPort");
  const outputs = list.value.map((output, index) => {
    const path = `outputs[${index}]`;
    const own = <T>(name: string, value: T): T =>
      choice.keep(`${path}.${name}`, { value, origin: list.origin });
    return {
      id: own("id", output.id ?? idOf(kindOf(choice, output), index)),
      ...encodingOf(choice, output, path, list.origin),
      target: targetOf(choice, output, path, port, users, list.origin),
    };
  });
  return { outputs, origin: list.origin };
}

/** Without one of its own, the first is named after where it goes. */
function idOf(target: Target["t"], index: number): string {
  return index === 0 ? target : `output${index + 1}`;
}

function encodingOf(
  choice: Choice,
  output: DocumentOutput,
  path: string,
  origin: Origin,
): { layout: Output["layout"]; encoding: Encoding } {
  const shared = <Key extends SharedSetting>(
    name: string,
    key: Key,
    get: (from: Defaults) => Config[Key] | undefined,
  ) => {
    const value = get(output);
    const sourced =
      value === undefined
        ? (choice.inDocuments(({ outputDefaults = {} }) => get(outputDefaults)) ??
          choice.setting(key))
        : { value, origin };
    return choice.keep(`${path}.${name}`, sourced);
  };
  return {
    layout: shared("layout", "layout", ({ layout }) => layout),
    encoding: {
      codec: shared("encoding.codec", "codec", ({ codec }) => codec),
      width: shared("encoding.width", "outputWidth", ({ width }) => width),
      height: shared("encoding.height", "outputHeight", ({ height }) => height),
      bitrate: shared("encoding.bitrate", "bitrate", ({ bitrate }) => bitrate),
      frameRate: shared("encoding.frameRate", "outputFrameRate", ({ frameRate }) => frameRate),
    },
  };
}

/** Where an output goes: what names nothing goes where the environment says. */
function kindOf(choice: Choice, { rtsp, file, window }: DocumentOutput): Target["t"] {
  if (rtsp !== undefined) return "rtsp";
  if (file !== undefined) return "file";
  return window === undefined ? choice.setting("output").value : "window";
}

function targetOf(
  choice: Choice,
  output: DocumentOutput,
  path: string,
  port: Sourced<number>,
  users: Sourced<readonly Credentials[]>,
  origin: Origin,
): Target {
  const { rtsp, file = {} } = output;
  const kind = kindOf(choice, output);
  if (kind === "window") return { t: kind };
  if (kind === "file") {
    const own = <T>(name: string, value: T | undefined, setting: Sourced<T>): T =>
      choice.keep(`${path}.target.${name}`, value === undefined ? setting : { value, origin });
    return {
      t: kind,
      path: own("path", file.path, choice.setting("outputFile")),
      fileDurationMs: own("fileDurationMs", file.duration, choice.setting("outputFileDuration")),
      maxBytes: own("maxBytes", file.maxBytes, choice.setting("outputFileMaxBytes")),
    };
  }
  const mount = rtsp === undefined ? choice.setting("outputPath") : { value: rtsp.path, origin };
  return {
    t: "rtsp",
    port: choice.keep(`${path}.target.port`, port),
    path: choice.keep(`${path}.target.path`, mount),
    users: choice.keep(`${path}.target.users`, users),
  };
}
