/** Where events go, with the secrets that this needs. */

import type { EventType } from "../events/types.js";
import { type Problem, problem } from "../problem.js";
import { secretsInAddress } from "../secrets/hide-addresses.js";
import { type Login, type Secrets, textsToHide } from "../secrets/secrets.js";
import type { SettingsDocument } from "./document/schema.js";
import { fileOf, type SettingSources } from "./precedence.js";
import { resolveAddress, resolveLogin, resolveText } from "./resolve-secrets.js";
import type { SecretReference } from "./secret-reference.js";

export interface EventOptions {
  /** Undefined: no event gets a picture. */
  readonly pictures: PictureOptions | undefined;
  readonly sinks: readonly SinkOptions[];
  readonly queue: QueueOptions;
}

/** Which events get a picture, and the bounds of all pictures. */
export interface PictureOptions {
  readonly types: readonly EventType[];
  readonly of: "frame" | "object";
  readonly maxBytes: number;
  readonly maxCount: number;
  readonly maxAgeMs: number;
}

/** Bounds of the events that wait. */
export interface QueueOptions {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly whenFull: "drop-oldest" | "drop-newest";
}

export interface SinkOptions {
  readonly id: string;
  readonly filter: EventFilter;
  /** Infinity: no limit. */
  readonly maxPerSecond: number;
  readonly form: EventForm;
  readonly target: SinkTarget;
}

/** In which form a sink gets events. The second one has only those of an object. */
export const EVENT_FORMS = ["cloudevents", "nvmsgconv-minimal"] as const;
export type EventForm = (typeof EVENT_FORMS)[number];

/** Undefined: all. */
export interface EventFilter {
  readonly types: readonly EventType[] | undefined;
  readonly cameras: readonly string[] | undefined;
  readonly classes: readonly string[] | undefined;
}

export type SinkTarget =
  | ({ readonly t: "mqtt" } & MqttOptions)
  | ({ readonly t: "webhook" } & WebhookOptions)
  | ({ readonly t: "file" } & FileOptions);

