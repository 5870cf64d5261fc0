/**
 * Brings streams of the sidecar to browsers: one call of the contract for each stream, however many browsers show it. A
 * browser that reads slowly misses frames, goes on at the next key frame, and is cut off if it reads nothing.
 */

import type { ServerResponse } from "node:http";
import type { Clock } from "../../common/time/clock.js";

export interface StreamName {
  /** video: encoded frames, as viewers get them. preview: JPEG images. */
  readonly kind: "video" | "preview";
  readonly output: string;
  /** Empty: a tiled stream. */
  readonly camera: string;
}

/** What is written for one frame. */
export interface Chunk {
  readonly bytes: Buffer;
  /** A browser can begin here. */
  readonly isKey: boolean;
}

export interface LiveStreamsOptions {
  /** Ends with an error, or when the signal is aborted. */
  readonly open: (name: StreamName, signal: AbortSignal) => AsyncIterable<Chunk>;
  readonly clock: Clock;
}

/** Streams at a time: each holds one of the twelve calls that the worker serves, and the agent needs others. */
const MOST_STREAMS = 6;
/** Browsers at a time, for all streams together. */
const MOST_VIEWERS = 24;
/** Bytes that wait for a browser, beside those in the kernel. */
const LONGEST_BACKLOG = 512 * 1024;
/** A browser that takes nothing for so long, while frames are there for it, is cut off. */
const STALLED_MS = 5_000;

interface Viewer {
  readonly response: ServerResponse;
  /** Called once, before the first frame. */
  readonly start: () => void;
  /** Called instead of start if there is no first frame. */
  readonly refuse: (error: unknown) => void;
  isStarted: boolean;
  waitsForKey: boolean;
  stalledSinceMs: number | undefined;
}

interface Stream {
  readonly viewers: Set<Viewer>;
  readonly stop: AbortController;
}

export class LiveStreams {
  readonly #options: LiveStreamsOptions;
  readonly #streams = new Map<string, Stream>();

  constructor(options: LiveStreamsOptions) {
    this.#options = options;
  }

  get viewerCount(): number {
    return [...this.#streams.values()].reduce((sum, { viewers }) => sum + viewers.size, 0);
  }

  /** Returns whether there is room for one more. */
  watch(
    name: StreamName,
    { response, start, refuse }: Pick<Viewer, "response" | "start" | "refuse">,
  ) {
    const key = JSON.stringify([name.kind, name.output, name.camera]);
    const isFull = this.#streams.size >= MOST_STREAMS && !this.#streams.has(key);
    if (isFull || this.viewerCount >= MOST_VIEWERS) return false;
    const viewer: Viewer = {
      ...{ response, start, refuse },
      ...{ isStarted: false, waitsForKey: true, stalledSinceMs: undefined },
    };
    const stream = this.#streams.get(key) ?? this.#open(key, name);
    stream.viewers.add(viewer);
    response.once("close", () => {
      stream.viewers.delete(viewer);
      if (stream.viewers.size === 0) this.#close(key, stream);
    });
    return true;
  }

  /** Ends all calls. */
  close(): void {
    for (const [key, stream] of this.#streams) this.#close(key, stream);
  }

  #open(key: string, name: StreamName): Stream {
    const stream: Stream = { viewers: new Set(), stop: new AbortController() };
    this.#streams.set(key, stream);
    void this.#send(name, stream).then((error) => {
      this.#close(key, stream);
      for (const { isStarted, response, refuse } of stream.viewers) {
        // A browser whose stream ends asks again, and learns the reason.
        if (isStarted) response.end();
        else refuse(error);
      }
    });
    return stream;
  }

  #close(key: string, stream: Stream): void {
    if (this.#streams.get(key) === stream) this.#streams.delete(key);
    stream.stop.abort();
  }

  /** Returns why the stream has ended. */
  async #send(name: StreamName, { viewers, stop }: Stream): Promise<unknown> {
    const { open, clock } = this.#options;
    try {
      for await (const chunk of open(name, stop.signal)) {
        for (const viewer of viewers) sendTo(viewer, chunk, clock.now());
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

function sendTo(viewer: Viewer, { bytes, isKey }: Chunk, nowMs: number): void {
  const { response, start } = viewer;
  if (response.writableLength > LONGEST_BACKLOG) {
    viewer.waitsForKey = true;
    viewer.stalledSinceMs ??= nowMs;
    if (nowMs - viewer.stalledSinceMs > STALLED_MS) response.destroy();
    return;
  }
  viewer.stalledSinceMs = undefined;
  if (viewer.waitsForKey && !isKey) return;
  viewer.waitsForKey = false;
  if (!viewer.isStarted) {
    viewer.isStarted = true;
    start();
  }
  response.write(bytes);
}
