/** Reads public keys out of a setting, which holds one line: what stands between BEGIN and END of a PEM file. */

import { createPublicKey, type KeyObject } from "node:crypto";
import type { Reader, Refusal } from "./readers.js";

/** Ed25519 public keys, separated by commas. */
export function publicKeys(): Reader<readonly KeyObject[]> {
  const allowed =
    "a comma-separated list of Ed25519 public keys, each the line between BEGIN PUBLIC KEY and END PUBLIC KEY";
  return {
    allowed,
    json: { type: "string" },
    read(text) {
      const keys: KeyObject[] = [];
      const refusals: Refusal[] = [];
      for (const item of text.split(",").map((part) => part.trim())) {
        if (item === "") continue;
        const key = readKey(item);
        // Not repeated: somebody may have taken the private key.
        if (key === undefined) refusals.push({ value: "***", allowed });
        else keys.push(key);
      }
      return refusals.length > 0 ? { t: "refused", refusals } : { t: "value", value: keys };
    },
  };
}

function readKey(base64: string): KeyObject | undefined {
  try {
    const der = Buffer.from(base64, "base64");
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    // OpenSSL's words say nothing to the author of a setting.
    return undefined;
  }
}
