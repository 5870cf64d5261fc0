/**
 * Plays one live stream: decodes the frames as they are with WebCodecs and hands them over at once, without a buffer. Where
 * the browser cannot (no secure context, no such codec), it asks for JPEG images.
 */

import { codecOf, type Frame, Messages } from "./messages.js";

export interface PlayerOptions {
  readonly output: string;
  /** Undefined: a tiled stream. */
  readonly camera: string | undefined;
  /** The image is valid during the call. */
  readonly onImage: (image: CanvasImageSource, width: number, height: number) => void;
  /** Undefined: it plays. */
  readonly onTrouble: (why: string | undefined) => void;
}

const RETRY_MS = 1_000;
/** Frames that wait for the decoder; then it goes on at a key frame. */
const LONGEST_QUEUE = 10;

/** A stream that this browser cannot decode. */
class UnsupportedError extends Error {}

/** Plays until the signal is aborted. Never throws. */
export async function play(options: PlayerOptions, signal: AbortSignal): Promise<void> {
  let kind = "VideoDecoder" in globalThis ? "video" : "preview";
  while (!signal.aborted) {
    try {
      await playOnce(kind, options, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof UnsupportedError) {
        kind = "preview";
        continue;
      }
      options.onTrouble(error instanceof Error ? error.message : String(error));
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function playOnce(kind: string, options: PlayerOptions, signal: AbortSignal): Promise<void> {
  const { output, camera, onImage, onTrouble } = options;
  const query = new URLSearchParams({ output, ...(camera === undefined ? {} : { camera }) });
  const ended = new AbortController();
  const { body, ok, status, statusText } = await fetch(`/api/v1/${kind}?${query}`, {
    signal: AbortSignal.any([signal, ended.signal]),
  });
  if (!ok || body === null) {
    const { error = `${status} ${statusText}` } = await reasonIn(body);
    throw new Error(error);
  }
  const decoder = kind === "video" ? new Decoder(onImage) : undefined;
  const messages = new Messages();
  const reader = body.getReader();
  try {
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) throw new Error("the stream has ended");
      const frames = messages.push(value);
      if (frames.length > 0) onTrouble(undefined);
      if (decoder !== undefined) for (const frame of frames) await decoder.decode(frame);
      // An older image would only be seen for a moment.
      else await showImage(frames.at(-1), onImage);
    }
  } finally {
    decoder?.close();
    ended.abort();
  }
}

async function reasonIn(body: ReadableStream | null): Promise<{ error?: string }> {
  const text = await new Response(body).text();
  try {
    return JSON.parse(text) as { error?: string };
  } catch {
    return {};
  }
}

async function showImage(frame: Frame | undefined, onImage: PlayerOptions["onImage"]) {
  if (frame === undefined) return;
  const image = await createImageBitmap(new Blob([frame.data], { type: "image/jpeg" }));
  onImage(image, image.width, image.height);
  image.close();
}

class Decoder {
  readonly #decoder: VideoDecoder;
  #error: Error | undefined;
  #configured = "";
  #frames = 0;
  #waitsForKey = true;

  constructor(onImage: PlayerOptions["onImage"]) {
    this.#decoder = new VideoDecoder({
      output: (frame) => {
        onImage(frame, frame.displayWidth, frame.displayHeight);
        frame.close();
      },
      error: (error) => {
        this.#error = error;
      },
    });
  }

  /** Throws what decoding an earlier frame has thrown, and UnsupportedError. */
  async decode(frame: Frame): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#decoder.decodeQueueSize > LONGEST_QUEUE) this.#waitsForKey = true;
    if (this.#waitsForKey && !frame.isKey) return;
    if (frame.isKey) await this.#configure(frame);
    this.#waitsForKey = false;
    const type = frame.isKey ? "key" : "delta";
    // Frames are shown as they come: their times only need an order.
    const timestamp = this.#frames++;
    this.#decoder.decode(new EncodedVideoChunk({ type, timestamp, data: frame.data }));
  }

  close(): void {
    if (this.#decoder.state !== "closed") this.#decoder.close();
  }

  /** Again when a pipeline has taken another's place with another size or codec. */
  async #configure(frame: Frame): Promise<void> {
    const { description } = frame;
    const codec = codecOf(frame);
    const wanted = `${codec} ${description.join()}`;
    if (wanted === this.#configured) return;
    const config: VideoDecoderConfig = {
      codec,
      optimizeForLatency: true,
      ...(description.length > 0 ? { description } : {}),
    };
    const { supported } = await VideoDecoder.isConfigSupported(config);
    if (supported !== true) throw new UnsupportedError(`this browser cannot decode ${codec}`);
    this.#decoder.configure(config);
    this.#configured = wanted;
  }
}
