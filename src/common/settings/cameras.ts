/** Reads the list of cameras: NAME=ADDRESS or ADDRESS, separated by commas. */

import { hideLoginOf, hideLogins } from "../secrets/redact.js";
import { freeId, slugOf } from "./camera-id.js";
import { CAMERA_SCHEMES, type Credentials, readCameraUri } from "./camera-uri.js";
import type { Reading, Refusal } from "./readers.js";
import type { SecretReference } from "./secret-reference.js";

/** A camera as the user asked for it. */
export interface NamedCamera {
  /** [a-z0-9][a-z0-9_-]{0,62}, unique in the list. */
  readonly id: string;
  /** Drawn on the camera's tile. */
  readonly name: string;
  /** Holds no login. */
  readonly uri: string;
  readonly credentials: Credentials | SecretReference | undefined;
}

/** A comma separates where a new item begins behind it: a password or a path may hold commas too. */
const SEPARATOR = /,(?=\s*(?:[^,=:/@?]{1,64}=\s*)?(?:[a-z][a-z0-9+.-]*:\/\/|\/dev\/))/i;
const NAMED = /^([^,=:/@?]{1,64})=\s*(.*)$/s;

/** Reads the whole list; on a fault, tells every fault of every item. */
export function readCameras(text: string): Reading<readonly NamedCamera[]> {
  const refusals: Refusal[] = [];
  const items = text
    .replace(/[\s,]+$/, "")
    .split(SEPARATOR)
    .map(readItem);
  const taken = new Map<string, string>();
  for (const item of items) {
    if (item.uri.t === "refused") {
      refusals.push({ value: item.shown, allowed: item.uri.allowed, hint: item.uri.hint });
    }
    if (item.slug === undefined) continue;
    const other = taken.get(item.slug);
    if (other !== undefined) {
      refusals.push({
        value: item.shown,
        allowed: "a name of its own for every camera",
        hint: `${other} has the id ${item.slug} already`,
      });
    }
    taken.set(item.slug, item.shown);
  }
  if (refusals.length > 0) return { t: "refused", refusals };
  return { t: "value", value: items.map((item, index) => camera(item, index, taken)) };
}

interface Item {
  readonly name: string | undefined;
  /** The id that the name gives; undefined without a name that gives one. */
  readonly slug: string | undefined;
  readonly uri: ReturnType<typeof readCameraUri>;
  readonly shown: string;
}

function readItem(text: string): Item {
  const trimmed = text.trim();
  const named = NAMED.exec(trimmed);
  const name = named?.[1]?.trim();
  const uri = readCameraUri(named?.[2]?.trim() ?? trimmed);
  return {
    name,
    slug: name === undefined ? undefined : slugOf(name),
    uri,
    shown: shown(trimmed, uri),
  };
}

function shown(text: string, uri: Item["uri"]): string {
  return uri.t === "refused" ? hideLoginOf(text) : hideLogins(text);
}

function camera(item: Item, index: number, taken: Map<string, string>): NamedCamera {
  if (item.uri.t === "refused") throw new Error("a refused camera cannot be used");
  const { uri, credentials } = item.uri;
  const id = item.slug ?? freeId(index + 1, taken);
  taken.set(id, item.shown);
  return { id, name: item.name ?? id, uri, credentials };
}

/** What a list of cameras may hold, for messages and the table of settings. */
export const CAMERA_LIST = `a comma-separated list of ADDRESS or NAME=ADDRESS, with ${CAMERA_SCHEMES}`;
