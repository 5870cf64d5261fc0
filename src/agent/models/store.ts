/**
 * The bundles of this node: those that came from the hub, in DIRECTORY/NAME/VERSION, and those that ship with the product.
 * One process at a time has a store open.
 */

import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Opened } from "../../common/bundle/archive.js";
import { BundleError } from "../../common/bundle/bundle-error.js";
import { bytesOf, MANIFEST, type Manifest, manifestText } from "../../common/bundle/manifest.js";
import { keyIdOf, type Trust } from "../../common/bundle/signature.js";
import { unpack } from "../../common/bundle/unpack.js";
import { syncDirectory } from "../../common/files/durable.js";
import { errorCode } from "../../common/files/error-code.js";
import type { Models, Resolved } from "../../common/settings/models.js";
import { findBundle, misfitOf, nameOf } from "./find.js";
import { asInstallation, type Installation, NoRoom } from "./installation.js";
import { roomFor, sum } from "./room.js";
import {
  INCOMING,
  type Installed,
  readStore,
  type StoreReading,
  shippedNames,
  WITHDRAWN,
  withdrawnMark,
} from "./store-files.js";

export interface StoreOptions {
  /** Made if it is not there. The sidecar must see it under the same path. */
  readonly directory: string;
  /** The product's models/, whose bundles are found by the names of their directories. */
  readonly shipped: string;
  /** Of everything in the store and of the archive that is being taken in. */
  readonly maxBytes: number;
  readonly trust: Trust;
  /** Undefined: not known yet. Empty: of no known kind, which takes every bundle. */
  readonly board: () => string | undefined;
  /** Must not throw. */
  readonly trace: (event: StoreEvent) => void;
}

export type StoreEvent =
  | { readonly t: "removed"; readonly bundle: string; readonly bytes: number; readonly why: string }
  | { readonly t: "unreadable"; readonly path: string; readonly detail: string };

/** Ends the unpacking of a bundle that is here. */
class Present extends Error {
  override readonly name = "Present";
  readonly one: Installed;

  constructor(one: Installed) {
    super("the bundle is here");
    this.one = one;
  }
}

export class ModelStore implements Models {
  readonly #options: StoreOptions;
  readonly #installed: Map<string, Installed>;
  readonly #unreadable: ReadonlySet<string>;
  readonly #isNew: boolean;
  readonly #shipped: readonly string[];
  /** For want of room, since the start. */
  readonly #removed = new Set<string>();
  #held: ReadonlySet<string> | undefined;

  /** Removes what a killed process has left half done. */
  static async open(options: StoreOptions): Promise<ModelStore> {
    const { directory, shipped, trace } = options;
    await mkdir(directory, { recursive: true });
    const reading = await readStore(directory);
    for (const { path, detail } of reading.unreadable) trace({ t: "unreadable", path, detail });
    return new ModelStore(options, reading, await shippedNames(shipped));
  }

  private constructor(
    options: StoreOptions,
    { installed, unreadable }: StoreReading,
    shipped: readonly string[],
  ) {
    this.#options = options;
    this.#installed = new Map(installed.map((one) => [keyOf(one), one]));
    this.#unreadable = new Set(unreadable.map(({ bundle }) => bundle));
    this.#isNew = installed.length === 0;
    this.#shipped = shipped;
  }

  /** Of what is installed. */
  get bytes(): number {
    return sum(this.list());
  }

