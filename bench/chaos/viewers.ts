// Viewers that keep watching: one that is thrown out is counted, and comes back at once.
import { setTimeout as delay } from "node:timers/promises";
import { type Started, start } from "../../test/support/processes.js";
import type { Scope } from "../../test/support/scope.js";
import { type SeenFrame, startViewer } from "../../test/support/video.js";
import { now } from "./now.js";

const COME_BACK_MS = 100;
/**
 * A viewer that sees nothing for so long gives up. Over UDP nothing else tells a client of GStreamer that the server is
 * another one now: it waits for packets of a session that nobody knows any more.
 */
const PATIENCE_S = { tcp: 30, udp: 10 };

/** A moment in what a viewer has seen. */
export interface Mark {
  readonly life: number;
  readonly frames: number;
}

/** A viewer was thrown out. */
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

  /** open: starts a program that writes a line for each frame, after so many others. */
  constructor(name: string, open: () => Started, linesBefore = 0) {
    this.name = name;
    this.#open = open;
    this.#linesBefore = linesBefore;
    this.#life = open();
    this.#running = this.#keep();
  }

  /** Whether it has seen a frame in this life. */
  get isWatching(): boolean {
    return this.#life.lines.length > this.#linesBefore;
  }

  /** When it last had a first frame after it had been thrown out; 0: never. */
  get backAtMs(): number {
    return this.#backAtMs;
  }

  get drops(): readonly Drop[] {
    return this.#drops;
  }

  mark(): Mark {
    return { life: this.#lives, frames: this.#life.lines.length };
  }

  /** Whether it has seen so many frames since a moment, or since it came back after it. */
  hasSeen(count: number, { life, frames }: Mark): boolean {
    return this.#life.lines.length - (life === this.#lives ? frames : this.#linesBefore) >= count;
  }

  /** The frames of this life that were decoded since a time, for viewers that describe them. Oldest first. */
  framesSince(fromMs: number): SeenFrame[] {
    const { lines } = this.#life;
    const frames: SeenFrame[] = [];
    for (let index = lines.length - 1; index >= 0; index--) {
      // What viewer.py writes for each frame.
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
      // One that had not begun to watch was not thrown out: nobody let it in yet.
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

  /** Returns when it sees frames again, or has ended. */
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

/** What FFmpeg says of a stream before its first frame. */
const FRAMECRC_HEAD = 6;

/** A viewer with GStreamer that reads the counters of frames. */
export function gstreamerViewer(
  scope: Scope,
  name: string,
  url: string,
  protocol: "tcp" | "udp",
): Viewer {
  const options = {
    protocol,
    // Over UDP packets overtake one another on a busy machine.
    latency: protocol === "udp" ? 200 : 0,
    counter: "all",
    patience: PATIENCE_S[protocol],
  } as const;
  return new Viewer(name, () => startViewer(scope, url, options));
}

/** A viewer with FFmpeg. */
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
