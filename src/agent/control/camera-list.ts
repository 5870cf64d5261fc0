/** The list of cameras as a settings document of this node may take it over. Pure. */

import { idsOf } from "../../common/settings/camera-id.js";
import { readSettingsDocument } from "../../common/settings/settings-document.js";
import { isPlain, plainLogins } from "./plain-logins.js";
import { type Sources, textOf } from "./render.js";

export type CameraList =
  | { readonly t: "cameras"; readonly cameras: readonly object[] }
  /** They cannot be changed here. */
  | { readonly t: "fixed"; readonly why: string };

const LOGIN = "a camera's login is in plain text: put it into a secret and refer to it first";

export function cameraListOf({
  config,
  ...sources
}: Pick<Sources, "config" | "file" | "node" | "hub">): CameraList {
  const texts = { hub: sources.hub, node: textOf(sources.node), file: textOf(sources.file) };
  for (const [from, text] of Object.entries(texts)) {
    const reading = text === null ? undefined : readSettingsDocument(text, from);
    if (text === null || reading?.t !== "document") continue;
    const { cameras } = reading.document;
    if (cameras === undefined) continue;
    if (from === "hub") return { t: "fixed", why: "the hub lists the cameras: change them there" };
    if (plainLogins({ cameras }).length > 0) return { t: "fixed", why: LOGIN };
    const ids = idsOf(cameras);
    const written = (JSON.parse(text) as { cameras: object[] }).cameras;
    return { t: "cameras", cameras: written.map((camera, i) => ({ ...camera, id: ids[i] })) };
  }
  const cameras = config.cameras.map(({ id, name, uri, credentials }) => ({
    ...{ id, name, uri },
    ...(credentials !== undefined && "secret" in credentials
      ? { credentials: `secret:${credentials.secret}` }
      : {}),
  }));
  const hasLogin = config.cameras.some(
    ({ uri, credentials }) =>
      isPlain(credentials) ||
      plainLogins({ cameras: [{ uri: { t: "uri", uri, credentials: undefined } }] }).length > 0,
  );
  return hasLogin ? { t: "fixed", why: LOGIN } : { t: "cameras", cameras };
}
