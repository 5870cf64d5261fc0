// Turns the signals that end a program into two words: stop, and, for those who ask twice, hurry.

/** From now on the first SIGINT, SIGTERM or SIGHUP aborts stop, and each later one hurry. */
export function stopSignals(): { readonly stop: AbortSignal; readonly hurry: AbortSignal } {
  const stop = new AbortController();
  const hurry = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort());
  }
  return { stop: stop.signal, hurry: hurry.signal };
}
