/** The cameras of the specification, except for hours and secrets. */

import type { Hours } from "../hours/hours.js";
import { idsOf } from "./camera-id.js";
import type { Credentials } from "./camera-uri.js";
import type { SettingsDocument } from "./document/schema.js";
import type { Origin, SettingSources, Sourced } from "./precedence.js";
import type { SecretReference } from "./secret-reference.js";
import type { Camera, Hiding } from "./spec.js";

type DocumentCamera = NonNullable<SettingsDocument["cameras"]>[number];

/** A camera whose login may be the name of a secret. */
export interface UnresolvedCamera extends Omit<Camera, "credentials" | "off"> {
  readonly credentials: Credentials | SecretReference | undefined;
  /** The camera is on while all of them are active. */
  readonly hours: readonly Hours[];
}

/** A document that lists cameras lists all of them. */
export function camerasOf(sources: SettingSources): {
  cameras: UnresolvedCamera[];
  origin: Origin;
} {
  const { value, origin } = sources.inDocuments(({ cameras }) => cameras) ?? fromRtspInput(sources);
  const ids = idsOf(value);
  const cameras = value.map((camera, index) =>
    cameraOf(sources, camera, ids[index] ?? "", `cameras[${index}]`, origin),
  );
  return { cameras, origin };
}

function fromRtspInput(sources: SettingSources): Sourced<DocumentCamera[]> {
  const { value, origin } = sources.setting("cameras");
  const cameras = value.map(({ id, name, uri, credentials }): DocumentCamera => {
    return { id, name, uri: { t: "uri", uri, credentials } };
  });
  return { value: cameras, origin };
}

function cameraOf(
  sources: SettingSources,
  camera: DocumentCamera,
  id: string,
  path: string,
  origin: Origin,
): UnresolvedCamera {
  const own = <T>(value: T): Sourced<T> => ({ value, origin });
  const { transport, acceptAnyCertificate, latency, frozenAfter, silentAfter, stillInterval } =
    camera;
  const credentials = camera.credentials ?? camera.uri.credentials;
  return {
    id: sources.record(`${path}.id`, own(id)),
    name: sources.record(`${path}.name`, own(camera.name ?? id)),
    uri: sources.record(`${path}.uri`, own(camera.uri.uri)),
    credentials: sources.record(`${path}.credentials`, own(credentials)),
    transport: sources.take(`${path}.transport`, "transport", own(transport)),
    acceptAnyCertificate: sources.take(
      `${path}.acceptAnyCertificate`,
      "acceptAnyCertificate",
      own(acceptAnyCertificate),
    ),
    latencyMs: sources.take(`${path}.latencyMs`, "latencyMs", own(latency)),
    frozenAfterMs: sources.take(`${path}.frozenAfterMs`, "frozenAfterMs", own(frozenAfter)),
    silentAfterMs: sources.take(`${path}.silentAfterMs`, "silentAfterMs", own(silentAfter)),
    stillIntervalMs: sources.take(`${path}.stillIntervalMs`, "stillIntervalMs", own(stillInterval)),
    masks: sources.record(`${path}.masks`, own(camera.masks ?? [])),
    hiding: sources.record(`${path}.hiding`, own(hidingOf(camera))),
    // The hours of everything, and the camera's own.
    hours: [
      sources.inDocuments(({ hours }) => hours),
      camera.hours === undefined ? undefined : own(camera.hours),
    ].flatMap((hours) => (hours === undefined ? [] : [sources.record(`${path}.off`, hours)])),
  };
}

function hidingOf({ hide }: DocumentCamera): Hiding | undefined {
  return hide === undefined ? undefined : { classes: hide.classes, method: hide.method ?? "cover" };
}
