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
    origin: choice.setting("outputPath").origin,
  };
  const port =
    choice.inDocuments(({ rtspServer }) => rtspServer?.port) ?? choice.setting("outputPort");
  const outputs = list.value.map((output, index) => {
    const path = `outputs[${index}]`;
    const own = <T>(name: string, value: T): T =>
      choice.keep(`${path}.${name}`, { value, origin: list.origin });
    return {
      id: own("id", output.id ?? idOf(output, index)),
      ...encodingOf(choice, output, path, list.origin),
      target: targetOf(choice, output, path, port, users, list.origin),
    };
  });
  return { outputs, origin: list.origin };
}

function idOf({ file }: DocumentOutput, index: number): string {
  return index === 0 && file === undefined ? "rtsp" : `output${index + 1}`;
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

function targetOf(
  choice: Choice,
  { rtsp, file }: DocumentOutput,
  path: string,
  port: Sourced<number>,
  users: Sourced<readonly Credentials[]>,
  origin: Origin,
): Target {
  if (file !== undefined) {
    return { t: "file", path: choice.keep(`${path}.target.path`, { value: file.path, origin }) };
  }
  const mount = rtsp === undefined ? choice.setting("outputPath") : { value: rtsp.path, origin };
  return {
    t: "rtsp",
    port: choice.keep(`${path}.target.port`, port),
    path: choice.keep(`${path}.target.path`, mount),
    users: choice.keep(`${path}.target.users`, users),
  };
}
