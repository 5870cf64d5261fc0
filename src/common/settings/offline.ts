/** Offline stubs for what only a node has: every secret and every model counts as there. */

import type { Secrets } from "../secrets/secrets.js";
import type { Models } from "./models.js";

/** The login shows the name of its secret. */
export const offlineSecrets: Secrets = {
  toHide: [],
  find: (name) => ({
    t: "found",
    secret: { t: "login", username: `secret:${name}`, password: "***" },
  }),
};

export const offlineModels: Models = {
  resolve: (reference) => ({ t: "found", path: reference, name: reference, version: "" }),
  labels: () => undefined,
};
