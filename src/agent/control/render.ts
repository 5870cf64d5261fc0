/** Renders candidates from the settings documents, secrets and models as they are now. Pure. */

import { z } from "zod";
import { type Problem, problem } from "../../common/problem.js";
import type { Secrets } from "../../common/secrets/secrets.js";
import type { Config } from "../../common/settings/config.js";
import { desiredState, type RuntimeOptions } from "../../common/settings/desired-state.js";
import type { Models } from "../../common/settings/models.js";
import type { SourcedDocument } from "../../common/settings/precedence.js";
import { readSettingsDocument } from "../../common/settings/settings-document.js";
import type { Candidate } from "../trial/candidate.js";
import { revisionOf } from "./revision.js";
import type { FileText } from "./settings-file.js";

const contentSchema = z.object({
  file: z.string().nullable(),
  node: z.string().nullable(),
  hub: z.string().nullable(),
  models: z.array(z.string()),
});

/** What is kept of a candidate: the settings documents as they were written, and its bundles' directories. */
export type Content = Readonly<z.output<typeof contentSchema>>;

/** Undefined: there is none, or another version of the agent has kept it in another form. */
export function readContent(value: z.JSONType | undefined): Content | undefined {
  return contentSchema.safeParse(value).data;
}

export interface Sources {
  readonly config: Config;
  /** Undefined: no settings file is configured. */
  readonly file: FileText | undefined;
  /** What a person applied on this node. Undefined: nothing. */
  readonly node: FileText | undefined;
  readonly hub: string | null;
  readonly secrets: Secrets;
  readonly models: Models;
  /** The version of the service. */
  readonly version: string;
  /** Wall-clock time. */
  readonly nowMs: number;
}

/** Something that can run, and all that goes with it. */
export interface Rendered {
  readonly t: "rendered";
  readonly candidate: Candidate;
  readonly runtimeOptions: RuntimeOptions;
  readonly warnings: readonly Problem[];
  /** Wall-clock time at which hours change something. */
  readonly nextChangeMs: number | undefined;
}

type Rendering = Rendered | { readonly t: "refused"; readonly problems: readonly Problem[] };

/** What the sources ask for. */
export function render(sources: Sources): Rendering {
  const { config, file, node, hub } = sources;
  const unreadable = (name: string | undefined, text: FileText | undefined) =>
    text?.t === "unreadable"
      ? [problem("file-unreadable", { file: name, path: "" }, `cannot be read: ${text.why}`)]
      : [];
  const problems = [...unreadable(config.settingsFile, file), ...unreadable("node", node)];
  if (problems.length > 0) return { t: "refused", problems };
  return renderTexts({ file: textOf(file), node: textOf(node), hub }, sources);
}

/** The same content again, with the current hours and secrets. Undefined: it cannot be rendered any more. */
export function renderContent(
  value: z.JSONType | undefined,
  sources: Sources,
): Rendered | undefined {
  const content = readContent(value);
  return content && usable(renderTexts(content, sources));
}

/** What is left of the sources without the hub's document, without the node's too, or without any document. */
export function renderRest(sources: Sources): Rendered | undefined {
  const [file, node] = [textOf(sources.file), textOf(sources.node)];
  return (
    usable(renderTexts({ file, node, hub: null }, sources)) ??
    usable(renderTexts({ file, node: null, hub: null }, sources)) ??
    usable(renderTexts({ file: null, node: null, hub: null }, sources))
  );
}

export function textOf(text: FileText | undefined): string | null {
  return text?.t === "text" ? text.text : null;
}

function usable(rendering: Rendering): Rendered | undefined {
  return rendering.t === "rendered" ? rendering : undefined;
}

function renderTexts(
  texts: Pick<Content, "file" | "node" | "hub"> & Partial<Content>,
  sources: Sources,
): Rendering {
  const { config, version } = sources;
  const documents: SourcedDocument[] = [];
  const problems: Problem[] = [];
  for (const from of ["hub", "node", "file"] as const) {
    const text = texts[from];
    if (text === null) continue;
    const reading = readSettingsDocument(
      text,
      from === "file" ? (config.settingsFile ?? from) : from,
    );
    if (reading.t === "refused") problems.push(...reading.problems);
    else documents.push({ from, document: reading.document });
  }
  if (problems.length > 0) return { t: "refused", problems };
  // A candidate keeps the bundles that it ran with, whatever versions of the models have come since.
  const state = desiredState({ ...sources, documents, pinnedBundles: texts.models ?? [] });
  if (state.t === "refused") return state;
  const { desired, runtimeOptions, warnings, nextChangeMs, modelNames, addresses } = state;
  const revision = revisionOf({ spec: desired.spec, addresses, modelNames, version });
  const { file, node, hub } = texts;
  const models = desired.spec.models.map(({ bundlePath }) => bundlePath);
  const content: Content = { file, node, hub, models };
  const candidate = { revision, desired, content };
  return { t: "rendered", candidate, runtimeOptions, warnings, nextChangeMs };
}
