/** The secrets of a directory, one per file, kept up to date while files are written, replaced and removed. */

import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { errorCode, readSmallFile } from "../files/read.js";
import type { Clock } from "../time/clock.js";
import { Wakeup } from "../time/wakeup.js";
import { withEarlier } from "./redact.js";
import { readSecret, SECRET_NAME, type Secret, type Secrets, textsToHide } from "./secrets.js";

/** Mounts do not always deliver events. */
const POLL_INTERVAL_MS = 30_000;

/** Horizon rewrites a file in place: two reads this far apart that agree have seen the whole file. */
const SETTLE_MS = 200;

const MAX_BYTES = 16 * 1024;
const MAX_FILES = 256;

export type SecretEvent =
  | { readonly t: "loaded"; readonly name: string }
  /** The last good content, if any, stays in use. */
  | { readonly t: "unusable"; readonly name: string; readonly why: string };

export interface SecretFilesOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Called after current() has changed. */
  readonly onChange: () => void;
  readonly onEvent?: (event: SecretEvent) => void;
}

/** One read of a file. */
type FileRead =
  | { readonly t: "absent" }
  | { readonly t: "bytes"; readonly bytes: Uint8Array }
  | { readonly t: "fault"; readonly why: string };

/** One read of the directory. */
interface DirectoryRead {
  readonly files: ReadonlyMap<string, FileRead>;
  /** Why the directory could not be read. */
  readonly fault: string | undefined;
}

interface SecretState {
  /** The last good one. */
  readonly secret: Secret | undefined;
  /** What is wrong with the content that was evaluated last. */
  readonly why: string | undefined;
  readonly evaluated: FileRead;
  readonly lastRead: FileRead;
}

const ABSENT: FileRead = { t: "absent" };
const NO_SECRET: SecretState = {
  secret: undefined,
  why: undefined,
  evaluated: ABSENT,
  lastRead: ABSENT,
};

export class SecretFiles {
  readonly #options: SecretFilesOptions;
  readonly #wakeup = new Wakeup();
  #states: ReadonlyMap<string, SecretState> = new Map();
  /** Why the directory could not be read. */
  #fault: string | undefined = "has not been read yet";
  #toHide: readonly string[] = [];

  constructor(options: SecretFilesOptions) {
    this.#options = options;
  }

  /** A snapshot, which later changes do not affect. */
  current(): Secrets {
    const { directory } = this.#options;
    const [states, fault] = [this.#states, this.#fault];
    return {
      toHide: this.#toHide,
      find: (name) => {
        const { secret, why } = states.get(name) ?? NO_SECRET;
        if (secret !== undefined) return { t: "found", secret };
        return { t: "absent", detail: absence(name, directory, why, fault) };
      },
    };
  }

  /** Texts that no output may contain now: a source for a redactor. */
  readonly toHide = (): readonly string[] => this.#toHide;

  /** Reads what is there, once. Await it before secrets are first needed. */
  async load(): Promise<void> {
    this.#update(await this.#read(), true);
  }

  /** Keeps the secrets up to date until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      // A new watcher each time, started before the read: the directory may have been replaced.
      const watcher = this.#watch();
      const isSettled = this.#update(await this.#read(), false);
      if (isSettled) await this.#wakeup.wait(clock, clock.now() + POLL_INTERVAL_MS, signal);
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
      // The directory does not exist, or the kernel has no watch left: the next poll follows anyway.
      return undefined;
    }
  }

  async #read(): Promise<DirectoryRead> {
    const { directory } = this.#options;
    const files = new Map<string, FileRead>();
    try {
      const names = (await readdir(directory)).filter((name) => SECRET_NAME.test(name)).sort();
      for (const name of names.slice(0, MAX_FILES)) {
        files.set(name, await readFile(join(directory, name)));
      }
      return { files, fault: undefined };
    } catch (err) {
      const code = errorCode(err);
      if (code === undefined) throw err;
      const fault = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
      return { files: new Map(), fault };
    }
  }

  /** Returns whether no file changed since the read before. */
  #update({ files, fault }: DirectoryRead, immediately: boolean): boolean {
    const states = new Map<string, SecretState>();
    const events: SecretEvent[] = [];
    for (const name of new Set([...this.#states.keys(), ...files.keys()])) {
      const before = this.#states.get(name) ?? NO_SECRET;
      const after = afterRead(before, files.get(name) ?? ABSENT, immediately);
      if (!isDeepStrictEqual(after, NO_SECRET)) states.set(name, after);
      const { secret, why } = after;
      if (why !== undefined) {
        if (why !== before.why) events.push({ t: "unusable", name, why });
      } else if (!isDeepStrictEqual(secret, before.secret)) {
        events.push({ t: "loaded", name });
      }
    }
    const hasChanged = events.length > 0 || fault !== this.#fault;
    this.#states = states;
    this.#fault = fault;
    if (events.some(({ t }) => t === "loaded")) {
      const secrets = [...states.values()].flatMap(({ secret }) => secret ?? []);
      this.#toHide = withEarlier(secrets.flatMap(textsToHide), this.#toHide);
    }
    for (const event of events) this.#options.onEvent?.(event);
    if (hasChanged) this.#options.onChange();
    return [...states.values()].every(({ lastRead, evaluated }) => isSame(lastRead, evaluated));
  }
}

/**
 * Content counts once two reads agree, or with `immediately` at the first. A file that cannot be used changes nothing,
 * and a secret whose file is gone stays in use: Horizon removes all secrets of a container when one of them is removed
 * (anax, RemoveSecretFile), and the whole container with its agreement.
 */
function afterRead(state: SecretState, read: FileRead, immediately: boolean): SecretState {
  const isConfirmed = immediately || isSame(read, state.lastRead);
  if (isSame(read, state.evaluated) || !isConfirmed) return { ...state, lastRead: read };
  const { secret } = state;
  const reads = { evaluated: read, lastRead: read };
  switch (read.t) {
    case "absent":
      return secret === undefined ? NO_SECRET : { ...reads, secret, why: "was removed" };
    case "fault":
      return { ...reads, secret, why: read.why };
    case "bytes": {
      const reading = readSecret(read.bytes);
      return reading.t === "secret"
        ? { ...reads, secret: reading.secret, why: undefined }
        : { ...reads, secret, why: reading.why };
    }
    default:
      return read satisfies never;
  }
}

function isSame(a: FileRead, b: FileRead): boolean {
  if (a.t === "bytes" && b.t === "bytes") return Buffer.compare(a.bytes, b.bytes) === 0;
  if (a.t === "fault" && b.t === "fault") return a.why === b.why;
  return a.t === b.t;
}

async function readFile(path: string): Promise<FileRead> {
  const file = await readSmallFile(path, MAX_BYTES);
  switch (file.t) {
    case "bytes":
    case "absent":
      return file;
    case "not a file":
      return { t: "fault", why: "is not a regular file" };
    case "too long":
      return { t: "fault", why: `is longer than ${MAX_BYTES} bytes` };
    case "unreadable": {
      const hint = "its group must be one of the container's groups, which Horizon arranges";
      const why = `cannot be read (${file.code})${file.code === "EACCES" ? `: ${hint}` : ""}`;
      return { t: "fault", why };
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
