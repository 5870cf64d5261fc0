/** The secrets of a directory, one a file, kept up to date while files are written, replaced and removed. */

import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { errorCode } from "../files/error-code.js";
import { readSmallFile } from "../files/small-file.js";
import type { Clock } from "../time/clock.js";
import { Wakeup } from "../time/wakeup.js";
import { afterLook, type Entry, type Found, isSettled, NO_ENTRY } from "./secret-entry.js";
import { SECRET_NAME, type Secrets, wordsOf } from "./secrets.js";
import { withEarlier } from "./words.js";

/** Where the Horizon agent puts the secrets of a container. */
export const HORIZON_SECRETS = "/open-horizon-secrets";

/** Mounts do not always deliver events. */
const LOOK_EVERY_MS = 30_000;

/** Horizon rewrites a file in place: what is read twice the same, this far apart, is whole. */
const SETTLE_MS = 200;

const MAX_BYTES = 16 * 1024;
const MAX_FILES = 256;

export type SecretEvent =
  | { readonly t: "taken"; readonly name: string }
  /** Its last good content, if there was one, stays in use. */
  | { readonly t: "trouble"; readonly name: string; readonly why: string };

export interface SecretFilesOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Called after current() has changed. */
  readonly changed: () => void;
  readonly trace?: (event: SecretEvent) => void;
}

/** What a look at the directory gives. */
type Look =
  | { readonly t: "read"; readonly files: ReadonlyMap<string, Found> }
  | { readonly t: "fault"; readonly why: string };

export class SecretFiles {
  readonly #options: SecretFilesOptions;
  readonly #wakeup = new Wakeup();
  #entries: ReadonlyMap<string, Entry> = new Map();
  /** Why the directory could not be read. */
  #fault: string | undefined = "has not been read yet";
  #words: readonly string[] = [];

  constructor(options: SecretFilesOptions) {
    this.#options = options;
  }

  /** As they are now: a snapshot that does not change. */
  current(): Secrets {
    const { directory } = this.#options;
    const [entries, fault] = [this.#entries, this.#fault];
    return {
      words: this.#words,
      find: (name) => {
        const { secret, why } = entries.get(name) ?? NO_ENTRY;
        if (secret !== undefined) return { t: "found", secret };
        return { t: "absent", detail: absence(name, directory, why, fault) };
      },
    };
  }

  /** What no output may hold, as it is now: for a redactor. */
  readonly words = (): readonly string[] => this.#words;

  /** Takes what is there, without a second look at it. To be awaited once, before secrets are first needed. */
  async load(): Promise<void> {
    this.#take(await this.#look(), true);
  }

  /** Keeps the secrets up to date until it is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      // A new one each time, and before the look: the directory may be another one by now.
      const watcher = this.#watch();
      const settled = this.#take(await this.#look(), false);
      if (settled) await this.#wakeup.wait(clock, clock.now() + LOOK_EVERY_MS, signal);
      watcher?.close();
      await new Wakeup().wait(clock, clock.now() + SETTLE_MS, signal);
    }
  }

  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#options.directory, () => this.#wakeup.notify());
      watcher.on("error", () => this.#wakeup.notify());
      return watcher;
    } catch {
      // No such directory, or the kernel has no watch left: time brings the next look.
      return undefined;
    }
  }

  async #look(): Promise<Look> {
    const { directory } = this.#options;
    try {
      const files = new Map<string, Found>();
      const names = (await readdir(directory)).filter((name) => SECRET_NAME.test(name)).sort();
      for (const name of names.slice(0, MAX_FILES)) {
        files.set(name, await readFile(join(directory, name)));
      }
      return { t: "read", files };
    } catch (err) {
      const code = errorCode(err);
      if (code === undefined) throw err;
      return { t: "fault", why: code === "ENOENT" ? "does not exist" : `cannot be read (${code})` };
    }
  }

  /** Returns whether every file stands still. */
  #take(look: Look, atOnce: boolean): boolean {
    const [before, faultBefore] = [this.#entries, this.#fault];
    this.#fault = look.t === "fault" ? look.why : undefined;
    const files = look.t === "fault" ? new Map<string, Found>() : look.files;
    const names = new Set([...before.keys(), ...files.keys()]);
    const entries = new Map<string, Entry>();
    for (const name of names) {
      const found: Found = files.get(name) ?? { t: "nothing" };
      const entry = afterLook(before.get(name) ?? NO_ENTRY, found, atOnce);
      if (!isDeepStrictEqual(entry, NO_ENTRY)) entries.set(name, entry);
    }
    this.#entries = entries;
    const changes = [...names].flatMap((name) => this.#changesOf(name, before));
    if (changes.some(({ t }) => t === "taken")) this.#keepWords();
    for (const change of changes) this.#options.trace?.(change);
    if (changes.length > 0 || this.#fault !== faultBefore) this.#options.changed();
    return [...entries.values()].every(isSettled);
  }

  #changesOf(name: string, entries: ReadonlyMap<string, Entry>): SecretEvent[] {
    const before = entries.get(name) ?? NO_ENTRY;
    const after = this.#entries.get(name) ?? NO_ENTRY;
    if (after.why !== undefined) {
      return after.why === before.why ? [] : [{ t: "trouble", name, why: after.why }];
    }
    return isDeepStrictEqual(after.secret, before.secret) ? [] : [{ t: "taken", name }];
  }

  #keepWords(): void {
    const now = [...this.#entries.values()].flatMap(({ secret }) =>
      secret === undefined ? [] : wordsOf(secret),
    );
    this.#words = withEarlier(now, this.#words);
  }
}

async function readFile(path: string): Promise<Found> {
  const file = await readSmallFile(path, MAX_BYTES);
  switch (file.t) {
    case "bytes":
      return file;
    case "absent":
      return { t: "nothing" };
    case "no file":
      return { t: "fault", why: "is no file" };
    case "too long":
      return { t: "fault", why: `is longer than ${MAX_BYTES} bytes` };
    case "unreadable": {
      const { code } = file;
      const right = "its group must be one of the container's, which Horizon sees to";
      return {
        t: "fault",
        why: `cannot be read (${code})${code === "EACCES" ? `: ${right}` : ""}`,
      };
    }
    default:
      return file satisfies never;
  }
}

/** Why there is no such secret, and what to do. */
function absence(
  name: string,
  directory: string,
  why: string | undefined,
  fault: string | undefined,
): string {
  if (!SECRET_NAME.test(name)) return "a secret's name is made of letters, digits and . _ -";
  if (why !== undefined) return `its file ${why}; set it again: hzn secretsmanager secret add`;
  const where = fault === undefined ? `it is not in ${directory}` : `${directory} ${fault}`;
  return (
    `${where}; declare it in the service definition (secrets of the agent's container) and bind it in the ` +
    "deployment policy (secretBinding); on one machine: hzn dev service start --secret FILE"
  );
}
