/**
 * Store and forward: events wait on disk until every sink has them. An event is accepted once it is written, and an accepted
 * event reaches every sink at least once, in order, unless the bounds of the queue drop it, which is counted.
 *
 * While the disk cannot be written, events wait in memory, within a bound.
 */

import { rename, rm } from "node:fs/promises";
import type { QueueOptions } from "../../common/settings/events.js";
import { backoffMs } from "../../common/time/backoff.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { type Entry, EventStore } from "./event-store.js";

export type QueueEvent =
  /** The directory cannot be used; sent once until it can. */
  | { readonly t: "queue failed"; readonly err: Error }
  | { readonly t: "queue works again" }
  /** A new one begins; the directory was renamed to `aside`. */
  | { readonly t: "queue unreadable"; readonly aside: string; readonly err: Error }
  /** Of events that this sink has not got. */
  | { readonly t: "events dropped"; readonly sink: string; readonly count: number };

export interface QueueDependencies {
  readonly directory: string;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** Must not throw. */
  readonly onEvent: (event: QueueEvent) => void;
  /** New events are there to be read. Must not throw. */
  readonly onAppend: () => void;
}

/** A run of entries on disk that is dropped as one. */
interface Segment {
  readonly first: number;
  last: number;
  bytes: number;
  entries: number;
  /** When its last entry was accepted, in milliseconds since 1970. */
  timeMs: number;
}

const SEGMENT_ENTRIES = 256;
const SEGMENT_BYTES = 16 * 1024;
/** Entries that are kept in memory, so that sinks which keep up never read the disk. */
const RECENT_ENTRIES = 1024;
/** While the disk cannot be written. */
const MOST_UNSAVED = 10_000;
const READ_ENTRIES = 1000;
/** A power failure loses at most the events of this time. */
const DURABLE_EVERY_MS = 1000;
const CHECK_AGE_MS = 60_000;
const REPORT_DROPPED_MS = 10_000;
const RETRY_MS = { first: 1000, longest: 30_000 };
const CURSOR = "cursor ";
const STATE = "state ";
const SYNCED = "synced";
/** A clock without battery begins in 1970: the age of such entries is not known. */
const PLAUSIBLE_MS = Date.UTC(2020);

export class EventQueue {
  readonly #options: QueueDependencies;
  readonly #wakeup = new Wakeup();
  #bounds: QueueOptions;
  #store: EventStore | undefined;
  #segments: Segment[] = [];
  #bytes = 0;
  /** The newest entries, saved or not, without a gap. */
  #recent: Entry[] = [];
  /** The number of the newest entry that is on disk. */
  #saved: number;
  #next: number;
  /** By sink: the number of the last entry that it has. */
  readonly #cursors = new Map<string, number>();
  #states: ReadonlyMap<string, string> = new Map();
  /** To be written with the next batch. Undefined: to be removed. */
  #values = new Map<string, (() => string) | undefined>();
  #removed = 0;
  /** The cursors of earlier runs have been read. */
  #isRestored = false;
  /** setSinks() was called. */
  #isConfigured = false;
  /** Something was written that a power failure would lose. */
  #isVolatile = false;
  #durableMs = Number.NEGATIVE_INFINITY;
  readonly #dropped = new Map<string, number>();
  #droppedMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #retryMs = 0;
  #isFailed = false;
  #whenSaved: (() => void)[] = [];

  constructor(options: QueueDependencies, bounds: QueueOptions) {
    this.#options = options;
    this.#bounds = bounds;
    // Above all numbers of earlier runs, even if these cannot be read now.
    this.#next = Math.floor(options.wallClock()) * 1000;
    this.#saved = this.#next - 1;
  }

  /** Bytes of the entries on disk, without what LevelDB adds. */
  get bytes(): number {
    return this.#bytes;
  }

  setBounds(bounds: QueueOptions): void {
    this.#bounds = bounds;
    this.#wakeup.notify();
  }