/** PEM texts. */
export interface TlsOptions {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface MqttOptions {
  readonly url: string;
  readonly version: "5" | "3.1.1";
  /** Undefined: made from the node's name. */
  readonly clientId: string | undefined;
  readonly topic: string;
  readonly login: Login | undefined;
  readonly tls: TlsOptions;
  readonly homeAssistant: boolean;
}

export interface WebhookOptions {
  /** May hold secrets in its parameters. */
  readonly url: string;
  readonly batch: number;
  readonly signWith: string | undefined;
  readonly token: string | undefined;
  readonly tls: TlsOptions;
}

export interface FileOptions {
  readonly name: string;
  readonly maxBytes: number;
  readonly files: number;
}

export const DEFAULT_QUEUE: QueueOptions = {
  maxBytes: 200_000_000,
  maxAgeMs: 14 * 86_400_000,
  whenFull: "drop-oldest",
};

const PICTURED: readonly EventType[] = [
  "object.seen",
  "zone.entered",
  "zone.loitering",
  "zone.overcrowding",
  "line.crossed",
];

type DocumentSink = NonNullable<NonNullable<SettingsDocument["events"]>["sinks"]>[number];

/** A sink whose secret is missing gets no events until the secret is there: they wait. */
export function eventsOf(
  sources: SettingSources,
  secrets: Secrets,
): {
  readonly events: EventOptions;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
} {
  const listed = sources.inDocuments(({ events }) => events?.sinks);
  const queue = queueOf(sources);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const ids = new Set<string>();
  const sinks = (listed?.value ?? []).map((sink, index): SinkOptions => {
    const path = `events.sinks[${index}]`;
    const missing: string[] = [];
    const target = targetOf(sink, secrets, missing);
    for (const message of missing) {
      warnings.push(problem("secret-missing", path, message));
    }
    const id = sink.id ?? target.t;
    if (ids.has(id)) {
      const place = { file: listed && fileOf(listed.origin), path: `${path}.id` };
      const message = `is ${id}, which another sink has already; allowed: a different id for every sink`;
      problems.push(problem("duplicate-id", place, message));
    }
    ids.add(id);
    const { types, cameras, classes, maxPerSecond = Infinity, form = "cloudevents" } = sink;
    return { id, filter: { types, cameras, classes }, maxPerSecond, form, target };
  });
  if (listed !== undefined) sources.record("events.sinks", { ...listed, value: sinks });
  return {
    events: {
      sinks,
      queue,
      pictures: picturesOf(sources),
    },
    problems,
    warnings,
  };
}

function picturesOf(sources: SettingSources): PictureOptions | undefined {
  const listed = sources.inDocuments(({ events }) => events?.pictures);
  if (listed === undefined) return undefined;
  const { types = PICTURED, of = "frame", maxAge = 7 * 86_400_000 } = listed.value;
  const { maxBytes = 200_000_000, maxCount = 5000 } = listed.value;
  const value = { types, of, maxBytes, maxCount, maxAgeMs: maxAge };
  sources.record("events.pictures", { ...listed, value });
  return value;
}

function queueOf(sources: SettingSources): QueueOptions {
  type Section = NonNullable<NonNullable<SettingsDocument["events"]>["queue"]>;
  const value = <Key extends keyof Section>(key: Key) =>
    sources.inDocuments(({ events }) => events?.queue?.[key])?.value;
  return {
    maxBytes: value("maxBytes") ?? DEFAULT_QUEUE.maxBytes,
    maxAgeMs: value("maxAge") ?? DEFAULT_QUEUE.maxAgeMs,
    whenFull: value("whenFull") ?? DEFAULT_QUEUE.whenFull,
  };
}

/** Texts that no output may contain. */
export function secretsInEvents({ sinks }: EventOptions): string[] {
  return sinks.flatMap(({ target }) => {
    if (target.t === "file") return [];
    const { key } = target.tls;
    const login = target.t === "mqtt" ? target.login : undefined;
    const others = target.t === "webhook" ? [target.signWith, target.token] : [];
    const values = [key, ...others].flatMap((value) => (value === undefined ? [] : [value]));
    return [
      ...values.flatMap((value) => textsToHide({ t: "value", value })),
      ...(login === undefined ? [] : textsToHide({ t: "login", ...login })),
      ...(target.t === "webhook" ? secretsInAddress(target.url) : []),
    ];
  });
}

/** Adds what to do about every missing secret to `missing`. */
function targetOf(sink: DocumentSink, secrets: Secrets, missing: string[]): SinkTarget {
  const { mqtt, webhook, file = {} } = sink;
  const take = <T>(resolved: { readonly value: T; readonly missing: readonly string[] }): T => {
    missing.push(...resolved.missing);
    return resolved.value;
  };
  const text = (reference: SecretReference | undefined) => take(resolveText(reference, secrets));
  const tlsOf = ({ ca, certificate, key }: NonNullable<typeof mqtt | typeof webhook>) => ({
    ca: text(ca),
    certificate: text(certificate),
    key: text(key),
  });
  if (mqtt !== undefined) {
    const { url, version = "5", clientId, topic = "slipstream", homeAssistant = false } = mqtt;
    const login = take(resolveLogin(mqtt.credentials, secrets));
    return { t: "mqtt", url, version, clientId, topic, login, homeAssistant, tls: tlsOf(mqtt) };
  }
  if (webhook !== undefined) {
    return {
      t: "webhook",
      url: take(resolveAddress(webhook.url, secrets)),
      batch: webhook.batch ?? 100,
      signWith: text(webhook.signWith),
      token: text(webhook.token),
      tls: tlsOf(webhook),
    };
  }
  const { name = "events.jsonl", maxBytes = 10_000_000, files = 5 } = file;
  return { t: "file", name, maxBytes, files };
}
