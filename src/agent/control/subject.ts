/** The name of what a trial judges: settings, model and version of the service. Pure. */

import { generationOf, type PipelineSpec } from "../../common/settings/spec.js";

export interface Judged {
  readonly spec: PipelineSpec;
  /** Of its cameras, with names in the place of secrets. */
  readonly addresses: readonly string[];
  readonly model: { readonly name: string; readonly version: string };
  /** Of the service. */
  readonly version: string;
}

/** Hours and secrets do not change it: they are no news about how well something runs. */
export function subjectOf({ spec, addresses, model, version }: Judged): string {
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

/** What such a name says of settings and model; undefined where it is none. */
export function readSubject(subject: string): { settings?: string; model?: string } {
  const [, settings, model] = /^settings (\S+), model (.+), service [^,]*$/.exec(subject) ?? [];
  return settings === undefined || model === undefined ? {} : { settings, model };
}
