/** Stand-ins for what only a node has: on a desk every secret and every model counts as there. */

import type { Secrets } from "../secrets/secrets.js";
import type { Models } from "./models.js";

/** The login shows which secret it is of. */
export const deskSecrets: Secrets = {
  words: [],
  find: (name) => ({
    t: "found",
    secret: { t: "login", username: `secret:${name}`, password: "***" },
  }),
};

export const deskModels: Models = {
  resolve: (reference) => ({ t: "found", path: reference, name: reference, version: "" }),
};
