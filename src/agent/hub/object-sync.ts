/**
 * Brings the objects of one type from the Edge Sync Service to this node: lists them, decides about each, downloads it,
 * hands it to its handler, and polls again.
 */

import { rm } from "node:fs/promises";
import { errorCode } from "../../common/files/read.js";
import { activeContent, type Ledger, type LedgerEntry } from "../../common/hub/ledger.js";
import { compareInstances, NO_VERSION } from "../../common/hub/object.js";
import { backoffMs, withJitter } from "../../common/time/backoff.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { StoreEvent } from "../models/store.js";
import { download, partialFile, removeOtherFiles } from "./download.js";
import { type Acknowledgement, type Ess, EssError, type EssObject } from "./ess.js";
import type { HandlerResult, ObjectHandler } from "./object-handler.js";

export interface Polling {
  /** While all is well. */
  readonly intervalMs: number;
  /** Longest delay while the service cannot be reached, or an object cannot be accepted. */
  readonly maxBackoffMs: number;
}

/** One version of one object, for people. */
export type ObjectName = Pick<EssObject, "type" | "id" | "version">;

type ObjectEvent<T extends string, Facts = object> = Readonly<{ t: T; object: ObjectName } & Facts>;

export type HubEvent =
  | Readonly<{ t: "unreachable"; type: string; err: EssError; forMs: number }>
  /** For the first time, or again. */
  | Readonly<{ t: "reachable"; type: string }>
  | ObjectEvent<"downloading", { bytes: number | undefined }>
  | ObjectEvent<"resumed", { bytes: number }>
  /** The hub has published another version meanwhile. */
  | ObjectEvent<"superseded">
  | ObjectEvent<"postponed", { reason: string; delayMs: number }>
  /** Verified, durable, and known by its content id from now on. */
  | ObjectEvent<"accepted", { contentId: string }>
  /** Not processed again until it changes. */
  | ObjectEvent<"refused", { reason: string }>
  /** The hub has deleted it. */
  | ObjectEvent<"withdrawn", { contentId: string | undefined }>
  | ObjectEvent<"acknowledged", { ack: Acknowledgement }>
  /** A file of the hub's state cannot be parsed. */
  | Readonly<{ t: "state lost"; detail: string }>
  | Readonly<{ t: "store"; event: StoreEvent }>;

export interface ObjectSyncOptions {
  readonly ess: Ess;
  readonly handler: ObjectHandler;
  readonly ledger: Ledger;
  /** For unfinished downloads only: all other files in it are removed. Created if necessary. */
  readonly directory: string;
  readonly clock: Clock;
  readonly polling: Polling;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  /** Must not throw. */
  readonly onEvent: (event: HubEvent) => void;
  /** Called when something was accepted or withdrawn, and is durable. */
  readonly onChange: () => void;
}

/** Damaged data are fetched again, because the service may have been about to replace them. Then they are refused. */
const DAMAGED_ATTEMPTS = 3;

interface Retry {
  readonly instance: string;
  readonly failures: number;
  /** Failures because the data were damaged. */
  readonly damaged: number;
  readonly dueMs: number;
}

export class ObjectSync {
  readonly #options: ObjectSyncOptions;
  readonly #wakeup = new Wakeup();
  /** By object id, as the acknowledgements. */
  readonly #retries = new Map<string, Retry>();
  readonly #acks = new Map<string, { readonly instance: string; readonly ack: Acknowledgement }>();
  #confirmed: ReadonlySet<string> = new Set();
  #failures = 0;
  #unreachableSinceMs: number | undefined;
  #wasReached = false;

  constructor(options: ObjectSyncOptions) {
    this.#options = options;
  }

  /** Content ids that have passed their trial: their objects are acknowledged as consumed. */
  confirm(contentIds: ReadonlySet<string>): void {
    this.#confirmed = contentIds;
    this.#wakeup.notify();
  }

