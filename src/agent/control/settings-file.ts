/** The text of the settings file, kept up to date. */

import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { readText } from "../../common/files/read.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";

/** Some mounts deliver no events. */
const POLL_MS = 5_000;

/** An editor writes in several steps, which are over this long after the first event. */
const SETTLE_MS = 100;

export type FileText =
  | { readonly t: "text"; readonly text: string }
  | { readonly t: "unreadable"; readonly why: string };

export interface SettingsFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Called after current() has changed. */
  readonly onChange: () => void;
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

  /** Must be awaited once before the settings are first needed. */
  async load(): Promise<void> {
    const { path } = this.#options;
    const reading = await readText(path, path);
    this.#current =
      reading.t === "text" ? reading : { t: "unreadable", why: reading.problem.message };
  }

  /** Reads the file whenever it changes, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.#options;
    while (!signal.aborted) {
      // A new watcher each time, opened before the file is read: the directory may be another one by now.
      const watcher = this.#watch();
      const before = JSON.stringify(this.#current);
      await this.load();
      if (JSON.stringify(this.#current) !== before) onChange();
      await this.#wakeup.wait(clock, clock.now() + POLL_MS, signal);
      watcher?.close();
      await new Wakeup().wait(clock, clock.now() + SETTLE_MS, signal);
    }
  }

  /** Watches the directory, because the usual way to change a file is to replace it by another of its name. */
  #watch(): FSWatcher | undefined {
    const { path } = this.#options;
    try {
      const watcher = watch(dirname(path), (_, name) => {
        if (name === null || name === basename(path)) this.#wakeup.notify();
      });
      watcher.on("error", () => this.#wakeup.notify());
      return watcher;
    } catch {
      // There is no such directory, or the kernel has no watch left: the file is polled all the same.
      return undefined;
    }
  }
}
