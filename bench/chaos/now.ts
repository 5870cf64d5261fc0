// The clock of the bench: the system's monotonic clock, which the cameras and the viewers share.

/** Milliseconds. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
