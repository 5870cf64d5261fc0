/** The revision of a candidate: the name of what a trial judges. Pure. */

import type { ModelName } from "../../common/settings/models.js";
import { generationOf, type PipelineSpec } from "../../common/settings/spec.js";

interface Parts {
  readonly spec: PipelineSpec;
  /** The addresses of its cameras, with references in place of secrets. */
  readonly addresses: readonly string[];
  readonly modelNames: readonly ModelName[];
  /** The version of the service. */
  readonly version: string;
}

/** Hours and secrets do not change it: they say nothing about how well something runs. */
export function revisionOf({ spec, addresses, modelNames, version }: Parts): string {
  const content = generationOf({
    ...spec,
    cameras: spec.cameras.map((camera, i) => ({
      ...camera,
      uri: addresses[i] ?? camera.uri,
      credentials: undefined,
      off: undefined,
    })),
    outputs: spec.outputs.map(({ target, ...output }) => ({
      ...output,
      target: target.t === "rtsp" ? { ...target, users: [] } : target,
    })),
  });
  const bundles = modelNames.map((one) =>
    one.version === "" ? one.name : `${one.name}@${one.version}`,
  );
  return `settings ${content}, model ${bundles.join(" + ")}, service ${version}`;
}

/** Settings and models of a revision; empty for a text that is none. */
export function parseRevision(revision: string): { settings?: string; model?: string } {
  return (
    /^settings (?<settings>\S+), model (?<model>.+), service [^,]*$/.exec(revision)?.groups ?? {}
  );
}
