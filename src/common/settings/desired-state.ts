/**
 * The desired state out of all sources: built-in defaults, the environment, the document of a file, the document of the
 * hub; what comes later goes before, value by value. Pure.
 */

import { type Problem, problem, refusal } from "../problem.js";
import type { Secrets } from "../secrets/secrets.js";
import { type WantedCamera, wantedCameras } from "./camera-list.js";
import type { Credentials } from "./camera-uri.js";
import { CAMERA_LIST } from "./cameras.js";
import { type Config, ENVIRONMENT } from "./config.js";
import { conflictsIn } from "./conflicts.js";
import type { SettingsDocument } from "./document/schema.js";
import { wantedModel } from "./model-choice.js";
import type { Models } from "./models.js";
import { type Presence, presencesAt } from "./off-until.js";
import { Choice, documentOf, type Origins, type Sourced, type SourcedDocument } from "./origin.js";
import { wantedOutputs } from "./output-list.js";
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

/** Settings that the specification does not hold. What is undefined nobody has said. */
export interface Conduct {
  readonly trial: Omit<Section<"trial">, "time"> & {
    readonly on: boolean;
    readonly timeMs: number;
  };
  readonly maintenance: Section<"maintenance">;
}

export type DesiredState =
  | {
      readonly t: "desired";
      readonly desired: Desired;
      readonly conduct: Conduct;
      /** Of the cameras, in their order, with names in the place of secrets. */
      readonly addresses: readonly string[];
      /** Name and version of the model whose bundle the specification has. */
      readonly model: { readonly name: string; readonly version: string };
      readonly origins: Origins;
      /** Wall-clock time at which hours change something next: ask again then. */
      readonly nextChangeMs: number | undefined;
      /** The state is used all the same. Paths are those of the specification. */
      readonly warnings: readonly Problem[];
    }
  | { readonly t: "refused"; readonly problems: readonly Problem[] };

export function desiredState({ config, documents, secrets, models, nowMs }: Sources): DesiredState {
  const choice = new Choice(config, documents);
  const wanted = wantedCameras(choice);
  const presenceOf = presencesAt(nowMs);
  const cameras = wanted.cameras.map((camera, index) =>
    resolveCamera(camera, `cameras[${index}]`, presenceOf(camera.hours), secrets),
  );
  const viewers = wantedViewers(choice, secrets);
  const { outputs, origin: outputsOrigin } = wantedOutputs(choice, viewers);
  const model = wantedModel(choice, models);
  const files = { cameras: documentOf(wanted.origin), outputs: documentOf(outputsOrigin) };
  const found = { cameras: cameras.map(({ camera }) => camera), outputs };
  const problems = [
    ...(cameras.length === 0 ? [NO_CAMERAS] : []),
    ...viewers.problems,
    ...(model.t === "refused" ? [model.problem] : []),
    ...conflictsIn(found, files),
  ];
  if (problems.length > 0 || model.t === "refused") return { t: "refused", problems };
  const spec: PipelineSpec = {
    ...found,
    model: model.model,
    tracker: wantedTracker(choice),
    overlay: wantedOverlay(choice),
  };
  const changes = cameras.flatMap(({ nextChangeMs }) => nextChangeMs ?? []);
  return {
    t: "desired",
    desired: { generation: generationOf(spec), spec },
    conduct: wantedConduct(choice),
    addresses: wanted.cameras.map(({ uri }) => uri),
    model: { name: model.name, version: model.version },
    origins: choice.origins,
    nextChangeMs: changes.length === 0 ? undefined : Math.min(...changes),
    warnings: [...cameras.flatMap(({ warnings }) => warnings), ...openOutputs(outputs)],
  };
}

const NO_CAMERAS = problem(
  "wrong-setting",
  { file: ENVIRONMENT, path: "RTSPINPUT" },
  refusal(
    "is not set, and no settings document gives cameras",
    `${CAMERA_LIST}; or cameras in a document of the hub or of SETTINGS_FILE`,
  ),
);

