/** The revision of a candidate: the name of what a trial judges. Pure. */

import { generationOf, type PipelineSpec } from "../../common/settings/spec.js";

interface Parts {
  readonly spec: PipelineSpec;
  /** The addresses of its cameras, with references in place of secrets. */
  readonly addresses: readonly string[];
  readonly model: { readonly name: string; readonly version: string };
  /** The version of the service. */
  readonly version: string;
}

/** Hours and secrets do not change it: they say nothing about how well something runs. */
export function revisionOf({ spec, addresses, model, version }: Parts): string {
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
  const bundle = model.version === "" ? model.name : `${model.name}@${model.version}`;
  return `settings ${content}, model ${bundle}, service ${version}`;
}

/** Settings and model of a revision; empty for a text that is none. */
export function parseRevision(revision: string): { settings?: string; model?: string } {
  return (
    /^settings (?<settings>\S+), model (?<model>.+), service [^,]*$/.exec(revision)?.groups ?? {}
  );
}
