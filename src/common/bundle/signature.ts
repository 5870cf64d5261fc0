/** Ed25519 signatures of manifests: generating keys, signing, and checking whether a signature is trusted. */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { readFile } from "node:fs/promises";
import { BundleError, MANIFEST, SIGNATURE } from "./manifest.js";

/** Whose bundles are accepted. */
export interface Trust {
  /** Ed25519 public keys. */
  readonly keys: readonly KeyObject[];
  /** Refuses bundles that are not signed by one of the keys. */
  readonly requireSigned: boolean;
  /** signed: only from one of the keys, whatever else is accepted unsigned. */
  readonly nativeCode: "refused" | "signed" | "any";
}

/** For work on bundles that does not load them. */
export const TRUST_ALL: Trust = { keys: [], requireSigned: false, nativeCode: "any" };

export type Signed =
  | { readonly t: "unsigned" }
  /** Signed, and no trusted keys are configured. */
  | { readonly t: "unknown"; readonly keyId: string }
  | { readonly t: "trusted"; readonly keyId: string };

/** A new key pair in PEM form. */
export function generateKeys(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}

/** name: of the file, for messages. Throws BundleError. */
export function readPrivateKey(pem: string, name: string): KeyObject {
  return ed25519(() => createPrivateKey(pem), name, "private");
}

/** Reads a file with one or several public keys. Throws BundleError. */
export function readPublicKeys(pem: string, name: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  if (blocks.length === 0) throw new BundleError(name, "holds no public key in PEM form");
  return blocks.map((block) => {
    // createPublicKey would derive a public one, but a private key has no business on a node.
    if (block.includes("PRIVATE")) throw new BundleError(name, "holds a private key");
    return ed25519(() => createPublicKey(block), name, "public");
  });
}

function ed25519(read: () => KeyObject, name: string, kind: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // The error may quote the key.
    throw new BundleError(name, `holds no ${kind} key in PEM form`);
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new BundleError(name, `is a key of type ${key.asymmetricKeyType}: it must be ed25519`);
}

/** Reads files with the public keys of trusted signers. Throws BundleError, or file system errors. */
export async function readTrust(
  files: readonly string[],
  requireSigned: boolean,
  nativeCode: Trust["nativeCode"],
): Promise<Trust> {
  const read = await Promise.all(
    files.map(async (file) => readPublicKeys(await readFile(file, "utf8"), file)),
  );
  return { keys: read.flat(), requireSigned, nativeCode };
}

/** Short name of a key, the same for the private and the public key of a pair. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}

/** The text of manifest.sig: algorithm, key, signature. */
export function signManifest(manifest: Uint8Array, key: KeyObject): string {
  return `ed25519 ${keyIdOf(key)} ${sign(null, manifest, key).toString("base64")}\n`;
}

/** Returns who signed. Throws BundleError if that is not trusted. */
export function checkSignature(
  manifest: Uint8Array,
  signature: string | undefined,
  { keys, requireSigned }: Trust,
): Signed {
  if (signature === undefined) {
    if (!requireSigned) return { t: "unsigned" };
    throw new BundleError(
      SIGNATURE,
      "is missing, and this node accepts only signed bundles: slipstream model sign",
    );
  }
  const [, keyId, base64] =
    /^ed25519 ([0-9a-f]{16}) ([A-Za-z0-9+/]{86}==)\n?$/.exec(signature) ?? [];
  if (keyId === undefined || base64 === undefined) {
    throw new BundleError(SIGNATURE, "does not have the form: ed25519 KEY SIGNATURE");
  }
  if (keys.length === 0 && !requireSigned) return { t: "unknown", keyId };
  const key = keys.find((candidate) => keyIdOf(candidate) === keyId);
  if (key === undefined) {
    const known = keys.length === 0 ? "none" : keys.map(keyIdOf).join(", ");
    throw new BundleError(SIGNATURE, `is by the key ${keyId}; trusted here: ${known}`);
  }
  if (verify(null, manifest, key, Buffer.from(base64, "base64"))) return { t: "trusted", keyId };
  throw new BundleError(
    SIGNATURE,
    `does not match ${MANIFEST}: it was changed after ${keyId} signed it`,
  );
}
