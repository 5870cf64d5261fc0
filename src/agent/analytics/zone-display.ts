/** Keeps the zones and lines in the picture as they are now: what the sidecar draws changes without another specification. */

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { SidecarError } from "../sidecar/calls.js";
import type { CameraZones, Sidecar } from "../sidecar/sidecar.js";

type Client = Pick<Sidecar, "showZones" | "close">;

export interface ZoneDisplayOptions {
  readonly clock: Clock;
  /** Makes a client of its own, so that no other call delays the counts. */
  readonly open: () => Client;
  /** What is to be drawn now. */
  readonly zones: () => readonly CameraZones[];
  /** The worker refuses to draw them. Called once until it works again, or fails for another reason. Must not throw. */
  readonly onRefused: (err: SidecarError) => void;
}

/** Counts are looked at so often; the sidecar is told only of changes. */
const INTERVAL_MS = 500;
const TIMEOUT_MS = 5000;

export class ZoneDisplay {
  readonly #options: ZoneDisplayOptions;
  readonly #wakeup = new Wakeup();
  /** Undefined: none has been needed since the last failure. */
  #client: Client | undefined;
  /** Changes with every connection. */
  #worker = 0;
  /** What the worker draws. */
  #shown: readonly CameraZones[] | "unknown" | "no worker" = "no worker";
  /** Why the worker has refused last. */
  #refusal: string | undefined;

  constructor(options: ZoneDisplayOptions) {
    this.#options = options;
  }

  /** A worker is connected: a new one draws nothing, one from before what another agent has told it. */
  onConnected(): void {
    this.#worker++;
    this.#shown = "unknown";
    this.#wakeup.notify();
  }

  /** No worker is connected. */
  onDisconnected(): void {
    this.#worker++;
    this.#shown = "no worker";
  }

  /** Zones or lines have been added, changed or removed. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted. Never throws because of the sidecar. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, zones } = this.#options;
    while (!signal.aborted) {
      const wanted = zones();
      if (this.#shown !== "no worker" && !isDeepStrictEqual(wanted, this.#shown)) {
        await this.#show(wanted, signal);
      }
      const isIdle = wanted.length === 0 && isDeepStrictEqual(wanted, this.#shown);
      const isWaiting = this.#shown === "no worker" || isIdle;
      await this.#wakeup.wait(clock, isWaiting ? Infinity : clock.now() + INTERVAL_MS, signal);
    }
    this.#disconnect();
  }

  #disconnect(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  async #show(wanted: readonly CameraZones[], signal: AbortSignal): Promise<void> {
    const worker = this.#worker;
    try {
      this.#client ??= this.#options.open();
      await this.#client.showZones(wanted, { timeoutMs: TIMEOUT_MS, signal });
      this.#refusal = undefined;
      // Unless another worker has connected meanwhile.
      if (this.#worker === worker) this.#shown = wanted;
    } catch (reason) {
      // The reconciler notices a worker that is gone, and says so; another attempt follows.
      if (!signal.aborted) {
        if (!(reason instanceof SidecarError)) throw reason;
        const isGone = reason.code === "UNAVAILABLE";
        if (!isGone && reason.message !== this.#refusal) {
          this.#refusal = reason.message;
          this.#options.onRefused(reason);
        }
      }
      this.#disconnect();
    }
  }
}
