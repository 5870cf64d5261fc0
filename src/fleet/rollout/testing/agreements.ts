/** What the agreement bot remembers of one node under one deployment policy: which version is to be tried next. */

import { isObject } from "../../../common/json/document.js";
import type { Share } from "../shares.js";

/** The node's agent looks at its containers so often. */
export const CHECK_MS = 60_000;
/** From the end of an agreement to the containers of the next one. */
export const RENEWAL_MS = 15_000;

/** A deployment policy, as far as an agreement goes by it. */
export type Terms = Pick<Share, "name" | "versions">;

/**
 * Whether an agreement outlives a change of its policy: the version that it is for has to be there still, with nothing new
 * to be tried before it (HandlePolicyChangeForAgreement of the agreement bot).
 */
export function survives(version: string, before: Terms, after: Terms | undefined): boolean {
  if (before.name !== after?.name) return false;
  const place = after.versions.indexOf(version);
  return place >= 0 && after.versions.slice(0, place).every((one) => before.versions.includes(one));
}

interface Entry {
  readonly version: string;
  readonly retries: number;
  readonly durationMs: number;
}

export class Agreements {
  readonly #entries: readonly Entry[];
  #place = 0;
  #failures: number[] = [];

  constructor({ body, versions }: Share) {
    const { service } = body;
    const listed = isObject(service) ? service["serviceVersions"] : undefined;
    const entries = (Array.isArray(listed) ? listed : []).filter(isObject);
    this.#entries = versions.map((version) => {
      const priority = entries.find((entry) => entry["version"] === version)?.["priority"];
      const number = (key: string) => Number(isObject(priority) ? (priority[key] ?? 0) : 0);
      return {
        version,
        retries: number("retries"),
        durationMs: number("retry_durations") * 1000,
      };
    });
  }

  /** The version of the next agreement. */
  get version(): string {
    return this.#entries[this.#place]?.version ?? "";
  }

  /**
   * So many failures within the time make the next version the one to be tried, and it stays with that. The last one is tried
   * without end.
   */
  failed(nowMs: number): void {
    const { retries = 0, durationMs = 0 } = this.#entries[this.#place] ?? {};
    this.#failures = [...this.#failures, nowMs].filter((ms) => nowMs - ms <= durationMs);
    if (this.#place >= this.#entries.length - 1 || this.#failures.length < retries) return;
    this.#place++;
    this.#failures = [];
  }
}