  /** Polls at once. */
  poll(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. Never throws because of the service, an object or the disk. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!signal.aborted) {
        const delayMs = await this.#pass(signal);
        await this.#wakeup.wait(clock, clock.now() + delayMs, signal);
      }
    } catch (err) {
      if (!signal.aborted) throw err;
    }
  }

  /** Lists the objects and acts on them. Returns the delay until the next pass. */
  async #pass(signal: AbortSignal): Promise<number> {
    const { ess, handler, directory, polling, random } = this.#options;
    let objects: readonly EssObject[];
    try {
      objects = await ess.list(handler.type, signal);
    } catch (reason) {
      signal.throwIfAborted();
      return this.#onUnreachable(asCallError(reason));
    }
    this.#onReachable();
    // Left for the next pass if the disk fails: download() reports what is wrong with the directory.
    await removeOtherFiles(directory, objects).catch(() => {});
    const ids = new Set(objects.map(({ id }) => id));
    for (const id of this.#retries.keys()) if (!ids.has(id)) this.#retries.delete(id);
    for (const id of this.#acks.keys()) if (!ids.has(id)) this.#acks.delete(id);
    for (const step of plan(objects, this.#facts())) await this.#attempt(step, signal);
    return withJitter(polling.intervalMs, random());
  }

  #onUnreachable(err: EssError): number {
    const { clock, onEvent, handler, polling, random } = this.#options;
    this.#unreachableSinceMs ??= clock.now();
    const forMs = clock.now() - this.#unreachableSinceMs;
    onEvent({ t: "unreachable", type: handler.type, err, forMs });
    this.#failures++;
    const delayMs = backoffMs(this.#failures, polling.intervalMs, polling.maxBackoffMs);
    return withJitter(delayMs, random());
  }

  #onReachable(): void {
    const { onEvent, handler } = this.#options;
    if (!this.#wasReached || this.#unreachableSinceMs !== undefined) {
      onEvent({ t: "reachable", type: handler.type });
    }
    this.#wasReached = true;
    this.#failures = 0;
    this.#unreachableSinceMs = undefined;
  }

  #facts(): SyncFacts {
    const { ledger, handler } = this.#options;
    return {
      entry: (id) => ledger.get(id),
      has: (contentId) => handler.has(contentId),
      conditions: handler.conditions(),
      isConfirmed: (contentId) => this.#confirmed.has(contentId),
      acknowledged: ({ id, instance }) => {
        const last = this.#acks.get(id);
        return last?.instance === instance ? last.ack : undefined;
      },
    };
  }

  /** An object that fails, even by a defect of this program, affects neither the others nor the agent. */
  async #attempt(step: Step, signal: AbortSignal): Promise<void> {
    const { object } = step;
    const retry = this.#retryOf(object);
    if (retry !== undefined && this.#options.clock.now() < retry.dueMs) return;
    try {
      await this.#act(step, signal);
      if (this.#retryOf(object) === retry) this.#retries.delete(object.id);
    } catch (reason) {
      signal.throwIfAborted();
      this.#postpone(object, reasonOf(reason));
    }
  }

  async #act(step: Step, signal: AbortSignal): Promise<void> {
    const { handler, ledger, onEvent, onChange } = this.#options;
    const { object } = step;
    switch (step.t) {
      case "acknowledge":
        return this.#acknowledge(object, step.ack, signal);
      case "withdraw": {
        const { contentId } = step;
        if (contentId !== undefined && !ledger.isInOtherObject(contentId, object.id)) {
          await handler.withdraw(object.id, contentId);
        }
        const wasKnown = ledger.get(object.id) !== undefined;
        await ledger.remove(object.id);
        if (wasKnown) onEvent({ t: "withdrawn", object, contentId });
        if (contentId !== undefined) onChange();
        return this.#acknowledge(object, "deleted", signal);
      }
      case "renew": {
        const { contentId } = step;
        if (!handler.survivesNewMetadata(contentId)) return this.#accept(object, contentId, signal);
        await this.#record(object, { t: "accepted", contentId });
        return this.#acknowledge(object, "received", signal);
      }
      case "accept":
        return this.#accept(object, step.previous, signal);
      default:
        return step satisfies never;
    }
  }

  async #accept(
    object: EssObject,
    previous: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { handler, onEvent, onChange } = this.#options;
    const result = await this.#process(object, previous, signal);
    if (result.t === "postponed") return this.#postpone(object, result.reason);
    if (result.t === "accepted") {
      const { contentId } = result;
      await this.#record(object, { t: "accepted", contentId });
      onEvent({ t: "accepted", object, contentId });
      onChange();
      return this.#acknowledge(object, "received", signal);
    }
    // The data may have been those of a newer version.
    if (await this.#isSuperseded(object, signal)) {
      onEvent({ t: "superseded", object });
      return this.#wakeup.notify();
    }
    const { t, reason } = result;
    if (t === "damaged" && (this.#retryOf(object)?.damaged ?? 0) + 1 < DAMAGED_ATTEMPTS) {
      return this.#postpone(object, reason, true);
    }
    // If the conditions are not known yet, the object is processed again when they are.
    const conditions = handler.conditions() ?? "";
    const kept = previous === undefined ? {} : { previous };
    await this.#record(object, { t: "refused", reason, conditions, ...kept });
    onEvent({ t: "refused", object, reason });
    return this.#acknowledge(object, "received", signal);
  }

  /** Checks and downloads an object and hands it to its handler. */
  async #process(
    object: EssObject,
    previous: string | undefined,
    signal: AbortSignal,
  ): Promise<HandlerResult | { readonly t: "damaged"; readonly reason: string }> {
    const { ess, handler, directory, onEvent } = this.#options;
    const { maxBytes } = handler;
    const { bytes = 0 } = object;
    if (!object.hasData) return { t: "refused", reason: "it has no data" };
    if (bytes > maxBytes) {
      return { t: "refused", reason: `it has ${bytes} bytes: at most ${maxBytes} are allowed` };
    }
    const rejection = await handler.reserve(bytes);
    if (rejection !== undefined) return rejection;
    const path = partialFile(directory, object);
    // One at a time: unfinished downloads of several objects would take more disk than was reserved.
    await removeOtherFiles(directory, [object]);
    if (this.#retryOf(object) === undefined) {
      onEvent({ t: "downloading", object, bytes: object.bytes });
    }
    const resumed = (bytes: number) => onEvent({ t: "resumed", object, bytes });
    const reason = await download({ ess, object, path, maxBytes, resumed, signal });
    if (reason !== undefined) return { t: "damaged", reason };
    return handler.accept(object, path, previous, signal);
  }

  #record(object: EssObject, outcome: LedgerEntry["outcome"]): Promise<void> {
    const { id, instance, dataId, version } = object;
    return this.#options.ledger.set(id, { instance, dataId, version, outcome });
  }

  async #isSuperseded({ type, id, instance }: EssObject, signal: AbortSignal): Promise<boolean> {
    const latest = await this.#options.ess.object(type, id, signal);
    return latest?.instance !== instance || latest.isDeleted;
  }

  async #acknowledge(object: EssObject, ack: Acknowledgement, signal: AbortSignal): Promise<void> {
    const { ess, directory, onEvent } = this.#options;
    const { type, id, instance } = object;
    // Removed here, so that an agent that is killed after its decision removes the download when it runs again.
    await rm(partialFile(directory, object), { force: true });
    await ess.acknowledge(type, id, ack, signal);
    if (ack === "deleted") this.#acks.delete(id);
    else this.#acks.set(id, { instance, ack });
    onEvent({ t: "acknowledged", object, ack });
  }

  #postpone(object: EssObject, reason: string, isDamaged = false): void {
    const { clock, onEvent, polling, random } = this.#options;
    const last = this.#retryOf(object);
    const failures = (last?.failures ?? 0) + 1;
    const damaged = (last?.damaged ?? 0) + Number(isDamaged);
    const backoff = backoffMs(failures, polling.intervalMs, polling.maxBackoffMs);
    const delayMs = withJitter(backoff, random());
    const dueMs = clock.now() + delayMs;
    this.#retries.set(object.id, { instance: object.instance, failures, damaged, dueMs });
    onEvent({ t: "postponed", object, reason, delayMs });
  }

  /** For this version of the object. */
  #retryOf({ id, instance }: EssObject): Retry | undefined {
    const retry = this.#retries.get(id);
    return retry?.instance === instance ? retry : undefined;
  }
}