  /** The sinks that entries wait for. A new one gets what is appended from now on; one that is gone is forgotten. */
  setSinks(ids: readonly string[]): void {
    this.#isConfigured = true;
    for (const id of ids) if (!this.#cursors.has(id)) this.#setCursor(id, this.#next - 1);
    for (const id of [...this.#cursors.keys()]) {
      if (ids.includes(id)) continue;
      this.#cursors.delete(id);
      this.#values.set(CURSOR + id, undefined);
    }
    this.#wakeup.notify();
  }

  /** Texts that earlier runs have appended with events, by their names: the last one of each. */
  get states(): ReadonlyMap<string, string> {
    return this.#states;
  }

  /** `state`: a text that is written together with the events; it must not change any more. */
  append(
    texts: readonly string[],
    state?: { readonly name: string; readonly text: () => string },
  ): void {
    const isWaiting = this.#cursors.size > 0;
    for (const text of isWaiting ? texts : []) {
      if (!this.#makeRoom()) continue;
      this.#recent.push({ sequence: this.#next++, text });
    }
    if (state !== undefined) this.#values.set(STATE + state.name, state.text);
    this.#trim();
    this.#wakeup.notify();
    if (isWaiting && texts.length > 0) this.#options.onAppend();
  }

  /** Entries that the sink does not have, in order. */
  async read(sink: string, limit: number): Promise<readonly Entry[]> {
    const cursor = this.#cursors.get(sink);
    if (cursor === undefined) return [];
    const first = this.#recent[0]?.sequence ?? this.#next;
    if (cursor >= first - 1) {
      const start = cursor - first + 1;
      return this.#recent.slice(start, start + limit);
    }
    if (this.#store === undefined) return [];
    try {
      const found = await this.#store.read(cursor, limit);
      if (found.length > 0) return found;
    } catch (reason) {
      await this.#fail(reason);
      return [];
    }
    // Nothing is left on disk in front of those that were the recent ones before.
    this.acknowledge(sink, first - 1);
    return this.read(sink, limit);
  }

  /** The sink has all entries up to a number. */
  acknowledge(sink: string, sequence: number): void {
    const cursor = this.#cursors.get(sink);
    if (cursor === undefined || cursor >= sequence) return;
    this.#setCursor(sink, sequence);
    this.#wakeup.notify();
  }

  /** Resolves when everything that has been appended is accepted. */
  saved(): Promise<void> {
    if (this.#isSaved()) return Promise.resolve();
    return new Promise((resolve) => this.#whenSaved.push(resolve));
  }

  /** Opens the directory, once; run() tries again later if this fails. Never throws because of the disk. */
  async load(): Promise<void> {
    const { directory } = this.#options;
    try {
      const store = await this.#open(directory);
      try {
        await this.#restore(store);
      } catch (reason) {
        await store.close();
        throw reason;
      }
      this.#store = store;
      this.#failures = 0;
      if (this.#isFailed) this.#options.onEvent({ t: "queue works again" });
      this.#isFailed = false;
    } catch (reason) {
      await this.#fail(reason);
    }
  }

  /** What a broken disk has left behind is moved aside, so that new events are kept again. */
  async #open(directory: string): Promise<EventStore> {
    try {
      return await EventStore.open(directory);
    } catch (reason) {
      if (!(reason instanceof Error) || !/^Corruption/.test(reason.message)) throw reason;
      const aside = `${directory}.unreadable`;
      await rm(aside, { recursive: true, force: true });
      await rename(directory, aside);
      this.#options.onEvent({ t: "queue unreadable", aside, err: reason });
      return EventStore.open(directory);
    }
  }

  /** Writes until the signal is aborted, and then what is left. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      if (this.#store === undefined && clock.now() >= this.#retryMs) await this.load();
      if (this.#store !== undefined) {
        await this.#save();
        await this.#drop();
      }
      this.#reportDropped();
      const isMore = this.#store !== undefined && !this.#isSaved();
      if (!isMore) await this.#wakeup.wait(clock, this.#wakeMs(), signal);
    }
    if (this.#store !== undefined) await this.#save();
    await this.#store?.close();
    this.#store = undefined;
  }

  #wakeMs(): number {
    const times = [this.#options.clock.now() + CHECK_AGE_MS];
    if (this.#store === undefined) times.push(this.#retryMs);
    else if (this.#isVolatile) times.push(this.#durableMs + DURABLE_EVERY_MS);
    if (this.#dropped.size > 0) times.push(this.#droppedMs + REPORT_DROPPED_MS);
    return Math.min(...times);
  }

  #isSaved(): boolean {
    return this.#saved === this.#next - 1 && this.#values.size === 0;
  }

  #setCursor(sink: string, sequence: number): void {
    this.#cursors.set(sink, sequence);
    this.#values.set(CURSOR + sink, () => String(sequence));
  }

  /** Whether one more entry may be appended. */
  #makeRoom(): boolean {
    const unsaved = this.#next - 1 - this.#saved;
    const isFull = this.bytes > this.#bounds.maxBytes && this.#bounds.whenFull === "drop-newest";
    if (unsaved < MOST_UNSAVED && !isFull) return true;
    if (isFull || this.#bounds.whenFull === "drop-newest") {
      for (const sink of this.#cursors.keys()) this.#countDropped(sink, 1);
      return false;
    }
    this.#dropUpTo(this.#saved + 1);
    this.#saved++;
    this.#trim();
    return true;
  }

  /** Forgets recent entries that are on disk and more than sinks are likely to need. */
  #trim(): void {
    const first = this.#recent[0]?.sequence;
    if (first === undefined) return;
    const surplus = this.#recent.length - RECENT_ENTRIES;
    const saved = this.#saved - first + 1;
    const forgotten = Math.min(surplus, saved);
    // In steps, so that it costs nothing.
    if (forgotten > RECENT_ENTRIES / 4) this.#recent.splice(0, forgotten);
  }

  async #save(): Promise<void> {
    const { clock } = this.#options;
    const first = this.#recent[0]?.sequence ?? this.#next;
    const start = this.#saved - first + 1;
    // All of them: a state may not be ahead of its events.
    const entries = this.#recent.slice(start);
    const values = this.#values;
    const durable = clock.now() - this.#durableMs >= DURABLE_EVERY_MS;
    const isIdle = entries.length === 0 && values.size === 0;
    if (isIdle && !(this.#isVolatile && durable)) return;
    // What is synced is all that was written before.
    if (isIdle) values.set(SYNCED, () => "");
    this.#values = new Map();
    try {
      const texts = new Map([...values].map(([name, text]) => [name, text?.()]));
      await this.#store?.write({ entries, values: texts }, durable);
    } catch (reason) {
      // What has been set meanwhile is newer.
      this.#values = new Map([...values, ...this.#values]);
      await this.#fail(reason);
      return;
    }
    this.#isVolatile = !durable;
    if (durable) this.#durableMs = clock.now();
    const nowMs = this.#options.wallClock();
    for (const entry of entries) this.#account(entry, nowMs);
    this.#saved = Math.max(this.#saved, entries.at(-1)?.sequence ?? 0);
    this.#trim();
    if (!this.#isSaved()) return;
    for (const resolve of this.#whenSaved.splice(0)) resolve();
  }

  #account({ sequence, text }: Entry, timeMs: number): void {
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    const last = this.#segments.at(-1);
    const isOpen =
      last !== undefined && last.entries < SEGMENT_ENTRIES && last.bytes < SEGMENT_BYTES;
    if (isOpen) {
      Object.assign(last, {
        last: sequence,
        bytes: last.bytes + bytes,
        entries: last.entries + 1,
        timeMs,
      });
    } else {
      this.#segments.push({ first: sequence, last: sequence, bytes, entries: 1, timeMs });
    }
  }

  /** Removes what all sinks have, and what the bounds do not allow. */
  async #drop(): Promise<void> {
    const { maxBytes, maxAgeMs, whenFull } = this.#bounds;
    const nowMs = this.#options.wallClock();
    let bytes = this.#bytes;
    for (const { last, timeMs, bytes: size } of this.#segments) {
      const isOld = timeMs > PLAUSIBLE_MS && nowMs - timeMs > maxAgeMs;
      const isTooMuch = bytes > maxBytes && whenFull === "drop-oldest";
      if (!isTooMuch && !isOld) break;
      this.#dropUpTo(last);
      bytes -= size;
    }
    const done = Math.min(this.#saved, ...this.#cursors.values());
    const kept = this.#segments.findIndex(({ last }) => last > done);
    const removed = kept < 0 ? this.#segments.length : kept;
    const upTo = this.#segments[removed - 1]?.last;
    if (upTo === undefined || upTo === this.#removed) return;
    try {
      await this.#store?.remove(upTo);
    } catch (reason) {
      await this.#fail(reason);
      return;
    }
    this.#removed = upTo;
    for (const { bytes } of this.#segments.splice(0, removed)) this.#bytes -= bytes;
  }

  /** Sinks that have not come so far lose the entries up to a number. */
  #dropUpTo(sequence: number): void {
    for (const [sink, cursor] of this.#cursors) {
      if (cursor >= sequence) continue;
      const first = Math.max(cursor + 1, this.#segments[0]?.first ?? cursor + 1);
      this.#setCursor(sink, sequence);
      if (sequence >= first) this.#countDropped(sink, sequence - first + 1);
    }
  }

  #countDropped(sink: string, count: number): void {
    this.#dropped.set(sink, (this.#dropped.get(sink) ?? 0) + count);
  }

  /** Now and then: there may be thousands a second. */
  #reportDropped(): void {
    const { clock, onEvent } = this.#options;
    if (this.#dropped.size === 0 || clock.now() < this.#droppedMs + REPORT_DROPPED_MS) return;
    this.#droppedMs = clock.now();
    for (const [sink, count] of this.#dropped) onEvent({ t: "events dropped", sink, count });
    this.#dropped.clear();
  }

  /** Takes over what earlier runs, or this one before a failure, have left on disk. */
  async #restore(store: EventStore): Promise<void> {
    const values = await store.values();
    for (const [name, value] of values) {
      if (name.startsWith(CURSOR)) {
        const sink = name.slice(CURSOR.length);
        // While nothing could be read, it was taken for a new sink.
        const isWanted = !this.#isConfigured || this.#cursors.has(sink);
        if (!this.#isRestored && isWanted) this.#cursors.set(sink, Number(value));
        if (!isWanted) this.#values.set(name, undefined);
      }
    }
    this.#states = new Map(
      [...values].flatMap(([name, value]) =>
        name.startsWith(STATE) ? [[name.slice(STATE.length), value]] : [],
      ),
    );
    this.#isRestored = true;
    [this.#segments, this.#bytes] = [[], 0];
    let last = -1;
    for (;;) {
      const entries = await store.read(last, READ_ENTRIES);
      for (const entry of entries) this.#account(entry, acceptedMs(entry));
      last = entries.at(-1)?.sequence ?? last;
      if (entries.length < READ_ENTRIES) break;
    }
    this.#shift(last);
  }

  /** The clock was set back since: what is in memory comes after what is on disk. */
  #shift(last: number): void {
    const first = this.#saved + 1;
    const distance = Math.max(0, last + 1 - first);
    if (distance === 0) return;
    const move = (sequence: number) => (sequence >= first - 1 ? sequence + distance : sequence);
    this.#recent = this.#recent
      .filter(({ sequence }) => sequence >= first)
      .map(({ sequence, text }) => ({ sequence: move(sequence), text }));
    for (const [sink, cursor] of this.#cursors) {
      // Cursors of earlier runs are below all numbers of this one.
      if (cursor >= first - 1 && cursor > last) this.#setCursor(sink, move(cursor));
    }
    this.#next += distance;
    this.#saved += distance;
  }

  async #fail(reason: unknown): Promise<void> {
    const { clock, onEvent } = this.#options;
    const err = reason instanceof Error ? reason : new Error(String(reason));
    this.#retryMs = clock.now() + backoffMs(++this.#failures, RETRY_MS.first, RETRY_MS.longest);
    if (!this.#isFailed) onEvent({ t: "queue failed", err });
    this.#isFailed = true;
    const store = this.#store;
    this.#store = undefined;
    // After a failed write LevelDB may refuse all others until it is opened again.
    await store?.close().catch(() => {});
    this.#wakeup.notify();
  }
}

/** When an event of an earlier run happened. */
function acceptedMs({ text }: Entry): number {
  const time = /"time":"([^"]{1,40})"/.exec(text)?.[1];
  return Date.parse(time ?? "") || 0;
}
