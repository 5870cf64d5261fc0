/**
 * Precedence of settings: the built-in default, the environment, the document of a file, the node's own document, the
 * document of the hub. Later sources override earlier ones, value by value.
 */

import { type Config, ENVIRONMENT } from "./config.js";
import type { SettingsDocument } from "./document/schema.js";
import { settings } from "./environment-settings.js";

/** Where a value came from. */
export type Origin =
  /** `setting`: the variable that would override it; undefined: there is none. */
  | { readonly t: "default"; readonly setting: string | undefined }
  | { readonly t: "environment"; readonly setting: string }
  | { readonly t: "file" }
  /** What a person applied on this node. */
  | { readonly t: "node" }
  | { readonly t: "hub" };

/** By path in the specification: cameras[0].latencyMs, outputs[0].encoding.codec. */
export type Origins = ReadonlyMap<string, Origin>;

export interface SourcedDocument {
  readonly from: "file" | "node" | "hub";
  readonly document: SettingsDocument;
}

export interface Sourced<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** The fields of a settings document that override a setting of the environment. */
const OVERRIDES = {
  transport: ({ cameraDefaults }) => cameraDefaults?.transport,
  acceptAnyCertificate: ({ cameraDefaults }) => cameraDefaults?.acceptAnyCertificate,
  latencyMs: ({ cameraDefaults }) => cameraDefaults?.latency,
  frozenAfterMs: ({ cameraDefaults }) => cameraDefaults?.frozenAfter,
  silentAfterMs: ({ cameraDefaults }) => cameraDefaults?.silentAfter,
  stillIntervalMs: ({ cameraDefaults }) => cameraDefaults?.stillInterval,
  model: ({ model }) => model?.bundle,
  interval: ({ model }) => model?.interval,
  threshold: ({ model }) => model?.threshold,
  classes: ({ model }) => model?.classes,
  secondaryModels: ({ secondaryModels }) => secondaryModels,
  layout: ({ outputDefaults }) => outputDefaults?.layout,
  codec: ({ outputDefaults }) => outputDefaults?.codec,
  outputWidth: ({ outputDefaults }) => outputDefaults?.width,
  outputHeight: ({ outputDefaults }) => outputDefaults?.height,
  bitrate: ({ outputDefaults }) => outputDefaults?.bitrate,
  outputFrameRate: ({ outputDefaults }) => outputDefaults?.frameRate,
  outputPort: ({ rtspServer }) => rtspServer?.port,
  outputUsers: ({ rtspServer }) => rtspServer?.users,
  trialMs: ({ trial }) => trial?.time,
} satisfies { readonly [Key in SettingKey]?: (document: SettingsDocument) => unknown };

type SettingKey = keyof typeof settings;
type Overrides = typeof OVERRIDES;
type ValueOf<Key extends SettingKey> =
  | Config[Key]
  | (Key extends keyof Overrides ? NonNullable<ReturnType<Overrides[Key]>> : never);

/** All sources of settings. Records the origin of every value of the specification. */
export class SettingSources {
  readonly #config: Config;
  readonly #documents: readonly SourcedDocument[];
  readonly #origins = new Map<string, Origin>();

  /** The hub's document overrides the node's, and that the file's, whatever their order. */
  constructor(config: Config, documents: readonly SourcedDocument[]) {
    this.#config = config;
    this.#documents = [...documents].sort((a, b) => RANK[a.from] - RANK[b.from]);
  }

  get origins(): Origins {
    return this.#origins;
  }

  /** The value of the first document that has one. */
  inDocuments<T>(get: (document: SettingsDocument) => T | undefined): Sourced<T> | undefined {
    for (const { from, document } of this.#documents) {
      const value = get(document);
      if (value !== undefined) return { value, origin: { t: from } };
    }
    return undefined;
  }

  /** The value of a setting: a document's, else the environment's, else the default. */
  setting<Key extends SettingKey>(key: Key): Sourced<ValueOf<Key>> {
    // The table has a function for this key, or none.
    const override = (OVERRIDES as Partial<Record<Key, (from: SettingsDocument) => ValueOf<Key>>>)[
      key
    ];
    const setting = settings[key].env;
    const t = this.#config.given.has(key) ? "environment" : "default";
    return (
      (override && this.inDocuments(override)) ?? {
        value: this.#config[key],
        origin: { t, setting },
      }
    );
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

  /** Records the origin of the value at a path, and returns the value. */
  record<T>(path: string, { value, origin }: Sourced<T>): T {
    this.#origins.set(path, origin);
    return value;
  }

  /** Records the origin of a setting that is the value at a path. `own`: the value of an item of a list, which overrides it. */
  take<Key extends SettingKey>(
    path: string,
    key: Key,
    own?: Sourced<Config[Key] | undefined>,
  ): ValueOf<Key> {
    if (own?.value !== undefined) return this.record(path, { ...own, value: own.value });
    return this.record(path, this.setting(key));
  }
}

const RANK = { hub: 0, node: 1, file: 2 } as const;

export function describeOrigin(origin: Origin): string {
  if (origin.t === "environment") return origin.setting;
  return origin.t === "default" && origin.setting !== undefined
    ? `default of ${origin.setting}`
    : origin.t;
}

/** The file of a problem with a value of this origin. */
export function fileOf(origin: Origin): string {
  return origin.t === "default" ? ENVIRONMENT : origin.t;
}
