/** EssError: a call to the Edge Sync Service that came to nothing. Holds no secret. */

import { errorCode } from "../../common/files/error-code.js";

export type EssErrorCode =
  /** Nobody answers, or the connection broke. */
  | "unreachable"
  | "timeout"
  /** 401 or 403: wrong credentials, or an object that is not for this service or not here yet. */
  | "denied"
  /** 404. */
  | "absent"
  /** 429 or 503: later. */
  | "busy"
  /** Any other answer that is no success. */
  | "failed"
  /** An answer that is not of the form that it must have. */
  | "malformed"
  /** What this side needs for the call, credentials or certificate, cannot be read. */
  | "unready";

export class EssError extends Error {
  override readonly name = "EssError";
  readonly code: EssErrorCode;
  readonly call: string;
  readonly detail: string;

  /** call: method and path. */
  constructor(code: EssErrorCode, call: string, detail: string, options?: ErrorOptions) {
    super(`${call}: ${code}: ${detail}`, options);
    this.code = code;
    this.call = call;
    this.detail = detail;
  }
}

/** Node's codes of errors of the network and of TLS, as far as there is more to say than the code. */
const DETAILS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nobody listens on the socket",
  EACCES: "this user may not open the socket",
  ECONNRESET: "the connection broke",
  EPIPE: "the connection broke",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the service has another certificate than HZN_ESS_CERT",
  SELF_SIGNED_CERT_IN_CHAIN: "the service has another certificate than HZN_ESS_CERT",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the service has another certificate than HZN_ESS_CERT",
  CERT_SIGNATURE_FAILURE: "the service has another certificate than HZN_ESS_CERT",
  CERT_HAS_EXPIRED: "the service's certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the service's certificate is not for localhost",
};

/** An error of node's network, as one of ours. Others are thrown as they are. */
export function asEssError(reason: unknown, call: string): EssError {
  if (reason instanceof EssError) return reason;
  const code = errorCode(reason);
  if (!(reason instanceof Error) || code === undefined) throw reason;
  const detail = DETAILS[code] ?? reason.message;
  return new EssError("unreachable", call, `${detail} (${code})`, { cause: reason });
}
