/** What may be put on trial: a desired state, the name of its content, and how to make it again. */

import type { Desired } from "../../common/settings/spec.js";

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export interface Candidate {
  /** Names what is judged: settings, model and version of the service. Hours and secrets do not change it. */
  readonly subject: string;
  readonly desired: Desired;
  /** All that is needed to make this candidate again after a restart. Holds no secret; only the caller looks inside. */
  readonly content: JsonValue;
}
