/**
 * Makes the desired state out of the environment, settings documents, secrets, models and the time: the specification for
 * the sidecar, and options of the agent itself. Pure.
 */

import { type Problem, problem } from "../problem.js";
import type { Secrets } from "../secrets/secrets.js";
import { analyticsOf, type CameraAnalytics, unknownClasses, unknownLabels } from "./analytics.js";
import { type Presence, presencesAt } from "./camera-hours.js";
import type { Credentials } from "./camera-uri.js";
import { camerasOf, type UnresolvedCamera } from "./cameras.js";
import { type Config, noCameras } from "./config.js";
import type { SettingsDocument } from "./document/schema.js";
import { duplicatesIn } from "./duplicates.js";
import { settings } from "./environment-settings.js";
import { type EventOptions, eventsOf } from "./events.js";
import { type Models, modelOf } from "./models.js";
import { outputsOf } from "./outputs.js";
import {
  fileOf,
  type Origins,
  SettingSources,
  type Sourced,
  type SourcedDocument,
} from "./precedence.js";
import { resolveAddress, resolveLogin } from "./resolve-secrets.js";
import {
  type Camera,
  type Desired,
  generationOf,
  type Output,
  type Overlay,
  type PipelineSpec,
  type Tracker,
} from "./spec.js";

export interface Sources {
  readonly config: Config;
  readonly documents: readonly SourcedDocument[];
  readonly secrets: Secrets;
  readonly models: Models;
  /** Wall-clock time. */
  readonly nowMs: number;
}

type Section<Key extends "trial" | "maintenance"> = NonNullable<SettingsDocument[Key]>;

/** Settings that are not part of the specification. Undefined: not set. */
export interface RuntimeOptions {
  readonly trial: Omit<Section<"trial">, "time"> & {
    readonly on: boolean;
    readonly timeMs: number;
  };
  readonly maintenance: Section<"maintenance">;
  /** By camera. */
  readonly analytics: Readonly<Record<string, CameraAnalytics>>;
  readonly events: EventOptions;
}

export type DesiredState =
  | {
      readonly t: "desired";
      readonly desired: Desired;
      readonly runtimeOptions: RuntimeOptions;
      /** Addresses of the cameras, in their order, with the names of secrets instead of the secrets. */
      readonly addresses: readonly string[];
      /** Name and version of the model whose bundle the specification has. */
      readonly model: { readonly name: string; readonly version: string };
      readonly origins: Origins;
      /** Wall-clock time of the next change by hours, at which to ask again. */
      readonly nextChangeMs: number | undefined;
      /** Problems in spite of which the state is used. Their paths are those of the specification. */
      readonly warnings: readonly Problem[];
    }
  | { readonly t: "refused"; readonly problems: readonly Problem[] };

export function desiredState({ config, documents, secrets, models, nowMs }: Sources): DesiredState {
  const sources = new SettingSources(config, documents);
  const unresolved = camerasOf(sources);
  const presenceOf = presencesAt(nowMs);
  const cameras = unresolved.cameras.map((camera, index) =>
    resolveCamera(camera, `cameras[${index}]`, presenceOf(camera.hours), secrets),
  );
  const viewers = viewersOf(sources, secrets);
  const { outputs, origin } = outputsOf(sources, viewers);
  const model = modelOf(sources, models);
  const found = { cameras: cameras.map(({ camera }) => camera), outputs };
  const analytics = analyticsOf(
    sources,
    found.cameras.map(({ id }) => id),
  );
  const events = eventsOf(sources, secrets);
  const labels = model.t === "model" ? models.labels(model.model.bundlePath) : undefined;
  const problems = [
    ...unknownClasses(Object.values(analytics), labels, unresolved.origin),
    ...found.cameras.flatMap(({ hiding }, index) =>
      unknownLabels(
        `cameras[${index}].hide.classes`,
        hiding?.classes ?? [],
        labels,
        unresolved.origin,
      ),
    ),
    ...events.problems,
    ...(cameras.length === 0 ? [noCameras()] : []),
    ...viewers.problems,
    ...(model.t === "refused" ? [model.problem] : []),
    ...duplicatesIn(found, { cameras: fileOf(unresolved.origin), outputs: fileOf(origin) }),
  ];
  if (problems.length > 0 || model.t === "refused") return { t: "refused", problems };
  const spec: PipelineSpec = {
    ...found,
    model: model.model,
    tracker: trackerOf(sources),
    overlay: overlayOf(sources),
  };
  const changes = cameras.flatMap(({ nextChangeMs }) => nextChangeMs ?? []);
  return {
    t: "desired",
    desired: { generation: generationOf(spec), spec },
    runtimeOptions: { ...runtimeOptionsOf(sources), analytics, events: events.events },
    addresses: unresolved.cameras.map(({ uri }) => uri),
    model: { name: model.name, version: model.version },
    origins: sources.origins,
    nextChangeMs: changes.length === 0 ? undefined : Math.min(...changes),
    warnings: [
      ...cameras.flatMap(({ warnings }) => warnings),
      ...events.warnings,
      ...withoutTracker(analytics, spec),
      ...openOutputs(outputs),
    ],
  };
}

