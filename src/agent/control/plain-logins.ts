/** Logins in a settings document that should be secrets. Pure. */

import { type Problem, problem } from "../../common/problem.js";
import { secretsInAddress } from "../../common/secrets/hide-addresses.js";
import type { SettingsDocument } from "../../common/settings/document/schema.js";

/** Whoever may change the document may read it: it refers to logins, and holds none. */
export function plainLogins({ cameras = [], rtspServer, events }: SettingsDocument): Problem[] {
  const paths = [
    ...cameras.flatMap(({ uri, credentials }, index) => [
      ...(isPlain(credentials) ? [`cameras[${index}].credentials`] : []),
      ...(isPlain(uri.credentials) || hasPlainParameter(uri.uri) ? [`cameras[${index}].uri`] : []),
    ]),
    ...([rtspServer?.users ?? []].flat().some(isPlain) ? ["rtspServer.users"] : []),
    ...(events?.sinks ?? []).flatMap((sink, index) =>
      "url" in sink && typeof sink.url === "string" && hasPlainParameter(sink.url)
        ? [`events.sinks[${index}].url`]
        : [],
    ),
  ];
  const message = "holds a login in plain text; put it into a secret and write secret:NAME";
  return paths.map((path) => problem("wrong-setting", { file: "node", path }, message));
}

export function isPlain(login: object | undefined): boolean {
  return login !== undefined && "password" in login;
}

function hasPlainParameter(address: string): boolean {
  return secretsInAddress(address).some((text) => !text.includes("secret:"));
}
