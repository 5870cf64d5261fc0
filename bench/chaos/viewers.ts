// Viewers that keep watching: each disconnection is counted, and the viewer reconnects at once.
import { setTimeout as delay } from "node:timers/promises";
import { type Started, start } from "../../test/support/processes.js";
import type { Scope } from "../../test/support/scope.js";
import { type SeenFrame, startViewer } from "../../test/support/video.js";
import { now } from "./now.js";

const COME_BACK_MS = 100;
/**
 * A viewer gives up after this long without a frame. Over UDP, nothing else tells a GStreamer client that the server
 * was replaced: it keeps waiting for packets of a session that no longer exists.
 */
const PATIENCE_S = { tcp: 30, udp: 10 };

/** A position in the frames of a viewer. */
export interface Mark {
  readonly life: number;
  readonly frames: number;
}

/** A disconnection of a viewer. */
export interface Drop {
  readonly viewer: string;
  readonly atMs: number;
  readonly why: string;
}

export class Viewer {
  readonly name: string;
  readonly #open: () => Started;
  readonly #linesBefore: number;
  readonly #stopped = new AbortController();
  readonly #drops: Drop[] = [];
  readonly #running: Promise<void>;
  #life: Started;
  #lives = 1;
  #backAtMs = 0;

  /** open: starts a program that writes linesBefore lines and then one for each frame. */
  constructor(name: string, open: () => Started, linesBefore = 0) {
    this.name = name;
    this.#open = open;
    this.#linesBefore = linesBefore;
    this.#life = open();
    this.#running = this.#keep();
  }

  /** Whether the current process has received a frame. */
  get isWatching(): boolean {
    return this.#life.lines.length > this.#linesBefore;
  }

  /** When it last received its first frame after a disconnection; 0: never. */
  get backAtMs(): number {
    return this.#backAtMs;
  }

  get drops(): readonly Drop[] {
    return this.#drops;
  }

  mark(): Mark {
    return { life: this.#lives, frames: this.#life.lines.length };
  }

  /** Whether it has received that many frames since a mark, or since it reconnected after the mark. */
  hasSeen(count: number, { life, frames }: Mark): boolean {
    return this.#life.lines.length - (life === this.#lives ? frames : this.#linesBefore) >= count;
  }

  /** The frames that the current process has decoded since a time, oldest first. For GStreamer viewers only. */
  framesSince(fromMs: number): SeenFrame[] {
    const { lines } = this.#life;
    const frames: SeenFrame[] = [];
    for (let index = lines.length - 1; index >= 0; index--) {
      // viewer.py writes one per frame.
      const frame = JSON.parse(lines[index] ?? "") as SeenFrame;
      if (frame.t < fromMs * 1e6) break;
      frames.push(frame);
    }
    return frames.reverse();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#life.stop();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      const { code, signal: killer } = await this.#life.ended;
      if (signal.aborted) return;
      // A viewer without a frame so far was never connected, so it was not disconnected.
      if (this.isWatching) {
        const why = this.#life.errorLines.at(-1) ?? `it ended with ${code ?? killer}`;
        this.#drops.push({ viewer: this.name, atMs: now(), why });
      }
      await delay(COME_BACK_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#life = this.#open();
      this.#lives++;
      await this.#watchItComeBack();
    }
  }

  /** Returns when it receives frames again, or has ended. */
  async #watchItComeBack(): Promise<void> {
    const life = this.#life;
    let hasEnded = false;
    void life.ended.then(() => {
      hasEnded = true;
    });
    while (!hasEnded && life.lines.length <= this.#linesBefore) await delay(20);
    if (!hasEnded) this.#backAtMs = now();
  }
}

/** The number of lines that FFmpeg's framecrc writes before the first frame. */
const FRAMECRC_HEAD = 6;

/** A GStreamer viewer that reads the counter in each frame. */
export function gstreamerViewer(
  scope: Scope,
  name: string,
  url: string,
  protocol: "tcp" | "udp",
): Viewer {
  const options = {
    protocol,
    // Over UDP, packets arrive out of order on a busy machine.
    latency: protocol === "udp" ? 200 : 0,
    counter: "all",
    patience: PATIENCE_S[protocol],
  } as const;
  return new Viewer(name, () => startViewer(scope, url, options));
}

/** An FFmpeg viewer. */
export function ffmpegViewer(
  scope: Scope,
  name: string,
  url: string,
  protocol: "tcp" | "udp",
): Viewer {
  const input = ["-rtsp_transport", protocol, "-timeout", `${PATIENCE_S[protocol]}000000`];
  const quick = ["-analyzeduration", "500000", "-i", url];
  const output = ["-an", "-fps_mode", "passthrough", "-f", "framecrc", "-flush_packets", "1", "-"];
  const args = ["-v", "error", "-nostdin", ...input, ...quick, ...output];
  return new Viewer(name, () => start(scope, "ffmpeg", args), FRAMECRC_HEAD);
}
