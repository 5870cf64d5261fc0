/** Sends the node's report to its hub whenever it changes, seldom enough for ten thousand nodes. */

import { type NodeReport, STATUS_TYPE, writeReport } from "../../common/hub/node-report.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { Ess } from "../hub/ess.js";
import { EssError } from "../hub/ess-error.js";

export interface ReporterOptions {
  readonly ess: Pick<Ess, "put">;
  /** The node's name in the Exchange. */
  readonly node: string;
  /** What is so now. */
  readonly facts: () => Omit<NodeReport, "at">;
  readonly clock: Clock;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** From 0 to 1: nodes that start together do not repeat themselves together. */
  readonly random: () => number;
  /** Told once until it changes. Must not throw. */
  readonly trace: (event: ReporterEvent) => void;
}

export type ReporterEvent =
  | { readonly t: "report not sent"; readonly err: EssError }
  | { readonly t: "report sent again" };

/** Between two reports: of verdicts and reasons, and of cameras that come and go. */
const NEWS_MS = 5_000;
const CAMERAS_MS = 60_000;
/** The node's sync service may have lost what it was given. */
const REPEAT_MS = 900_000;
const RETRY_MS = { first: 5_000, longest: 300_000 };

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #wakeup = new Wakeup();
  readonly #repeatMs: number;
  #sent: { readonly report: Omit<NodeReport, "at">; readonly atMs: number } | undefined;
  #failures = 0;
  #retryMs = 0;
  #trouble: string | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#repeatMs = REPEAT_MS * (0.8 + 0.4 * options.random());
  }

  /** Something may be another way now. */
  changed(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. Never throws for the service. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const dueMs = this.#dueMs();
      if (clock.now() < dueMs) await this.#wakeup.wait(clock, dueMs, signal);
      else await this.send(signal);
    }
  }

  /** Sends what is so now, whatever was sent before. Never throws for the service. */
  async send(signal: AbortSignal): Promise<void> {
    const { ess, node, facts, clock, wallClock } = this.#options;
    const report = facts();
    const at = new Date(wallClock()).toISOString();
    try {
      const description = writeReport({ ...report, at });
      await ess.put(
        { type: STATUS_TYPE, id: idOf(node), version: report.version, description },
        signal,
      );
      this.#sent = { report, atMs: clock.now() };
      this.#failures = 0;
      this.#retryMs = 0;
      this.#tell(undefined);
    } catch (reason) {
      if (signal.aborted) return;
      if (!(reason instanceof EssError)) throw reason;
      const pauseMs = RETRY_MS.first * 2 ** Math.min(this.#failures++, 10);
      this.#retryMs = clock.now() + Math.min(RETRY_MS.longest, pauseMs);
      this.#tell(reason);
    }
  }

  #dueMs(): number {
    const { facts } = this.#options;
    if (this.#sent === undefined) return this.#retryMs;
    const { report, atMs } = this.#sent;
    const now = facts();
    const isSame = JSON.stringify(now) === JSON.stringify(report);
    const isNews = JSON.stringify(withoutCameras(now)) !== JSON.stringify(withoutCameras(report));
    const pauseMs = isSame ? this.#repeatMs : isNews ? NEWS_MS : CAMERAS_MS;
    return Math.max(this.#retryMs, atMs + pauseMs);
  }

  #tell(err: EssError | undefined): void {
    const { trace } = this.#options;
    if (err?.code === this.#trouble) return;
    trace(err === undefined ? { t: "report sent again" } : { t: "report not sent", err });
    this.#trouble = err?.code;
  }
}

function withoutCameras({ cameras: _, ...rest }: Omit<NodeReport, "at">): object {
  return rest;
}

/** Of an object's name, the sync service takes no more; who a report is of stands in the object's origin. */
function idOf(node: string): string {
  return node.replace(/[^A-Za-z0-9._~-]/g, "_");
}
