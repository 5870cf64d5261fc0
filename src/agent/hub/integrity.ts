/**
 * Whether the data of an object are those that were published, by all that its metadata say: the size, `sha256:` and 64
 * hexadecimal digits in the description, and the seal that `hzn mms object publish` makes.
 */

import { constants, createHash, createPublicKey, createVerify } from "node:crypto";
import type { EssObject, Seal } from "./ess.js";

type Facts = Pick<EssObject, "bytes" | "description" | "seal">;

export class Integrity {
  readonly #facts: Facts;
  readonly #hash = createHash("sha256");
  readonly #verify: ReturnType<typeof createVerify> | undefined;
  #bytes = 0;

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#verify = facts.seal === undefined ? undefined : createVerify(facts.seal.hashAlgorithm);
  }

  /** That were seen. */
  get bytes(): number {
    return this.#bytes;
  }

  update(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    this.#verify?.update(chunk);
  }

  /** What is wrong; undefined: nothing. Called once, at the end. */
  fault(): string | undefined {
    const { bytes, description, seal } = this.#facts;
    if (bytes !== undefined && this.#bytes !== bytes) {
      return `${this.#bytes} bytes came, the hub says ${bytes}`;
    }
    const said = /\bsha256:([0-9a-f]{64})\b/i.exec(description)?.[1]?.toLowerCase();
    const found = this.#hash.digest("hex");
    if (said !== undefined && said !== found) {
      return `the SHA-256 is ${found}, the hub says ${said}`;
    }
    return seal === undefined ? undefined : this.#sealFault(seal);
  }

  #sealFault({ publicKey, signature, hashAlgorithm }: Seal): string | undefined {
    try {
      const der = Buffer.from(publicKey, "base64");
      const key = createPublicKey({ key: der, format: "der", type: "spki" });
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const saltLength = constants.RSA_PSS_SALTLEN_AUTO;
      const fits = this.#verify?.verify({ key, padding, saltLength }, signature, "base64");
      return fits ? undefined : `the hub's signature does not fit (${hashAlgorithm})`;
    } catch {
      // Node says in words of OpenSSL that it is no key.
      return "the hub's signature cannot be checked: its key is no RSA key";
    }
  }
}
