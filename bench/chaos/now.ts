// The clock of the bench: the system's monotonic clock, which cameras and viewers use too.

/** Milliseconds. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
