/** Ess: what the agent asks of the node's Edge Sync Service. */

import { z } from "zod";
import { instanceSchema, NO_VERSION } from "../../common/hub/instance.js";

/** A version of an object at the hub. */
export interface EssObject {
  readonly type: string;
  readonly id: string;
  /** As whoever published it says; may be empty. */
  readonly version: string;
  /** Free text; see Integrity for what may stand in it. */
  readonly description: string;
  /** The hub's time of publication: another one is another version, a later one is a newer one. See instance.ts. */
  readonly instance: string;
  /** Of the data: stays when only the metadata changes. NO_VERSION: not known. */
  readonly dataId: string;
  /** Undefined: not known. */
  readonly bytes: number | undefined;
  readonly hasData: boolean;
  readonly isDeleted: boolean;
  readonly seal: Seal | undefined;
}

/** `hzn mms object publish` signs a hash of the data with a key of its own, RSA-PSS. Both in base64, the key as SPKI. */
export interface Seal {
  readonly hashAlgorithm: "SHA1" | "SHA256";
  readonly publicKey: string;
  readonly signature: string;
}

export interface EssData {
  /** Of the first byte in the object. */
  readonly offset: number;
  /** Throws EssError when the connection breaks. */
  readonly chunks: AsyncIterable<Buffer>;
}

export type Answer = "received" | "consumed" | "deleted";

export interface Range {
  readonly first: number;
  /** Included. */
  readonly last: number;
}

/** Every call throws EssError, and what the signal was aborted with. */
export interface Ess {
  /** All that are here and not consumed, deleted ones too. */
  list(type: string, signal: AbortSignal): Promise<readonly EssObject[]>;
  /** Undefined: there is none, or it is not for this service. */
  object(type: string, id: string, signal: AbortSignal): Promise<EssObject | undefined>;
  /** The service may ignore a range and give the whole: the answer says where it begins. */
  data(type: string, id: string, range: Range | undefined, signal: AbortSignal): Promise<EssData>;
  /**
   * received: not listed any more, unless asked for. consumed: never given again, to nobody. deleted: the deletion was
   * carried out.
   */
  answer(type: string, id: string, answer: Answer, signal: AbortSignal): Promise<void>;
  /** Sends an object without data up to the hub, in the place of the one of this name. It arrives when the hub is there. */
  put(object: UpObject, signal: AbortSignal): Promise<void>;
}

/** What it says stands in its description. */
export type UpObject = Pick<EssObject, "type" | "id" | "version" | "description">;

const schema = z
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
  .transform(
    (meta): EssObject => ({
      type: meta.objectType,
      id: meta.objectID,
      version: meta.version,
      description: meta.description,
      instance: meta.instanceID,
      dataId: meta.dataID,
      bytes: meta.objectSize > 0 ? meta.objectSize : undefined,
      hasData: !meta.noData,
      isDeleted: meta.deleted,
      seal: sealOf(meta),
    }),
  );

interface SealFields {
  readonly hashAlgorithm: string;
  readonly publicKey: string;
  readonly signature: string;
}

function sealOf({ hashAlgorithm, publicKey, signature }: SealFields): Seal | undefined {
  if (publicKey === "" || signature === "") return undefined;
  if (hashAlgorithm !== "SHA1" && hashAlgorithm !== "SHA256") return undefined;
  return { hashAlgorithm, publicKey, signature };
}

/** Of what parseMetadata gives. */
export const objectSchema: z.ZodType<EssObject> = schema;
export const listSchema: z.ZodType<readonly EssObject[]> = z.array(schema);
