/** Sends the node report to the hub whenever it changes, but not too often for ten thousand nodes. */

import { type NodeReport, STATUS_TYPE, writeReport } from "../../common/hub/node-report.js";
import { backoffMs, withJitter } from "../../common/time/backoff.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { type Ess, EssError } from "../hub/ess.js";

export interface ReporterOptions {
  readonly ess: Pick<Ess, "put">;
  /** The node's name in the Exchange. */
  readonly node: string;
  /** The current report. */
  readonly report: () => Omit<NodeReport, "at">;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  /** Called only when the outcome changes. Must not throw. */
  readonly onEvent: (event: ReporterEvent) => void;
}

export type ReporterEvent =
  | { readonly t: "report not sent"; readonly err: EssError }
  | { readonly t: "report sent again" };

/** Least time between two reports, if verdicts or reasons have changed, or only the number of live cameras. */
const NEWS_MS = 5_000;
const CAMERAS_MS = 60_000;
/** The node's sync service may have lost the report. */
const REPEAT_MS = 900_000;
const RETRY_MS = { first: 5_000, longest: 300_000 };

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #wakeup = new Wakeup();
  readonly #repeatMs: number;
  #sent: { readonly report: Omit<NodeReport, "at">; readonly atMs: number } | undefined;
  #failures = 0;
  #retryMs = 0;
  /** Why the last attempt failed. */
  #failure: string | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#repeatMs = withJitter(REPEAT_MS, options.random());
  }

  /** Call it when the report may have changed. */
  onChange(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. Never throws because of the service. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const dueMs = this.#dueMs();
      if (clock.now() < dueMs) await this.#wakeup.wait(clock, dueMs, signal);
      else await this.send(signal);
    }
  }

  /** Sends the current report now. Never throws because of the service. */
  async send(signal: AbortSignal): Promise<void> {
    const { ess, node, clock, wallClock } = this.#options;
    const report = this.#options.report();
    const { version } = report;
    const at = new Date(wallClock()).toISOString();
    try {
      const description = writeReport({ ...report, at });
      await ess.put({ type: STATUS_TYPE, id: objectId(node), version, description }, signal);
      this.#sent = { report, atMs: clock.now() };
      this.#failures = 0;
      this.#retryMs = 0;
      this.#report(undefined);
    } catch (reason) {
      if (signal.aborted) return;
      if (!(reason instanceof EssError)) throw reason;
      const delayMs = backoffMs(++this.#failures, RETRY_MS.first, RETRY_MS.longest);
      this.#retryMs = clock.now() + delayMs;
      this.#report(reason);
    }
  }

  #dueMs(): number {
    if (this.#sent === undefined) return this.#retryMs;
    const { report, atMs } = this.#sent;
    const current = this.#options.report();
    const isSame = JSON.stringify(current) === JSON.stringify(report);
    const isNews = withoutCameras(current) !== withoutCameras(report);
    const delayMs = isSame ? this.#repeatMs : isNews ? NEWS_MS : CAMERAS_MS;
    return Math.max(this.#retryMs, atMs + delayMs);
  }

  #report(err: EssError | undefined): void {
    if (err?.code === this.#failure) return;
    this.#failure = err?.code;
    this.#options.onEvent(
      err === undefined ? { t: "report sent again" } : { t: "report not sent", err },
    );
  }
}

function withoutCameras({ cameras: _, ...rest }: Omit<NodeReport, "at">): string {
  return JSON.stringify(rest);
}

/** The sync service accepts no other characters in an object's name. The object's origin has the real name. */
function objectId(node: string): string {
  return node.replace(/[^A-Za-z0-9._~-]/g, "_");
}
