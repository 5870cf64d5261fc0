/** The format of public keys in a setting, which is one line: the base64 between BEGIN and END of a PEM file. */

import { createPublicKey, type KeyObject } from "node:crypto";
import { type Format, format, listOf, secret } from "./format.js";

/** Ed25519 public keys, separated by commas. */
export function publicKeys(): Format<readonly KeyObject[]> {
  const allowed =
    "a comma-separated list of Ed25519 public keys, each the line between BEGIN PUBLIC KEY and END PUBLIC KEY";
  // Never shown: it might be the private key by mistake.
  return listOf(secret(format(allowed, { type: "string" }, readKey)), allowed);
}

function readKey(base64: string): KeyObject | undefined {
  try {
    const der = Buffer.from(base64, "base64");
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    // OpenSSL's message does not help the author of a setting.
    return undefined;
  }
}
