/** The name of what a trial judges: settings, model and version of the service. Pure. */

import { generationOf, type PipelineSpec } from "../desired/spec.js";

export interface Judged {
  readonly spec: PipelineSpec;
  readonly model: { readonly name: string; readonly version: string };
  /** Of the service. */
  readonly version: string;
}

/** Hours and secrets do not change it: they are no news about how well something runs. */
export function subjectOf({ spec, model: { name, version: modelVersion }, version }: Judged) {
  const content = generationOf({
    ...spec,
    cameras: spec.cameras.map((camera) => ({ ...camera, credentials: undefined, off: undefined })),
    outputs: spec.outputs.map(({ target, ...output }) => ({
      ...output,
      target: target.t === "rtsp" ? { ...target, users: [] } : target,
    })),
  });
  const model = modelVersion === "" ? name : `${name}@${modelVersion}`;
  return `settings ${content}, model ${model}, service ${version}`;
}
