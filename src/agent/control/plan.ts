/**
 * What is to run: made of all sources, and of the last good ones where these cannot be used. Pure.
 */

import type { Problem } from "../../common/problem.js";
import type { Secrets } from "../../common/secrets/secrets.js";
import type { Config } from "../../common/settings/config.js";
import {
  type DesiredState,
  desiredState,
  type RuntimeOptions,
} from "../../common/settings/desired-state.js";
import type { Models } from "../../common/settings/models.js";
import type { SourcedDocument } from "../../common/settings/precedence.js";
import { readSettingsDocument } from "../../common/settings/settings-document.js";
import type { PipelineSpec } from "../../common/settings/spec.js";
import type { Candidate, JsonValue } from "../trial/candidate.js";
import { type Content, contentOf, readContent, type Texts } from "./content.js";
import { subjectOf } from "./subject.js";

export interface Sources {
  readonly config: Config;
  readonly texts: Texts;
  /** Documents that should be there and cannot be read. */
  readonly unreadable: readonly Problem[];
  readonly secrets: Secrets;
  readonly models: Models;
  /** Of the service. */
  readonly version: string;
  /** What the memory of trials holds of the last good one, if anything. */
  readonly lastGood: JsonValue | undefined;
  /** Content of what was considered last; undefined: nothing was. */
  readonly current: JsonValue | undefined;
  /** Wall-clock time. */
  readonly nowMs: number;
}

/** Something that may run, with all that goes with it. */
export interface Made {
  readonly candidate: Candidate;
  readonly options: RuntimeOptions;
  readonly warnings: readonly Problem[];
  /** Wall-clock time at which hours change something. */
  readonly nextChangeMs: number | undefined;
}

export interface Plan {
  /** Undefined: nothing can be made of what is said. */
  readonly wanted: Made | undefined;
  /** What was considered last, with the hours and secrets of now. */
  readonly current: Made | undefined;
  readonly lastGood: Made | undefined;
  /** Why `wanted` is not made of all that was said: something of it was refused. */
  readonly problems: readonly Problem[];
}

/**
 * While nothing runs yet, what is refused gives way to the last good one, or else to what is left without the hub's
 * document, or without any. While something runs, a refusal changes nothing.
 */
export function plan(sources: Sources): Plan {
  const again = (value: JsonValue | undefined) => {
    const content = readContent(value);
    return content && made(make(content, sources));
  };
  const lastGood = again(sources.lastGood);
  const current = again(sources.current);
  const wanted = whole(sources);
  if (wanted.t === "made") return { wanted: wanted.made, current, lastGood, problems: [] };
  const { problems } = wanted;
  if (sources.current !== undefined) return { wanted: undefined, current, lastGood, problems };
  const { file } = sources.texts;
  const less: Texts[] = [
    { file, hub: undefined },
    { file: undefined, hub: undefined },
  ];
  const rest = less.map((texts) => made(make({ texts, model: undefined }, sources)));
  return { wanted: lastGood ?? rest.find((one) => one !== undefined), current, lastGood, problems };
}

type Making =
  | { readonly t: "made"; readonly made: Made }
  | { readonly t: "refused"; readonly problems: readonly Problem[] };

function made(making: Making): Made | undefined {
  return making.t === "made" ? making.made : undefined;
}

/** Of all that is said. */
function whole(sources: Sources): Making {
  const { texts, unreadable: problems } = sources;
  return problems.length > 0
    ? { t: "refused", problems }
    : make({ texts, model: undefined }, sources);
}

function make({ texts, model }: Content, sources: Sources): Making {
  const documents: SourcedDocument[] = [];
  // What the last good one ran with stays, whatever versions there are by now.
  if (model !== undefined) documents.push({ from: "hub", document: { model: { bundle: model } } });
  const problems: Problem[] = [];
  for (const from of ["hub", "file"] as const) {
    const text = texts[from];
    if (text === undefined) continue;
    const name = from === "hub" ? "hub" : (sources.config.settingsFile ?? from);
    const reading = readSettingsDocument(text, name);
    if (reading.t === "refused") problems.push(...reading.problems);
    else documents.push({ from, document: reading.document });
  }
  if (problems.length > 0) return { t: "refused", problems };
  const state = desiredState({ ...sources, documents });
  if (state.t === "refused") return state;
  return { t: "made", made: madeOf(state, texts, sources.version) };
}

function madeOf(
  state: Extract<DesiredState, { t: "desired" }>,
  texts: Texts,
  version: string,
): Made {
  const { desired, options, warnings, nextChangeMs, model, addresses } = state;
  const { spec } = desired;
  const subject = subjectOf({ spec, addresses, model, version });
  const content = contentOf({ texts, model: spec.model.bundlePath });
  return { candidate: { subject, desired, content }, options, warnings, nextChangeMs };
}

/** Passwords of a specification, which no line of the log may hold. */
export function passwordsIn({ cameras, outputs }: PipelineSpec): string[] {
  const logins = [
    ...cameras.flatMap(({ credentials }) => credentials ?? []),
    ...outputs.flatMap(({ target }) => (target.t === "rtsp" ? target.users : [])),
  ];
  return logins.flatMap(({ password }) => (password === "" ? [] : [password]));
}
