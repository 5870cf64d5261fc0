/** The text of the settings document on this device, as it is now. */

import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { readText } from "../../common/files/text-file.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";

/** Mounts do not always deliver events. */
const LOOK_EVERY_MS = 5_000;

/** An editor writes in several steps: a look this long after an event finds them done. */
const SETTLE_MS = 100;

export type FileText =
  | { readonly t: "text"; readonly text: string }
  | { readonly t: "unreadable"; readonly why: string };

export interface SettingsFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Called after current() has changed. */
  readonly changed: () => void;
}

export class SettingsFile {
  readonly #options: SettingsFileOptions;
  readonly #wakeup = new Wakeup();
  #current: FileText = { t: "unreadable", why: "it was not read yet" };

  constructor(options: SettingsFileOptions) {
    this.#options = options;
  }

  current(): FileText {
    return this.#current;
  }

  /** Takes what is there. To be awaited once, before the settings are first needed. */
  async load(): Promise<void> {
    this.#current = await read(this.#options.path);
  }

  /** Keeps the text up to date until it is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { path, clock, changed } = this.#options;
    while (!signal.aborted) {
      // A new one each time, and before the look: the directory may be another one by now.
      const watcher = this.#watch();
      const before = JSON.stringify(this.#current);
      this.#current = await read(path);
      if (JSON.stringify(this.#current) !== before) changed();
      await this.#wakeup.wait(clock, clock.now() + LOOK_EVERY_MS, signal);
      watcher?.close();
      await new Wakeup().wait(clock, clock.now() + SETTLE_MS, signal);
    }
  }

  /** Watches the directory: a file that is replaced by another of its name is the usual way to change it. */
  #watch(): FSWatcher | undefined {
    const { path } = this.#options;
    try {
      const watcher = watch(dirname(path), (_, name) => {
        if (name === null || name === basename(path)) this.#wakeup.notify();
      });
      watcher.on("error", () => this.#wakeup.notify());
      return watcher;
    } catch {
      // No such directory, or the kernel has no watch left: time brings the next look.
      return undefined;
    }
  }
}

async function read(path: string): Promise<FileText> {
  const reading = await readText(path, path);
  return reading.t === "text" ? reading : { t: "unreadable", why: reading.problem.message };
}
