/**
 * Seals what the trial record keeps of settings documents, which may hold passwords. The key lies beside the record:
 * whoever copies or shows the record alone learns nothing, whoever reads the whole volume everything.
 */

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { z } from "zod";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function newKey(): string {
  return randomBytes(KEY_BYTES).toString("hex");
}

/** Undefined: the text is no key. */
export function readKey(text: string): Buffer | undefined {
  return /^[0-9a-f]{64}\s*$/.test(text) ? Buffer.from(text.trim(), "hex") : undefined;
}

export function seal(content: z.JSONType, key: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** Undefined: it was not sealed with this key. */
export function unseal(sealed: z.JSONType, key: Buffer): z.JSONType | undefined {
  if (typeof sealed !== "string") return undefined;
  try {
    const bytes = Buffer.from(sealed, "base64");
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const text = Buffer.concat([
      decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
      decipher.final(),
    ]);
    return z.json().parse(JSON.parse(text.toString()));
  } catch {
    return undefined;
  }
}
