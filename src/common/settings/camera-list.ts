/** Which cameras there are to be, and how each is to be run, except for hours and secrets. */

import type { Hours } from "../hours/hours.js";
import { idsOf } from "./camera-id.js";
import type { Credentials } from "./camera-uri.js";
import type { Config } from "./config.js";
import type { SettingsDocument } from "./document/schema.js";
import type { Choice, Origin, Sourced } from "./origin.js";
import type { SecretReference } from "./secret-reference.js";
import type { Camera } from "./spec.js";

type Defaults = NonNullable<SettingsDocument["cameraDefaults"]>;
type SharedSetting = "transport" | "acceptAnyCertificate" | "latencyMs" | "frozenAfterMs";
type DocumentCamera = NonNullable<SettingsDocument["cameras"]>[number];

/** A camera whose login may still be the name of a secret. */
export interface WantedCamera extends Omit<Camera, "credentials" | "off"> {
  readonly credentials: Credentials | SecretReference | undefined;
  /** It is on where all of them are. */
  readonly hours: readonly Hours[];
}

/** A document that names cameras names all of them. */
export function wantedCameras(choice: Choice): { cameras: WantedCamera[]; origin: Origin } {
  const list = choice.inDocuments(({ cameras }) => cameras) ?? fromSettings(choice);
  const ids = idsOf(list.value);
  const cameras = list.value.map((camera, index) =>
    wantedCamera(choice, camera, ids[index] ?? "", `cameras[${index}]`, list.origin),
  );
  return { cameras, origin: list.origin };
}

function fromSettings(choice: Choice): Sourced<DocumentCamera[]> {
  const { value, origin } = choice.setting("cameras");
  return {
    value: value.map(({ id, name, uri, credentials }) => ({
      id,
      name,
      uri: { t: "uri", uri, credentials },
    })),
    origin,
  };
}

function wantedCamera(
  choice: Choice,
  camera: DocumentCamera,
  id: string,
  path: string,
  origin: Origin,
): WantedCamera {
  const own = <T>(name: string, value: T): T => choice.keep(`${path}.${name}`, { value, origin });
  const shared = <Key extends SharedSetting>(
    key: Key,
    get: (from: Defaults) => Config[Key] | undefined,
  ) => {
    const value = get(camera);
    const sourced =
      value === undefined
        ? (choice.inDocuments(({ cameraDefaults = {} }) => get(cameraDefaults)) ??
          choice.setting(key))
        : { value, origin };
    return choice.keep(`${path}.${key}`, sourced);
  };
  return {
    id: own("id", id),
    name: own("name", camera.name ?? id),
    uri: own("uri", camera.uri.uri),
    credentials: own("credentials", camera.credentials ?? camera.uri.credentials),
    transport: shared("transport", ({ transport }) => transport),
    acceptAnyCertificate: shared("acceptAnyCertificate", (from) => from.acceptAnyCertificate),
    latencyMs: shared("latencyMs", ({ latency }) => latency),
    frozenAfterMs: shared("frozenAfterMs", ({ frozenAfter }) => frozenAfter),
    masks: own("masks", camera.masks ?? []),
    hours: hoursOf(choice, camera, `${path}.off`, origin),
  };
}

/** Hours for everything, and the camera's own. */
function hoursOf(choice: Choice, camera: DocumentCamera, path: string, origin: Origin): Hours[] {
  const common = choice.inDocuments(({ hours }) => hours);
  const sources = [
    ...(common === undefined ? [] : [common]),
    ...(camera.hours === undefined ? [] : [{ value: camera.hours, origin }]),
  ];
  return sources.map((sourced) => choice.keep(path, sourced));
}
