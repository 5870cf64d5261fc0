/** The one error that leaves this room. */

import { status } from "@grpc/grpc-js";

/** Canonical name of a gRPC status, for example UNAVAILABLE. */
export type SidecarErrorCode = keyof typeof status;

/** Thrown when a call to the sidecar fails. The message alone tells the story; `cause` keeps what was thrown. */
export class SidecarError extends Error {
  override readonly name = "SidecarError";
  readonly code: SidecarErrorCode;
  readonly method: string;
  /** What the other side or the transport said, without method and code. */
  readonly details: string;

  constructor(code: SidecarErrorCode, method: string, details: string, options?: ErrorOptions) {
    super(`${method}: ${code}: ${details}`, options);
    this.code = code;
    this.method = method;
    this.details = details;
  }

  /** Makes a SidecarError of whatever was thrown. One that is one already stays as it is. */
  static from(reason: unknown, method: string): SidecarError {
    if (reason instanceof SidecarError) return reason;
    if (reason instanceof Error) {
      const code = "code" in reason ? codeName(reason.code) : undefined;
      const details = "details" in reason ? String(reason.details) : reason.message;
      return new SidecarError(code ?? "UNKNOWN", method, brief(details), { cause: reason });
    }
    return new SidecarError("UNKNOWN", method, String(reason), { cause: reason });
  }
}

/** What grpc-js wraps around the error of a connection says nothing to an operator. */
function brief(details: string): string {
  const wrapped = /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: /s;
  return wrapped.exec(details)?.[1] ?? details;
}

function codeName(code: unknown): SidecarErrorCode | undefined {
  const name = typeof code === "number" ? status[code] : undefined;
  return name !== undefined && name in status
    ? (name as SidecarErrorCode) // just found among the names
    : undefined;
}
