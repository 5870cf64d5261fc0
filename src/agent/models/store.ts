/**
 * The bundles of this node: those that came from the hub, in DIRECTORY/NAME/VERSION, and those that ship with the product.
 * Only one process at a time may open a store.
 */

import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  BundleError,
  bytesOf,
  MANIFEST,
  type Manifest,
  manifestText,
} from "../../common/bundle/manifest.js";
import type { Opened } from "../../common/bundle/read-archive.js";
import { keyIdOf, type Trust } from "../../common/bundle/signature.js";
import { unpack } from "../../common/bundle/unpack.js";
import { syncDirectory } from "../../common/files/durable.js";
import { errorCode } from "../../common/files/read.js";
import type { Models, Resolved } from "../../common/settings/models.js";
import {
  boardMismatch,
  findBundle,
  type Installed,
  isInside,
  nameOf,
  planEviction,
} from "./bundles.js";
import {
  INCOMING,
  readStore,
  type StoreContent,
  shippedNames,
  WITHDRAWN,
  withdrawnMark,
} from "./store-files.js";
import { fingerprint } from "./verify.js";

export interface StoreOptions {
  /** Created if necessary. The sidecar must see it under the same path. */
  readonly directory: string;
  /** The product's models/, whose bundles are found by the names of their directories. */
  readonly shipped: string;
  /** For everything in the store and the archive that is being installed. */
  readonly maxBytes: number;
  readonly trust: Trust;
  /** Undefined: not known yet. Empty: of no known kind, which accepts every bundle. */
  readonly board: () => string | undefined;
  /** Must not throw. */
  readonly onEvent: (event: StoreEvent) => void;
}

export type StoreEvent =
  | { readonly t: "removed"; readonly bundle: string; readonly bytes: number; readonly why: string }
  | { readonly t: "unreadable"; readonly path: string; readonly detail: string };

export type Installation =
  /** `bundle` is NAME@VERSION. */
  | { readonly t: "installed"; readonly bundle: string; readonly path: string }
  | { readonly t: "refused"; readonly path: string; readonly reason: string }
  /** Not now: bundles that are held leave too little of the configured disk. */
  | { readonly t: "no room"; readonly detail: string };

type Failure = Exclude<Installation, { t: "installed" }>;

class NoRoom extends Error {
  override readonly name = "NoRoom";
}

/** Ends the unpacking of a bundle that is installed already. */
class AlreadyInstalled extends Error {
  override readonly name = "AlreadyInstalled";
  readonly one: Installed;

  constructor(one: Installed) {
    super("the bundle is installed already");
    this.one = one;
  }
}

export class ModelStore implements Pick<Models, "resolve"> {
  readonly #options: StoreOptions;
  readonly #installed: Map<string, Installed>;
  readonly #unreadable: ReadonlySet<string>;
  readonly #wasEmpty: boolean;
  readonly #shipped: readonly string[];
  /** Evicted since the start. */
  readonly #evicted = new Set<string>();
  #held: ReadonlySet<string> | undefined;

  /** Removes what a killed process has left unfinished. */
  static async open(options: StoreOptions): Promise<ModelStore> {
    const { directory, shipped, onEvent } = options;
    await mkdir(directory, { recursive: true });
    const content = await readStore(directory, options.trust);
    for (const { path, detail } of content.unreadable) onEvent({ t: "unreadable", path, detail });
    return new ModelStore(options, content, await shippedNames(shipped));
  }

