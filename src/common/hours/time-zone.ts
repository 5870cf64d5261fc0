/** Local time in a time zone, and the moment of a given local time. */

export const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;

/** No zone is further from UTC. */
const FURTHEST_MS = 16 * 60 * MINUTE_MS;

/** An IANA name such as Europe/Berlin. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch (err) {
    if (err instanceof RangeError) return false;
    throw err;
  }
}

/** The zone of this process, from the variable TZ. UTC if that is not set, as in a container, or names no zone. */
export function processTimeZone(): string {
  // Against its type, Node.js returns undefined or Etc/Unknown for a TZ that it does not know.
  const name: string | undefined = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name !== undefined && isTimeZone(name) ? name : "UTC";
}

/**
 * Local times are counted as if they were UTC: a day is a number of days since 1970-01-01, a wall minute a number of minutes
 * since the midnight of that day.
 */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat;

  /** Throws a RangeError for a name that isTimeZone refuses. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** The local date at a moment. */
  dayAt(atMs: number): number {
    return Math.floor((atMs + this.#offsetMs(atMs)) / DAY_MS);
  }

  /**
   * The moment of a local minute. One that is skipped in spring is the moment of the jump; of one that comes twice in autumn
   * it is the first. A later minute is never an earlier moment.
   */
  momentOf(wallMinute: number): number {
    const wallMs = wallMinute * MINUTE_MS;
    const before = this.#offsetMs(wallMs - FURTHEST_MS);
    const after = this.#offsetMs(wallMs + FURTHEST_MS);
    if (before === after) return wallMs - before;
    const jumpMs = this.#jumpMs(wallMs - FURTHEST_MS, wallMs + FURTHEST_MS, before);
    return wallMs - before < jumpMs ? wallMs - before : Math.max(wallMs - after, jumpMs);
  }

  /** The first second at which local time is no longer `before` ahead of UTC. */
  #jumpMs(fromMs: number, toMs: number, before: number): number {
    let [low, high] = [fromMs, toMs];
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.#offsetMs(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }

  /** How far local time is ahead of UTC. */
  #offsetMs(atMs: number): number {
    const second = Math.floor(atMs / 1000) * 1000;
    const shown: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(second)) shown[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour, minute } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, shown.second) - second;
  }
}
