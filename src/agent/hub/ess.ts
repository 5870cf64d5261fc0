/** The node's Edge Sync Service (ESS), which Horizon's agent runs: its address, its calls, and their errors. */

import { z } from "zod";
import { errorCode } from "../../common/files/read.js";
import { instanceSchema, NO_VERSION } from "../../common/hub/object.js";

/** RSA-PSS over a hash of the data, as `hzn mms object publish` makes it. Both in base64, the key as SPKI. */
export interface ObjectSignature {
  readonly hashAlgorithm: "SHA1" | "SHA256";
  readonly publicKey: string;
  readonly signature: string;
}

export interface EssData {
  /** Position of the first byte within the object. */
  readonly offset: number;
  /** Throws EssError when the connection breaks. */
  readonly chunks: AsyncIterable<Buffer>;
}

export type Acknowledgement = "received" | "consumed" | "deleted";

export interface ByteRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/** An object that the node sends up to the hub. Its content is the description. */
export type StatusObject = Pick<EssObject, "type" | "id" | "version" | "description">;

/** Every call throws EssError, or the reason with which the signal was aborted. */
export interface Ess {
  /** All objects that are here and not consumed, including deleted ones. */
  list(type: string, signal: AbortSignal): Promise<readonly EssObject[]>;
  /** Undefined: there is none, or it is not for this service. */
  object(type: string, id: string, signal: AbortSignal): Promise<EssObject | undefined>;
  /** The service may ignore the range and send everything: `offset` says where the data begin. */
  data(
    type: string,
    id: string,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<EssData>;
  /**
   * received: no longer listed, unless asked for. consumed: never delivered to this node again. deleted: the deletion was
   * carried out.
   */
  acknowledge(type: string, id: string, ack: Acknowledgement, signal: AbortSignal): Promise<void>;
  /** Sends an object without data up to the hub, replacing the one of this name. It arrives when the hub can be reached. */
  put(object: StatusObject, signal: AbortSignal): Promise<void>;
}

/** For what parseMetadata returns. */
export const objectSchema = z
  .object({
    objectID: z.string().min(1),
    objectType: z.string(),
    version: z.string().default(""),
    description: z.string().default(""),
    instanceID: instanceSchema,
    dataID: instanceSchema.default(NO_VERSION),
    objectSize: z.int().default(0),
    noData: z.boolean().default(false),
    deleted: z.boolean().default(false),
    hashAlgorithm: z.string().default(""),
    publicKey: z.string().default(""),
    signature: z.string().default(""),
  })
  .transform((meta) => ({
    type: meta.objectType,
    id: meta.objectID,
    /** As the publisher wrote it; may be empty. */
    version: meta.version,
    /** Free text, which may contain the SHA-256 of the data: see Verification in download.ts. */
    description: meta.description,
    /** The hub's time of publication: differs between versions, and is later for newer ones. */
    instance: meta.instanceID,
    /** Version of the data, which stays when only the metadata changes. NO_VERSION: not known. */
    dataId: meta.dataID,
    /** Undefined: not known. */
    bytes: meta.objectSize > 0 ? meta.objectSize : undefined,
    hasData: !meta.noData,
    isDeleted: meta.deleted,
    signature: signatureOf(meta),
  }));
export const listSchema = z.array(objectSchema);

/** One version of an object. */
export type EssObject = Readonly<z.output<typeof objectSchema>>;

function signatureOf(meta: {
  readonly hashAlgorithm: string;
  readonly publicKey: string;
  readonly signature: string;
}): ObjectSignature | undefined {
  const { hashAlgorithm, publicKey, signature } = meta;
  if (publicKey === "" || signature === "") return undefined;
  if (hashAlgorithm !== "SHA1" && hashAlgorithm !== "SHA256") return undefined;
  return { hashAlgorithm, publicKey, signature };
}

export type EssErrorCode =
  /** Nobody answers, or the connection broke. */
  | "unreachable"
  | "timeout"
  /** 401 or 403: wrong credentials, or an object that is not for this service or not here yet. */
  | "denied"
  /** 404. */
  | "absent"
  /** 429 or 503. */
  | "busy"
  /** Any other status that is not a success. */
  | "failed"
  /** An answer that does not have the expected form. */
  | "malformed"
  /** Credentials or certificate cannot be read on this side. */
  | "unready";

/** A call to the Edge Sync Service failed. Holds no secret. */
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

const OTHER_CERTIFICATE = "the service's certificate is not the one in HZN_ESS_CERT";

/** Details for Node's network and TLS error codes, where there is more to say than the code. */
const DETAILS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nobody listens on the socket",
  EACCES: "this user may not open the socket",
  ECONNRESET: "the connection broke",
  EPIPE: "the connection broke",
  DEPTH_ZERO_SELF_SIGNED_CERT: OTHER_CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: OTHER_CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OTHER_CERTIFICATE,
  CERT_SIGNATURE_FAILURE: OTHER_CERTIFICATE,
  CERT_HAS_EXPIRED: "the service's certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the service's certificate is not for localhost",
};

/** Turns Node's network errors into EssErrors, and returns all others as they are. */
export function asEssError(reason: unknown, call: string): unknown {
  if (reason instanceof EssError) return reason;
  const code = errorCode(reason);
  if (!(reason instanceof Error) || code === undefined) return reason;
  const detail = DETAILS[code] ?? reason.message;
  return new EssError("unreachable", call, `${detail} (${code})`, { cause: reason });
}

export interface EssAddress {
  readonly socketPath: string;
  /** Files that Horizon's agent writes, and may rewrite. */
  readonly certificate: string;
  readonly credentials: string;
}

export type EssLocation =
  | { readonly t: "ess"; readonly address: EssAddress }
  /** Not started by Horizon. */
  | { readonly t: "none" }
  /** Started by Horizon in a way that is not supported. */
  | { readonly t: "unusable"; readonly detail: string };

/** Horizon's agent listens on a Unix socket, with TLS: `secure-unix`. */
const PROTOCOL = "secure-unix";

/** Finds the service by the variables that Horizon's agent sets in every container. */
export function locateEss(env: Readonly<Record<string, string | undefined>>): EssLocation {
  const names = ["HZN_ESS_API_ADDRESS", "HZN_ESS_CERT", "HZN_ESS_AUTH"] as const;
  const [socketPath = "", certificate = "", credentials = ""] = names.map((name) => env[name]);
  const unset = names.filter((name) => (env[name] ?? "") === "");
  if (unset.length === names.length) return { t: "none" };
  if (unset.length > 0) return { t: "unusable", detail: `${unset.join(", ")} is not set` };
  const protocol = env["HZN_ESS_API_PROTOCOL"] ?? PROTOCOL;
  if (protocol !== PROTOCOL) {
    const detail = `HZN_ESS_API_PROTOCOL is "${protocol}"; supported: ${PROTOCOL}`;
    return { t: "unusable", detail };
  }
  return { t: "ess", address: { socketPath, certificate, credentials } };
}