  private constructor(
    options: StoreOptions,
    { installed, unreadable }: StoreContent,
    shipped: readonly string[],
  ) {
    this.#options = options;
    this.#installed = new Map(installed.map((one) => [nameOf(one.manifest), one]));
    this.#unreadable = new Set(unreadable.map(({ bundle }) => bundle));
    this.#wasEmpty = installed.length === 0;
    this.#shipped = shipped;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  list(): readonly Installed[] {
    return [...this.#installed.values()];
  }

  /** Whether a bundle, NAME@VERSION, is installed and not withdrawn. */
  has(bundle: string): boolean {
    return this.#installed.get(bundle)?.isWithdrawn === false;
  }

  /** Whether a bundle that was installed is lost, with the whole store or by damage. An evicted bundle is not lost. */
  isLost(bundle: string): boolean {
    if (this.#installed.has(bundle) || this.#evicted.has(bundle)) return false;
    return this.#wasEmpty || this.#unreadable.has(bundle);
  }

  /**
   * What decides about a bundle besides its content: when it changes, a refused one may be accepted. Undefined: the board
   * is not known yet.
   */
  get conditions(): string | undefined {
    const { trust, maxBytes, board } = this.#options;
    const here = board();
    if (here === undefined) return undefined;
    const conditions = [
      ...[trust.requireSigned, trust.nativeCode],
      ...[trust.keys.map(keyIdOf), maxBytes, here],
    ];
    return createHash("sha256").update(JSON.stringify(conditions)).digest("hex").slice(0, 16);
  }

  resolve(reference: string): Resolved {
    const { directory, shipped, board } = this.#options;
    const available = { installed: this.list(), shipped, shippedNames: this.#shipped };
    const resolved = findBundle(reference, available, board());
    if (resolved.t === "absent" || !isInside(directory, resolved.path)) return resolved;
    const installed = this.list().find(({ path }) => path === resolved.path);
    if (installed !== undefined && isUnchanged(installed)) return resolved;
    const detail =
      installed === undefined
        ? `${resolved.path} is in the directory of models from the hub, and is no verified model`
        : `${nameOf(installed.manifest)} was changed on the disk after it was verified: restart the agent`;
    return { t: "absent", detail };
  }

  /**
   * Takes the directories that must not be removed from now on: of the bundle in use, the last good one, and one on
   * trial. Before the first call, nothing is removed.
   */
  async hold(paths: readonly string[]): Promise<void> {
    this.#held = new Set(paths.map((path) => resolve(path)));
    for (const one of this.#installed.values()) {
      if (this.#held.has(one.path)) {
        const now = new Date();
        one.usedMs = now.getTime();
        // As the directory's own time it survives a restart.
        await utimes(one.path, now, now);
      } else if (one.isWithdrawn) {
        await this.#remove(one, "the hub has withdrawn it");
      }
    }
  }

  /**
   * Installs an archive completely, or leaves nothing behind. The archive's own bytes count as used until this returns.
   * Throws file system errors, and when the signal is aborted.
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
          if (present !== undefined) throw new AlreadyInstalled(present);
          await this.#makeRoom(sizeOf(opened), size);
        },
        signal,
      });
      return installation(await this.#place(incoming, opened));
    } catch (reason) {
      if (!(reason instanceof AlreadyInstalled)) return failure(reason);
      await this.#restore(reason.one);
      return installation(reason.one);
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
  }

  /** Makes room for an archive that is about to be downloaded. Undefined: there is room. */
  async reserve(bytes: number): Promise<Failure | undefined> {
    try {
      await this.#makeRoom(0, bytes);
      return undefined;
    } catch (reason) {
      return failure(reason);
    }
  }

  /**
   * The bundle is no longer found when this returns, nor after a restart. Its files stay while they are held. Does nothing
   * if there is no such bundle.
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

  /** Returns the bundle if it is installed already. Throws BundleError. */
  #admit(manifest: Manifest): Installed | undefined {
    const mismatch = boardMismatch(manifest, this.#options.board());
    if (mismatch !== undefined) throw new BundleError(`${MANIFEST} boards`, mismatch);
    const name = nameOf(manifest);
    const present = this.#installed.get(name);
    if (present === undefined) return undefined;
    if (manifestText(present.manifest) === manifestText(manifest)) return present;
    throw new BundleError(
      `${MANIFEST} version`,
      `${name} is here with another content: give the changed bundle another version`,
    );
  }

  /** Throws BundleError or NoRoom. */
  async #makeRoom(bundleBytes: number, archiveBytes: number): Promise<void> {
    const { maxBytes } = this.#options;
    // Planned anew after each removal: another bundle may be held meanwhile.
    for (;;) {
      const disk = { installed: this.list(), held: this.#held, maxBytes };
      const eviction = planEviction(bundleBytes, archiveBytes, disk);
      if (eviction.t === "too large") throw new BundleError("archive", eviction.detail);
      if (eviction.t === "no room") throw new NoRoom(eviction.detail);
      const [one] = eviction.bundles;
      if (one === undefined) return;
      this.#evicted.add(nameOf(one.manifest));
      await this.#remove(one, "room was needed");
    }
  }

  async #place(incoming: string, opened: Opened): Promise<Installed> {
    const { directory } = this.#options;
    const { manifest } = opened;
    const { name, version } = manifest;
    const path = join(directory, name, version);
    await mkdir(join(directory, name), { recursive: true });
    // A directory that is there and not installed is a damaged bundle.
    await this.#discard(path);
    await rename(incoming, path);
    await syncDirectory(join(directory, name));
    await syncDirectory(directory);
    const bytes = sizeOf(opened);
    const one = {
      ...{ manifest, path, bytes, fingerprint: fingerprint(path) },
      ...{ usedMs: Date.now(), isWithdrawn: false },
    };
    this.#installed.set(nameOf(manifest), one);
    return one;
  }

  /** The hub sends a withdrawn bundle again. */
  async #restore(one: Installed): Promise<void> {
    if (!one.isWithdrawn) return;
    const { directory } = this.#options;
    await rm(withdrawnMark(directory, nameOf(one.manifest)), { force: true });
    await syncDirectory(join(directory, WITHDRAWN));
    one.isWithdrawn = false;
  }

  /** Renames the directory first, so that it disappears at once: removing takes several steps. */
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
    const { directory, onEvent } = this.#options;
    const bundle = nameOf(one.manifest);
    this.#installed.delete(bundle);
    await this.#discard(one.path);
    await rm(withdrawnMark(directory, bundle), { force: true });
    // Fails if there are other versions.
    await rmdir(dirname(one.path)).catch(() => {});
    await syncDirectory(directory);
    onEvent({ t: "removed", bundle, bytes: one.bytes, why });
  }
}

/** Whether the files are still those that were verified. */
function isUnchanged({ path, fingerprint: verified }: Installed): boolean {
  try {
    return fingerprint(path) === verified;
  } catch {
    return false;
  }
}

function installation({ manifest, path }: Installed): Installation {
  return { t: "installed", bundle: nameOf(manifest), path };
}

/** Throws what is neither the bundle's fault nor a lack of room. */
function failure(reason: unknown): Failure {
  if (reason instanceof BundleError) {
    return { t: "refused", path: reason.path, reason: reason.reason };
  }
  if (reason instanceof NoRoom) return { t: "no room", detail: reason.message };
  throw reason;
}

function sizeOf({ manifest, manifestBytes }: Opened): number {
  return bytesOf(manifest) + manifestBytes.length;
}