interface ResolvedCamera {
  readonly camera: Camera;
  readonly nextChangeMs: number | undefined;
  readonly warnings: readonly Problem[];
}

/** A camera whose secret is missing is tried without it. It then reports AUTH_FAILED, where an operator looks first. */
function resolveCamera(
  { hours: _, ...unresolved }: UnresolvedCamera,
  path: string,
  { off, nextChangeMs }: Presence,
  secrets: Secrets,
): ResolvedCamera {
  const login = resolveLogin(unresolved.credentials, secrets);
  const address = resolveAddress(unresolved.uri, secrets);
  const missing = (field: string, messages: readonly string[]) =>
    messages.map((message) => problem("secret-missing", `${path}.${field}`, message));
  const isNeverOn = off !== undefined && off.untilMs === undefined;
  const message = "stays off: its hours and the hours of everything do not meet in the next weeks";
  return {
    camera: { ...unresolved, uri: address.value, credentials: login.value, off },
    nextChangeMs,
    warnings: [
      ...missing("credentials", login.missing),
      ...missing("uri", address.missing),
      ...(isNeverOn ? [problem("never-on", `${path}.off`, message)] : []),
    ],
  };
}

/** Who may watch. If a secret is missing, the settings are refused: without users everybody could watch. */
function viewersOf(
  sources: SettingSources,
  secrets: Secrets,
): Sourced<readonly Credentials[]> & { readonly problems: readonly Problem[] } {
  const { value, origin } = sources.setting("outputUsers");
  const logins = [value ?? []].flat().map((one) => resolveLogin(one, secrets));
  const users = logins.flatMap((login) => login.value ?? []);
  const isTwice = new Set(users.map(({ username }) => username)).size < users.length;
  const messages = logins.flatMap(({ missing }) => missing);
  if (isTwice) messages.push("two users have the same name");
  const path = "setting" in origin ? settings.outputUsers.env : "rtspServer.users";
  const place = { file: fileOf(origin), path };
  const problems = messages.map((message) => problem("wrong-setting", place, message));
  return { value: users, origin, problems };
}

function trackerOf(sources: SettingSources): Tracker | undefined {
  const sourced: Sourced<Tracker | "none"> = sources.inDocuments(({ tracker }) => tracker) ?? {
    value: "none",
    origin: { t: "default", setting: undefined },
  };
  const tracker = sources.record("tracker", sourced);
  return tracker === "none" ? undefined : tracker;
}

function overlayOf(sources: SettingSources): Overlay {
  const { value, origin } = sources.setting("overlay");
  const part = (name: keyof Overlay): boolean =>
    sources.record(
      `overlay.${name}`,
      sources.inDocuments(({ overlay }) => overlay?.[name]) ?? { value: value.has(name), origin },
    );
  return {
    boxes: part("boxes"),
    labels: part("labels"),
    counts: part("counts"),
    names: part("names"),
    zones: part("zones"),
  };
}

function runtimeOptionsOf(sources: SettingSources): Pick<RuntimeOptions, "trial" | "maintenance"> {
  const bounds = sources.section("trial", ({ trial: { time: _, ...bounds } = {} }) => bounds);
  return {
    trial: {
      on: sources.take("trial.on", "trial"),
      timeMs: sources.take("trial.timeMs", "trialMs"),
      ...bounds,
    },
    maintenance: sources.section("maintenance", ({ maintenance }) => maintenance),
  };
}

/** Zones and lines follow objects, and only a tracker tells one object from another. */
function withoutTracker(
  analytics: RuntimeOptions["analytics"],
  { tracker }: PipelineSpec,
): Problem[] {
  const isUsed = Object.values(analytics).some(
    ({ zones, lines }) => zones.length + lines.length > 0,
  );
  if (tracker !== undefined || !isUsed) return [];
  const message = "is none, so that zones and lines stay empty; set a tracker, such as iou";
  return [problem("tracker-missing", "tracker", message)];
}

function openOutputs(outputs: readonly Output[]): Problem[] {
  return outputs.flatMap(({ target }, index) => {
    if (target.t !== "rtsp" || target.users.length > 0) return [];
    const message = `everybody who reaches port ${target.port} may watch; set RTSP_USERS or rtspServer.users to restrict that`;
    return [problem("output-open", `outputs[${index}].target.users`, message)];
  });
}
