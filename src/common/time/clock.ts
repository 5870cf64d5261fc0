/** Time as the agent's loops see it: monotonic, and given as an argument so that tests own it. */

export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls back once when the time has come (Infinity: never), unless the function it returns is called first. */
  at(timeMs: number, callback: () => void): () => void;
}

/** Longest delay of setTimeout; a longer one would be taken for none. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The time of this process, whatever is done to the system's clock. A pending callback keeps the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  at(timeMs, callback) {
    let timer: NodeJS.Timeout;
    const wait = () => {
      const leftMs = Math.max(0, Math.ceil(timeMs - performance.now()));
      timer = setTimeout(wake, Math.min(leftMs, LONGEST_DELAY_MS));
    };
    // A timer of Node may come a part of a millisecond early.
    const wake = () => (performance.now() < timeMs ? wait() : callback());
    wait();
    return () => clearTimeout(timer);
  },
};
