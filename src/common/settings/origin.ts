/** Chooses between sources, and keeps in mind where each value came from. */

import { type Config, ENVIRONMENT } from "./config.js";
import type { SettingsDocument } from "./document/schema.js";
import { settings } from "./settings.js";

/** Where a value came from. */
export type Origin =
  /** `setting`: what changes it in the environment; undefined: nothing does. */
  | { readonly t: "default"; readonly setting: string | undefined }
  | { readonly t: "environment"; readonly setting: string }
  | { readonly t: "file" }
  | { readonly t: "hub" };

/** By path in the specification: cameras[0].latencyMs, outputs[0].encoding.codec. */
export type Origins = ReadonlyMap<string, Origin>;

export interface SourcedDocument {
  readonly from: "file" | "hub";
  readonly document: SettingsDocument;
}

export interface Sourced<T> {
  readonly value: T;
  readonly origin: Origin;
}

export class Choice {
  readonly config: Config;
  readonly #documents: readonly SourcedDocument[];
  readonly #origins = new Map<string, Origin>();

  /** The hub's document goes before the file's, whatever their order. */
  constructor(config: Config, documents: readonly SourcedDocument[]) {
    this.config = config;
    this.#documents = [...documents].sort((a, b) => RANK[a.from] - RANK[b.from]);
  }

  get origins(): Origins {
    return this.#origins;
  }

  /** What the first document has that has it. */
  inDocuments<T>(get: (document: SettingsDocument) => T | undefined): Sourced<T> | undefined {
    for (const { from, document } of this.#documents) {
      const value = get(document);
      if (value !== undefined) return { value, origin: { t: from } };
    }
    return undefined;
  }

  /** A section of all documents, field by field. Empty: none has it. */
  section<T extends object>(
    path: string,
    get: (document: SettingsDocument) => T | undefined,
  ): Partial<T> {
    const section: Partial<T> = {};
    for (const { from, document } of this.#documents.toReversed()) {
      const fields = get(document) ?? {};
      Object.assign(section, fields);
      for (const name of Object.keys(fields)) this.#origins.set(`${path}.${name}`, { t: from });
    }
    return section;
  }

  /** What a setting of the environment says, or its default. */
  setting<Key extends keyof typeof settings>(key: Key): Sourced<Config[Key]> {
    const setting = settings[key].env;
    const t = this.config.given.has(key) ? "environment" : "default";
    return { value: this.config[key], origin: { t, setting } };
  }

  /** The value itself; from here on it is known where that of `path` came from. */
  keep<T>(path: string, { value, origin }: Sourced<T>): T {
    this.#origins.set(path, origin);
    return value;
  }
}

const RANK = { hub: 0, file: 1 } as const;

export function describeOrigin(origin: Origin): string {
  switch (origin.t) {
    case "default":
      return origin.setting === undefined ? "default" : `default of ${origin.setting}`;
    case "environment":
      return origin.setting;
    case "file":
    case "hub":
      return origin.t;
    default:
      return origin satisfies never;
  }
}

/** What a problem names as the file of a value. */
export function documentOf(origin: Origin): string {
  return origin.t === "default" ? ENVIRONMENT : origin.t;
}
