/** What the agreement bot remembers of one node under one deployment policy: which version it tries next. */

import { isObject } from "../../../common/json/document.js";
import type { RolloutPolicy } from "../rollout-state.js";

/** How often the node's agent checks its containers. */
export const CHECK_MS = 60_000;
/** From the end of an agreement to the containers of the next one. */
export const RENEWAL_MS = 15_000;

/** The part of a deployment policy that an agreement depends on. */
export type Terms = Pick<RolloutPolicy, "name" | "versions">;

/**
 * Whether an agreement survives a change of its policy: its version must still be listed, with no new version before it
 * (HandlePolicyChangeForAgreement of the agreement bot).
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

  constructor({ body, versions }: RolloutPolicy) {
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
   * After so many failures within the time the next version is tried, and the one before never again. The last one is tried
   * forever.
   */
  failed(nowMs: number): void {
    const { retries = 0, durationMs = 0 } = this.#entries[this.#place] ?? {};
    this.#failures = [...this.#failures, nowMs].filter((ms) => nowMs - ms <= durationMs);
    if (this.#place >= this.#entries.length - 1 || this.#failures.length < retries) return;
    this.#place++;
    this.#failures = [];
  }
}