interface ResolvedCamera {
  readonly camera: Camera;
  readonly nextChangeMs: number | undefined;
  readonly warnings: readonly Problem[];
}

/** A camera whose secret is missing is tried without it: it then says AUTH_FAILED, where an operator looks first. */
function resolveCamera(
  { hours: _, ...wanted }: WantedCamera,
  path: string,
  { off, nextChangeMs }: Presence,
  secrets: Secrets,
): ResolvedCamera {
  const login = resolveLogin(wanted.credentials, secrets);
  const address = resolveAddress(wanted.uri, secrets);
  const missing = (field: string, messages: readonly string[]) =>
    messages.map((message) => problem("secret-missing", `${path}.${field}`, message));
  const isNeverOn = off !== undefined && off.untilMs === undefined;
  const message =
    "it stays off: its hours and the hours of everything do not meet in the weeks to come";
  return {
    camera: { ...wanted, uri: address.value, credentials: login.value, off },
    nextChangeMs,
    warnings: [
      ...missing("credentials", login.missing),
      ...missing("uri", address.missing),
      ...(isNeverOn ? [problem("never-on", `${path}.off`, message)] : []),
    ],
  };
}

/** Who may watch. A secret that is missing keeps everybody out: without users the door would be open. */
function wantedViewers(
  choice: Choice,
  secrets: Secrets,
): Sourced<readonly Credentials[]> & { readonly problems: readonly Problem[] } {
  const { value, origin } =
    choice.inDocuments(({ rtspServer }) => rtspServer?.users) ?? choice.setting("outputUsers");
  const logins = [value ?? []].flat().map((one) => resolveLogin(one, secrets));
  const users = logins.flatMap((login) => login.value ?? []);
  const isTwice = new Set(users.map(({ username }) => username)).size < users.length;
  const reasons = logins.flatMap(({ missing }) => missing);
  const path = "setting" in origin ? String(origin.setting) : "rtspServer.users";
  return {
    value: users,
    origin,
    problems: [...reasons, ...(isTwice ? ["two users have the same name"] : [])].map((reason) =>
      problem("wrong-setting", { file: documentOf(origin), path }, `cannot be kept: ${reason}`),
    ),
  };
}

function wantedTracker(choice: Choice): Tracker | undefined {
  const sourced: Sourced<Tracker | "none"> = choice.inDocuments(({ tracker }) => tracker) ?? {
    value: "none",
    origin: { t: "default", setting: undefined },
  };
  const tracker = choice.keep("tracker", sourced);
  return tracker === "none" ? undefined : tracker;
}

function wantedOverlay(choice: Choice): Overlay {
  const part = (name: keyof Overlay): boolean => {
    const { value, origin } = choice.setting("overlay");
    const sourced = choice.inDocuments(({ overlay }) => overlay?.[name]);
    return choice.keep(`overlay.${name}`, sourced ?? { value: value.has(name), origin });
  };
  return {
    boxes: part("boxes"),
    labels: part("labels"),
    counts: part("counts"),
    names: part("names"),
  };
}

function wantedConduct(choice: Choice): Conduct {
  const time = choice.inDocuments(({ trial }) => trial?.time) ?? choice.setting("trialMs");
  const bounds = choice.section("trial", ({ trial: { time: _, ...bounds } = {} }) => bounds);
  return {
    trial: {
      on: choice.keep("trial.on", choice.setting("trial")),
      timeMs: choice.keep("trial.timeMs", time),
      ...bounds,
    },
    maintenance: choice.section("maintenance", ({ maintenance }) => maintenance),
  };
}

function openOutputs(outputs: readonly Output[]): Problem[] {
  return outputs.flatMap(({ target }, index) => {
    if (target.t !== "rtsp" || target.users.length > 0) return [];
    const message = `whoever reaches port ${target.port} may watch: RTSP_USERS or rtspServer.users says who may`;
    return [problem("output-open", `outputs[${index}].target.users`, message)];
  });
}