/** Errors of the service and the disk have a code; anything else is a defect of this program. */
function reasonOf(reason: unknown): string {
  if (!(reason instanceof Error)) return `a defect of the agent: ${String(reason)}`;
  if (errorCode(reason) !== undefined) return reason.message;
  return `a defect of the agent: ${reason.name}: ${reason.message}`;
}

function asCallError(reason: unknown): EssError {
  if (reason instanceof EssError) return reason;
  return new EssError("malformed", "list", reasonOf(reason), { cause: reason });
}

/** What plan() decides by. */
export interface SyncFacts {
  readonly entry: (id: string) => LedgerEntry | undefined;
  readonly has: (contentId: string) => boolean;
  /** Undefined: nothing can be accepted yet. */
  readonly conditions: string | undefined;
  readonly isConfirmed: (contentId: string) => boolean;
  /** The last acknowledgement by this process for this version of the object. */
  readonly acknowledged: (object: EssObject) => Acknowledgement | undefined;
}

export type Step =
  | { readonly t: "withdraw"; readonly object: EssObject; readonly contentId: string | undefined }
  | { readonly t: "acknowledge"; readonly object: EssObject; readonly ack: Acknowledgement }
  /** New metadata for known data. */
  | { readonly t: "renew"; readonly object: EssObject; readonly contentId: string }
  /** previous: the object's active content. */
  | { readonly t: "accept"; readonly object: EssObject; readonly previous: string | undefined };

