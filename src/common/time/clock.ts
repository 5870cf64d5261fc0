/** Time as the agent's loops see it: monotonic, and passed as an argument so that tests control it. */

export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls back once at the given time (Infinity: never), unless the returned function is called first. */
  at(timeMs: number, callback: () => void): () => void;
}

/** Longest delay of setTimeout; it treats longer ones as no delay. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The time of this process; setting the system's clock does not affect it. A pending callback keeps the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  at(timeMs, callback) {
    let timer: NodeJS.Timeout;
    const wait = () => {
      const leftMs = Math.max(0, Math.ceil(timeMs - performance.now()));
      timer = setTimeout(wake, Math.min(leftMs, MAX_DELAY_MS));
    };
    // Node's timers may fire a fraction of a millisecond early.
    const wake = () => (performance.now() < timeMs ? wait() : callback());
    wait();
    return () => clearTimeout(timer);
  },
};
