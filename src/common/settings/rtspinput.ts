/** The format of RTSPINPUT, the list of cameras: NAME=ADDRESS or ADDRESS, separated by commas. */

import { quote, refusal } from "../problem.js";
import { hideLoginOf } from "../secrets/redact.js";
import { freeId, slugOf } from "./camera-id.js";
import { CAMERA_SCHEMES, type Credentials, readCameraUri } from "./camera-uri.js";
import type { Format, Reading } from "./format.js";
import type { SecretReference } from "./secret-reference.js";

/** A camera as RTSPINPUT has it. */
export interface NamedCamera {
  /** [a-z0-9][a-z0-9_-]{0,62}, unique in the list. */
  readonly id: string;
  /** Drawn on the camera's tile. */
  readonly name: string;
  /** Holds no login. */
  readonly uri: string;
  readonly credentials: Credentials | SecretReference | undefined;
}

/** A comma separates two items only if an item begins behind it: a password or a path may have commas, too. */
const SEPARATOR = /,(?=\s*(?:[^,=:/@?]{1,64}=\s*)?(?:[a-z][a-z0-9+.-]*:\/\/|\/dev\/))/i;
const NAMED = /^([^,=:/@?]{1,64})=\s*(.*)$/s;

export const rtspInput: Format<readonly NamedCamera[]> = {
  allowed: `a comma-separated list of ADDRESS or NAME=ADDRESS, with ${CAMERA_SCHEMES}`,
  json: { type: "string" },
  read: readCameras,
};

/** Reads the whole list, or reports all wrong items. */
function readCameras(text: string): Reading<readonly NamedCamera[]> {
  const items = text
    .replace(/^[\s,]+/, "")
    .split(SEPARATOR)
    .map(readItem);
  const messages: string[] = [];
  /** Items as messages show them, by the id that comes from their name. */
  const taken = new Map<string, string>();
  for (const { uri, slug, shown } of items) {
    if (uri.t === "refused") messages.push(refusal(`is ${shown}`, uri.allowed, uri.hint));
    if (slug === undefined) continue;
    const other = taken.get(slug);
    if (other !== undefined) {
      const hint = `${other} has the id ${slug} already`;
      messages.push(refusal(`is ${shown}`, "a different name for every camera", hint));
    }
    taken.set(slug, shown);
  }
  if (messages.length > 0) return { t: "refused", messages };
  const cameras = items.flatMap(({ uri: address, name, slug, shown }, index) => {
    if (address.t === "refused") return [];
    const { uri, credentials } = address;
    const id = slug ?? freeId(index + 1, taken);
    taken.set(id, shown);
    return [{ id, name: name ?? id, uri, credentials }];
  });
  return { t: "value", value: cameras };
}

function readItem(text: string) {
  const trimmed = text.trim().replace(/[\s,]+$/, "");
  const named = NAMED.exec(trimmed);
  const name = named?.[1]?.trim();
  const uri = readCameraUri(named?.[2]?.trim() ?? trimmed);
  // In a wrong address the end of the login is unknown.
  const shown = quote(uri.t === "refused" ? hideLoginOf(trimmed) : trimmed);
  return { name, uri, slug: name === undefined ? undefined : slugOf(name), shown };
}
