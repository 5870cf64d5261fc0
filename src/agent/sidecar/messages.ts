/** Reads a server stream as an async generator that ends the call when it is left. */

import type { ClientReadableStream } from "@grpc/grpc-js";
import { SidecarError } from "./error.js";

/** Throws SidecarError, or the signal's reason once that is aborted. */
export async function* messages<T>(
  method: string,
  call: ClientReadableStream<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const onAbort = () => call.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  call.on("error", () => {}); // a late CANCELLED after we stopped reading must not end the process
  try {
    // grpc-js types the elements of its streams as any.
    for await (const message of call) yield message as T;
    signal.throwIfAborted();
  } catch (err) {
    signal.throwIfAborted();
    throw SidecarError.from(err, method);
  } finally {
    signal.removeEventListener("abort", onAbort);
    call.cancel(); // leaving the loop destroys the Readable but not the call
  }
}
