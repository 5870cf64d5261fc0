/** The clock on the wall of a time zone, and the moment at which it shows a given time. */

export const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;

/** No zone's clock is further from UTC than this. */
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

/** The zone of this process: the variable TZ; UTC where it names none or is not set, as in a container. */
export function processTimeZone(): string {
  // Node.js gives undefined or Etc/Unknown for a TZ that it does not know, whatever the types say.
  const name: string | undefined = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name !== undefined && isTimeZone(name) ? name : "UTC";
}

/**
 * Times on the wall are counted as if they were UTC: a day is a number of days since 1970-01-01, a wall minute a number
 * of minutes since that day's midnight.
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

  /** The date on the wall at a moment. */
  dayAt(atMs: number): number {
    return Math.floor((atMs + this.#offsetMs(atMs)) / DAY_MS);
  }

  /**
   * The moment at which the wall shows this minute. One that is skipped in spring is the moment of the jump; one that
   * comes twice in autumn is the first. A later minute never gives an earlier moment.
   */
  momentOf(wallMinute: number): number {
    const wallMs = wallMinute * MINUTE_MS;
    const before = this.#offsetMs(wallMs - FURTHEST_MS);
    const after = this.#offsetMs(wallMs + FURTHEST_MS);
    if (before === after) return wallMs - before;
    const jumpMs = this.#jumpMs(wallMs - FURTHEST_MS, wallMs + FURTHEST_MS, before);
    return wallMs - before < jumpMs ? wallMs - before : Math.max(wallMs - after, jumpMs);
  }

  /** The first second at which the clock is no longer `before` ahead of UTC. */
  #jumpMs(fromMs: number, toMs: number, before: number): number {
    let [low, high] = [fromMs, toMs];
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.#offsetMs(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }

  /** How far the wall is ahead of UTC. */
  #offsetMs(atMs: number): number {
    const second = Math.floor(atMs / 1000) * 1000;
    const shown: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(second)) shown[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour, minute } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, shown.second) - second;
  }
}
