/** The settings document that a person applied on this node: one durable file, changed only by who knows its current text. */

import { createHash } from "node:crypto";
import { writeDurably } from "../../common/files/durable.js";
import { decodeUtf8, readSmallFile } from "../../common/files/read.js";
import type { Problem } from "../../common/problem.js";
import { readSettingsDocument } from "../../common/settings/settings-document.js";
import type { CameraList } from "./camera-list.js";
import { plainLogins } from "./plain-logins.js";
import type { FileText } from "./settings-file.js";

/** In STATE_DIR. */
export const NODE_SETTINGS_NAME = "node-settings.json";

const EMPTY = "{}";
const LONGEST = 1024 * 1024;

export interface NodeSettingsOptions {
  readonly path: string;
  /** What would be wrong with all settings together. */
  readonly problemsWith: (text: string) => readonly Problem[];
  /** What it may take over. */
  readonly cameras: () => CameraList;
  /** Called after current() has changed. */
  readonly onChange: () => void;
}

export type Replacement =
  | { readonly t: "replaced"; readonly tag: string }
  | { readonly t: "refused"; readonly problems: readonly Problem[] }
  /** Somebody else has changed it meanwhile. */
  | { readonly t: "outdated" }
  | { readonly t: "not written"; readonly why: string };

export class NodeSettings {
  readonly #options: NodeSettingsOptions;
  #current: FileText | undefined;
  /** The last read or replacement: there is one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: NodeSettingsOptions) {
    this.#options = options;
  }

  /** Undefined: nothing was applied here. */
  current(): FileText | undefined {
    return this.#current;
  }

  /** The document, empty if there is none or it cannot be read. It holds no login. */
  get text(): string {
    return this.#current?.t === "text" ? this.#current.text : EMPTY;
  }

  get cameras(): CameraList {
    return this.#options.cameras();
  }

  /** Names the current text. */
  get tag(): string {
    return createHash("sha256").update(this.text).digest("hex").slice(0, 32);
  }

  /** Must be awaited once before the settings are first needed, and again once STATE_DIR can be used. */
  load(): Promise<void> {
    return this.#afterTheLast(() => this.#read());
  }

  async #read(): Promise<void> {
    const { path } = this.#options;
    const file = await readSmallFile(path, LONGEST);
    const text = file.t === "bytes" ? decodeUtf8(file.bytes) : undefined;
    // Where a file is in place of the directory, nobody has applied anything.
    const isAbsent = file.t === "absent" || (file.t === "unreadable" && file.code === "ENOTDIR");
    const why = file.t === "unreadable" ? file.code : "it is no small text file";
    if (isAbsent) this.#current = undefined;
    else this.#current = text === undefined ? { t: "unreadable", why } : { t: "text", text };
  }

  /** Checks the document, stores it and uses it, if `tag` still names the current one. */
  replace(text: string, tag: string): Promise<Replacement> {
    return this.#afterTheLast(() => this.#replace(text, tag));
  }

  #afterTheLast<T>(act: () => Promise<T>): Promise<T> {
    const acting = this.#last.then(act);
    // One that fails stops none after it.
    this.#last = acting.catch(() => undefined);
    return acting;
  }

  async #replace(text: string, tag: string): Promise<Replacement> {
    const { path, problemsWith, onChange } = this.#options;
    if (tag !== this.tag) return { t: "outdated" };
    const reading = readSettingsDocument(text, "node");
    if (reading.t === "refused") return reading;
    const problems = [...plainLogins(reading.document), ...problemsWith(text)];
    if (problems.length > 0) return { t: "refused", problems };
    try {
      await writeDurably(path, text);
    } catch (reason) {
      return { t: "not written", why: reason instanceof Error ? reason.message : String(reason) };
    }
    this.#current = { t: "text", text };
    onChange();
    return { t: "replaced", tag: this.tag };
  }
}
