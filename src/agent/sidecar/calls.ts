/** gRPC calls as promises and generators that end with a signal, and the only error that leaves this folder. */

import {
  type ClientReadableStream,
  type ClientUnaryCall,
  type ServiceError,
  status,
  type CallOptions as UnaryOptions,
} from "@grpc/grpc-js";
import type { CallOptions } from "./sidecar.js";

/** Canonical name of a gRPC status, for example UNAVAILABLE. */
export type SidecarErrorCode = keyof typeof status;

/** A call to the sidecar failed. The message contains everything; `cause` is what was thrown. */
export class SidecarError extends Error {
  override readonly name = "SidecarError";
  readonly code: SidecarErrorCode;
  readonly method: string;
  /** The message of the sidecar or the transport, without method and code. */
  readonly details: string;

  constructor(code: SidecarErrorCode, method: string, details: string, options?: ErrorOptions) {
    super(`${method}: ${code}: ${details}`, options);
    this.code = code;
    this.method = method;
    this.details = details;
  }

  /** Turns whatever was thrown into a SidecarError. */
  static from(reason: unknown, method: string): SidecarError {
    if (reason instanceof SidecarError) return reason;
    if (reason instanceof Error) {
      const code = "code" in reason ? codeName(reason.code) : undefined;
      const details = "details" in reason ? String(reason.details) : reason.message;
      return new SidecarError(code ?? "UNKNOWN", method, unwrapped(details), { cause: reason });
    }
    return new SidecarError("UNKNOWN", method, String(reason), { cause: reason });
  }
}

/** Removes what grpc-js adds to connection errors. */
function unwrapped(details: string): string {
  const wrapped = /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: /s;
  return wrapped.exec(details)?.[1] ?? details;
}

function codeName(code: unknown): SidecarErrorCode | undefined {
  const name = typeof code === "number" ? status[code] : undefined;
  return name !== undefined && name in status
    ? (name as SidecarErrorCode) // just found among the names
    : undefined;
}

/** Turns a unary call into a promise. grpc-js has no default deadline; here every call has one. */
export function unary<Response>(
  method: string,
  { timeoutMs, signal }: CallOptions,
  start: (
    options: UnaryOptions,
    done: (error: ServiceError | null, response: Response) => void,
  ) => ClientUnaryCall,
): Promise<Response> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const call = start({ deadline: Date.now() + timeoutMs }, (error, response) => {
      signal.removeEventListener("abort", onAbort);
      if (error === null) resolve(response);
      else reject(signal.aborted ? signal.reason : SidecarError.from(error, method));
    });
    const onAbort = () => call.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Reads a server stream. Leaving the loop ends the call. Throws SidecarError, or the signal's reason once that is
 * aborted.
 */
export async function* messages<T>(
  method: string,
  call: ClientReadableStream<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const onAbort = () => call.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  call.on("error", () => {}); // a late CANCELLED after the last read must not end the process
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
