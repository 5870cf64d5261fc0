/**
 * Pictures of events: JPEGs of single frames, which the sidecar makes and this keeps on the disk, bounded in number, bytes
 * and age. No event waits for its picture.
 */

import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PictureOptions } from "../../common/settings/events.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { SidecarError } from "../sidecar/calls.js";
import type { PictureRequest, Sidecar } from "../sidecar/sidecar.js";

export type PictureEvent =
  /** Sent once until it works again, or fails for another reason. */
  { readonly t: "picture failed"; readonly err: Error } | { readonly t: "pictures work again" };

export interface PicturesOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  readonly open: () => Client;
  /** Must not throw. */
  readonly onEvent: (event: PictureEvent) => void;
}

type Client = Pick<Sidecar, "takePicture" | "close">;

interface Wanted {
  readonly id: string;
  readonly request: PictureRequest;
}

interface Kept {
  readonly id: string;
  readonly bytes: number;
}

/** A busy scene gets no more: a picture is of its frame only if it is taken soon. */
const MAX_WAITING = 8;
const TIMEOUT_MS = 5000;
/** How often pictures that have become too old are looked for. */
const CHECK_MS = 600_000;
const NOTHING = { maxBytes: 0, maxCount: 0, maxAgeMs: 0 };
const OWNER_ONLY = 0o600;
const ID = /^\d{8}T\d{9}Z-[0-9a-f]{16}$/;
const ENDING = ".jpg";

export class Pictures {
  readonly #options: PicturesOptions;
  readonly #wakeup = new Wakeup();
  readonly #waiting: Wanted[] = [];
  /** Those on the disk, the oldest first. */
  #kept: Kept[] = [];
  /** Undefined: not known yet. */
  #bounds: PictureOptions | "none" | undefined;
  #failure: string | undefined;
  /** Undefined: none has been needed since the last failure. */
  #client: Client | undefined;

  constructor(options: PicturesOptions) {
    this.#options = options;
  }

  /** Undefined: no more are taken, and those on the disk are removed. */
  setBounds(bounds: PictureOptions | undefined): void {
    this.#bounds = bounds ?? "none";
    this.#wakeup.notify();
  }

  /** Asks for a picture. Returns its id, or undefined if too many wait already. */
  take(request: PictureRequest): string | undefined {
    const isOff = this.#bounds === undefined || this.#bounds === "none";
    if (isOff || this.#waiting.length >= MAX_WAITING) return undefined;
    const time = new Date(this.#options.wallClock()).toISOString().replace(/[-:.]/g, "");
    const id = `${time}-${randomBytes(8).toString("hex")}`;
    this.#waiting.push({ id, request });
    this.#wakeup.notify();
    return id;
  }

  /** Undefined: there is none, or no longer. */
  async read(id: string): Promise<Uint8Array | undefined> {
    if (!ID.test(id)) return undefined;
    try {
      return await readFile(this.#pathOf(id));
    } catch {
      return undefined; // It may be removed at any moment.
    }
  }

  /** Runs until the signal is aborted. Never throws because of the sidecar or the disk. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let isListed = false;
    while (!signal.aborted) {
      if (!isListed) isListed = await this.#attempt(() => this.#list());
      const wanted = this.#waiting.shift();
      if (wanted !== undefined) {
        const isTaken = await this.#attempt(() => this.#take(wanted, signal));
        if (isTaken) this.#onSuccess();
        else this.#disconnect();
      } else {
        await this.#attempt(() => this.#prune());
        const isIdle = this.#kept.length === 0;
        await this.#wakeup.wait(clock, isIdle ? Infinity : clock.now() + CHECK_MS, signal);
      }
    }
    this.#disconnect();
  }

  #disconnect(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  async #take({ id, request }: Wanted, signal: AbortSignal): Promise<void> {
    this.#client ??= this.#options.open();
    const jpeg = await this.#client.takePicture(request, { timeoutMs: TIMEOUT_MS, signal });
    const path = this.#pathOf(id);
    await mkdir(this.#options.directory, { recursive: true });
    // Whoever reads it gets the whole picture or none.
    try {
      await writeFile(`${path}.new`, jpeg, { mode: OWNER_ONLY });
      await rename(`${path}.new`, path);
    } catch (reason) {
      // What is there of it counts towards no bound.
      await rm(`${path}.new`, { force: true });
      throw reason;
    }
    this.#kept.push({ id, bytes: jpeg.length });
    await this.#prune();
  }

  /** Removes the oldest until all bounds hold. */
  async #prune(): Promise<void> {
    if (this.#bounds === undefined) return;
    const { maxBytes, maxCount, maxAgeMs } = this.#bounds === "none" ? NOTHING : this.#bounds;
    const oldest = new Date(this.#options.wallClock() - maxAgeMs)
      .toISOString()
      .replace(/[-:.]/g, "");
    let bytes = this.#kept.reduce((sum, one) => sum + one.bytes, 0);
    for (let [first] = this.#kept; first !== undefined; [first] = this.#kept) {
      const isTooOld = first.id.slice(0, oldest.length) < oldest;
      if (bytes <= maxBytes && this.#kept.length <= maxCount && !isTooOld) return;
      await rm(this.#pathOf(first.id), { force: true });
      this.#kept.shift();
      bytes -= first.bytes;
    }
  }

  /** Finds what earlier runs have left. */
  async #list(): Promise<void> {
    const { directory } = this.#options;
    const names = await readdir(directory).catch((reason: NodeJS.ErrnoException) => {
      if (reason.code === "ENOENT") return [];
      throw reason;
    });
    const kept: Kept[] = [];
    for (const name of names.sort()) {
      const id = name.slice(0, -ENDING.length);
      if (name.endsWith(`${ENDING}.new`)) await rm(join(directory, name), { force: true });
      if (!name.endsWith(ENDING) || !ID.test(id)) continue;
      kept.push({ id, bytes: (await stat(join(directory, name))).size });
    }
    this.#kept = kept;
  }

  /** Whether it succeeded. */
  async #attempt(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (reason) {
      const err = reason instanceof Error ? reason : new Error(String(reason));
      const isExpected = err instanceof SidecarError || "code" in err || err.name === "AbortError";
      if (!isExpected) throw reason;
      // Where no event gets one, nobody misses them.
      const isSaid = err.message === this.#failure || this.#bounds === "none";
      if (err.name !== "AbortError" && !isSaid) {
        this.#failure = err.message;
        this.#options.onEvent({ t: "picture failed", err });
      }
      return false;
    }
  }

  #onSuccess(): void {
    if (this.#failure !== undefined) this.#options.onEvent({ t: "pictures work again" });
    this.#failure = undefined;
  }

  #pathOf(id: string): string {
    return join(this.#options.directory, id + ENDING);
  }
}
