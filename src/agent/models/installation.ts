/** What becomes of an archive that is to be taken in. */

import { BundleError } from "../../common/bundle/bundle-error.js";

export type Installation =
  /** `bundle` is NAME@VERSION. */
  | { readonly t: "installed"; readonly bundle: string; readonly path: string }
  | { readonly t: "refused"; readonly path: string; readonly reason: string }
  /** Not now: what is held leaves too little of the configured disk. */
  | { readonly t: "no room"; readonly detail: string };

/** Bundles that are held leave too little. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";
}

/** Throws what is neither the bundle's fault nor a matter of room. */
export function asInstallation(reason: unknown): Installation {
  if (reason instanceof BundleError) {
    return { t: "refused", path: reason.path, reason: reason.reason };
  }
  if (reason instanceof NoRoom) return { t: "no room", detail: reason.message };
  throw reason;
}