/** Decides what to do about the listed objects. Deletions come first, since they free room; then by publication. Pure. */
export function plan(objects: readonly EssObject[], facts: SyncFacts): Step[] {
  const order = (a: EssObject, b: EssObject) =>
    Number(b.isDeleted) - Number(a.isDeleted) || compareInstances(a.instance, b.instance);
  return [...objects].sort(order).flatMap((object) => stepFor(object, facts) ?? []);
}

function stepFor(object: EssObject, facts: SyncFacts): Step | undefined {
  const entry = facts.entry(object.id);
  const previous = activeContent(entry);
  if (object.isDeleted) return { t: "withdraw", object, contentId: previous };
  const { conditions } = facts;
  const accept =
    conditions === undefined ? undefined : ({ t: "accept", object, previous } as const);
  if (entry === undefined) return accept;
  const { outcome } = entry;
  const isSameVersion = entry.instance === object.instance;
  if (outcome.t === "refused") {
    const isUnchanged = conditions === undefined || outcome.conditions === conditions;
    return isSameVersion && isUnchanged ? acknowledge(object, "received", facts) : accept;
  }
  const { contentId } = outcome;
  if (!facts.has(contentId)) return accept;
  if (isSameVersion) {
    return acknowledge(object, facts.isConfirmed(contentId) ? "consumed" : "received", facts);
  }
  const isSameData = object.dataId !== NO_VERSION && object.dataId === entry.dataId;
  return isSameData ? { t: "renew", object, contentId } : accept;
}

/** Once per process: repeating `received` after a restart does no harm, and omitting it might. */
function acknowledge(object: EssObject, ack: Acknowledgement, facts: SyncFacts): Step | undefined {
  const last = facts.acknowledged(object);
  return last === ack || last === "consumed" ? undefined : { t: "acknowledge", object, ack };
}
