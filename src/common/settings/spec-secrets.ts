/** What of a specification nobody may read. */

import { secretsInAddress } from "../secrets/hide-addresses.js";
import { textsToHide } from "../secrets/secrets.js";
import type { PipelineSpec } from "./spec.js";

/** Texts that no output may contain: of its logins, and of parameters of its cameras' addresses. */
export function secretsInSpec({ cameras, outputs }: PipelineSpec): string[] {
  const logins = [
    ...cameras.flatMap(({ credentials }) => credentials ?? []),
    ...outputs.flatMap(({ target }) => (target.t === "rtsp" ? target.users : [])),
  ];
  return [
    ...logins
      .filter(({ password }) => password !== "")
      .flatMap((login) => textsToHide({ t: "login", ...login })),
    ...cameras.flatMap(({ uri }) => secretsInAddress(uri)),
  ];
}
