/** Time as the agent's loops see it: monotonic, and given as an argument so that tests own it. */

export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls back once when the time has come, unless the function it returns is called first. */
  at(timeMs: number, callback: () => void): () => void;
}

/** The time of this process. A pending callback keeps the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  at(timeMs, callback) {
    const timer = setTimeout(callback, Math.max(0, Math.ceil(timeMs - performance.now())));
    return () => clearTimeout(timer);
  },
};
