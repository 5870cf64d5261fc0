/** BundleError: a bundle or its archive is not as it must be. Trouble with this machine's disk is another error. */

export class BundleError extends Error {
  override readonly name = "BundleError";
  /** What is wrong: the path of a file in the bundle, a field of the manifest, or `archive`. */
  readonly path: string;
  readonly reason: string;

  /** reason: one phrase that says what is wrong and, where there is something to do, what. */
  constructor(path: string, reason: string, options?: ErrorOptions) {
    const shown = printable(path);
    super(`${shown}: ${printable(reason)}`, options);
    this.path = shown;
    this.reason = printable(reason);
  }
}

/** Names come out of archives: whatever they hold, a message is one line of sensible length. */
function printable(text: string): string {
  const plain = text.replace(/\p{Cc}/gu, "?");
  return plain.length > 300 ? `${plain.slice(0, 300)}...` : plain;
}
