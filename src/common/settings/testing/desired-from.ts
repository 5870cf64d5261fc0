/** A desired state of the environment alone, for tests that need any. */

import { InputError } from "../../problem.js";
import type { Config } from "../config.js";
import { desiredState } from "../desired-state.js";
import { offlineModels, offlineSecrets } from "../offline.js";
import type { Desired } from "../spec.js";

export function desiredFrom(config: Config): Desired {
  const sources = {
    config,
    documents: [],
    secrets: offlineSecrets,
    models: offlineModels,
    nowMs: 0,
  };
  const state = desiredState(sources);
  if (state.t === "desired") return state.desired;
  throw new InputError(state.problems);
}
