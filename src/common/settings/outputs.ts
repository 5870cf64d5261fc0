/** The outputs of the specification: how the stream of each is encoded, and where it goes. */

import type { Credentials } from "./camera-uri.js";
import type { SettingsDocument } from "./document/schema.js";
import type { Origin, SettingSources, Sourced } from "./precedence.js";
import type { Output, Target } from "./spec.js";

type DocumentOutput = NonNullable<SettingsDocument["outputs"]>[number];

/** A document that lists outputs lists all of them. */
export function outputsOf(
  sources: SettingSources,
  users: Sourced<readonly Credentials[]>,
): { outputs: Output[]; origin: Origin } {
  const { value, origin }: Sourced<DocumentOutput[]> = sources.inDocuments(
    ({ outputs }) => outputs,
  ) ?? { value: [{}], origin: sources.setting("output").origin };
  const outputs = value.map((output, index): Output => {
    const path = `outputs[${index}]`;
    const own = <T>(value: T): Sourced<T> => ({ value, origin });
    const { layout, codec, width, height, bitrate, frameRate } = output;
    const encoding = `${path}.encoding`;
    // By default the first is named after where it goes.
    const id = output.id ?? (index === 0 ? kindOf(sources, output) : `output${index + 1}`);
    return {
      id: sources.record(`${path}.id`, own(id)),
      layout: sources.take(`${path}.layout`, "layout", own(layout)),
      encoding: {
        codec: sources.take(`${encoding}.codec`, "codec", own(codec)),
        width: sources.take(`${encoding}.width`, "outputWidth", own(width)),
        height: sources.take(`${encoding}.height`, "outputHeight", own(height)),
        bitrate: sources.take(`${encoding}.bitrate`, "bitrate", own(bitrate)),
        frameRate: sources.take(`${encoding}.frameRate`, "outputFrameRate", own(frameRate)),
      },
      target: targetOf(sources, output, `${path}.target`, users, origin),
    };
  });
  return { outputs, origin };
}

/** Where an output goes: by default where the environment says. */
function kindOf(sources: SettingSources, { rtsp, file, window }: DocumentOutput): Target["t"] {
  if (rtsp !== undefined) return "rtsp";
  if (file !== undefined) return "file";
  return window === undefined ? sources.setting("output").value : "window";
}

function targetOf(
  sources: SettingSources,
  output: DocumentOutput,
  path: string,
  users: Sourced<readonly Credentials[]>,
  origin: Origin,
): Target {
  const { rtsp, file = {} } = output;
  const own = <T>(value: T): Sourced<T> => ({ value, origin });
  const t = kindOf(sources, output);
  switch (t) {
    case "window":
      return { t };
    case "file":
      return {
        t,
        path: sources.take(`${path}.path`, "outputFile", own(file.path)),
        fileDurationMs: sources.take(
          `${path}.fileDurationMs`,
          "outputFileDuration",
          own(file.duration),
        ),
        maxBytes: sources.take(`${path}.maxBytes`, "outputFileMaxBytes", own(file.maxBytes)),
      };
    case "rtsp":
      return {
        t,
        port: sources.take(`${path}.port`, "outputPort"),
        path: sources.take(`${path}.path`, "outputPath", own(rtsp?.path)),
        users: sources.record(`${path}.users`, users),
      };
    default:
      return t satisfies never;
  }
}