  /** Bundles that were removed for want of room since the start. */
  get removed(): number {
    return this.#removed.size;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  list(): readonly Installed[] {
    return [...this.#installed.values()];
  }

  /** Whether a bundle, NAME@VERSION, is found here. */
  has(bundle: string): boolean {
    return this.#installed.get(bundle)?.isWithdrawn === false;
  }

  /**
   * Whether a bundle that was installed once has got lost: with the whole store, or by damage. What was removed for want
   * of room is not lost.
   */
  isLost(bundle: string): boolean {
    if (this.#installed.has(bundle) || this.#removed.has(bundle)) return false;
    return this.#isNew || this.#unreadable.has(bundle);
  }

  /**
   * What decides about a bundle beside the bundle: when it changes, one that was refused may be taken. Undefined: the
   * board is not known yet.
   */
  get terms(): string | undefined {
    const { trust, maxBytes, board } = this.#options;
    const here = board();
    if (here === undefined) return undefined;
    const terms = [trust.requireSigned, trust.keys.map(keyIdOf), maxBytes, here];
    return createHash("sha256").update(JSON.stringify(terms)).digest("hex").slice(0, 16);
  }

  resolve(reference: string): Resolved {
    const { shipped, board } = this.#options;
    const places = { installed: this.list(), shipped, shippedNames: this.#shipped };
    return findBundle(reference, places, board());
  }

  /**
   * Says which directories may not be removed from now on: of the bundle in use, of the last good one, of one on trial.
   * Before the first call, none may.
   */
  async hold(paths: readonly string[]): Promise<void> {
    this.#held = new Set(paths.map((path) => resolve(path)));
    for (const one of this.#installed.values()) {
      if (this.#held.has(one.path)) {
        const now = new Date();
        one.usedMs = now.getTime();
        // The time outlives a restart as the directory's own.
        await utimes(one.path, now, now);
      } else if (one.isWithdrawn) {
        await this.#remove(one, "the hub has withdrawn it");
      }
    }
  }

  /**
   * Takes an archive in: whole, or with nothing left behind. The archive's own bytes count as used until this returns.
   * Throws what the disk says, and when the signal is aborted.
   */
  async install(archive: string, signal: AbortSignal): Promise<Installation> {
    const { directory, trust, maxBytes } = this.#options;
    const incoming = join(directory, INCOMING + randomUUID());
    try {
      const { size } = await stat(archive);
      const opened = await unpack(createReadStream(archive), incoming, {
        limits: { maxBytes },
        trust,
        admit: async (opened) => {
          const present = this.#admit(opened.manifest);
          if (present !== undefined) throw new Present(present);
          await this.#makeRoom(sizeOf(opened), size);
        },
        signal,
      });
      const one = await this.#place(incoming, opened);
      return { t: "installed", bundle: keyOf(one), path: one.path };
    } catch (reason) {
      if (!(reason instanceof Present)) return asInstallation(reason);
      await this.#restore(reason.one);
      return { t: "installed", bundle: keyOf(reason.one), path: reason.one.path };
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
  }

  /** Makes room for an archive that is about to be fetched. Undefined: there is room. */
  async reserve(bytes: number): Promise<Installation | undefined> {
    try {
      await this.#makeRoom(0, bytes);
      return undefined;
    } catch (reason) {
      return asInstallation(reason);
    }
  }

  /**
   * The bundle is found no more when this returns, after a restart neither. Its files stay while they are held. Does
   * nothing if there is none of that name.
   */
  async withdraw(bundle: string): Promise<void> {
    const one = this.#installed.get(bundle);
    if (one === undefined || one.isWithdrawn) return;
    const { directory } = this.#options;
    await mkdir(join(directory, WITHDRAWN), { recursive: true });
    await writeFile(withdrawnMark(directory, bundle), "");
    await syncDirectory(join(directory, WITHDRAWN));
    await syncDirectory(directory);
    one.isWithdrawn = true;
    if (this.#held?.has(one.path) === false) await this.#remove(one, "the hub has withdrawn it");
  }

  /** The bundle of this name and version that is here already, if any. Throws BundleError. */
  #admit(manifest: Manifest): Installed | undefined {
    const misfit = misfitOf(manifest, this.#options.board());
    if (misfit !== undefined) throw new BundleError(`${MANIFEST} boards`, misfit);
    const present = this.#installed.get(nameOf(manifest));
    if (present === undefined) return undefined;
    if (manifestText(present.manifest) === manifestText(manifest)) return present;
    throw new BundleError(
      `${MANIFEST} version`,
      `${keyOf(present)} is here with another content: give the changed bundle another version`,
    );
  }

  /** Throws BundleError or NoRoom. */
  async #makeRoom(bundleBytes: number, archiveBytes: number): Promise<void> {
    const { maxBytes } = this.#options;
    const disk = { installed: this.list(), held: this.#held, maxBytes };
    const room = roomFor(bundleBytes, archiveBytes, disk);
    if (room.t === "never") throw new BundleError("archive", room.detail);
    if (room.t === "not now") throw new NoRoom(room.detail);
    for (const one of room.remove) {
      await this.#remove(one, "room was needed");
      this.#removed.add(keyOf(one));
    }
  }

  async #place(incoming: string, opened: Opened): Promise<Installed> {
    const { directory } = this.#options;
    const { manifest } = opened;
    const { name, version } = manifest;
    const path = join(directory, name, version);
    await mkdir(join(directory, name), { recursive: true });
    // What is there, and is not installed, is a bundle that was damaged.
    await this.#discard(path);
    await rename(incoming, path);
    await syncDirectory(join(directory, name));
    await syncDirectory(directory);
    const bytes = sizeOf(opened);
    const one = { manifest, path, bytes, usedMs: Date.now(), isWithdrawn: false };
    this.#installed.set(keyOf(one), one);
    return one;
  }

  /** The hub sends again what it had withdrawn. */
  async #restore(one: Installed): Promise<void> {
    if (!one.isWithdrawn) return;
    const { directory } = this.#options;
    await rm(withdrawnMark(directory, keyOf(one)), { force: true });
    await syncDirectory(join(directory, WITHDRAWN));
    one.isWithdrawn = false;
  }

  /** At once out of sight: removing takes several steps. */
  async #discard(path: string): Promise<void> {
    const outgoing = join(this.#options.directory, INCOMING + randomUUID());
    try {
      await rename(path, outgoing);
    } catch (reason) {
      if (errorCode(reason) === "ENOENT") return;
      throw reason;
    }
    await rm(outgoing, { recursive: true, force: true });
  }

  async #remove(one: Installed, why: string): Promise<void> {
    const { directory, trace } = this.#options;
    this.#installed.delete(keyOf(one));
    await this.#discard(one.path);
    await rm(withdrawnMark(directory, keyOf(one)), { force: true });
    // Other versions may be there.
    await rmdir(dirname(one.path)).catch(() => {});
    await syncDirectory(directory);
    trace({ t: "removed", bundle: keyOf(one), bytes: one.bytes, why });
  }
}

function keyOf({ manifest }: Pick<Installed, "manifest">): string {
  return nameOf(manifest);
}

function sizeOf({ manifest, manifestBytes }: Opened): number {
  return bytesOf(manifest) + manifestBytes.length;
}
