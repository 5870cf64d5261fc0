/** Counts what happened in the last minute, hour and day, by class. Pure; times are milliseconds since 1970. */

/** By class. */
export type Counter = ReadonlyMap<string, Windows>;

type Windows = Readonly<Record<WindowName, Buckets>>;
/** Numbers by the index of the bucket of time that they fall into. */
type Buckets = ReadonlyMap<number, number>;
type WindowName = keyof typeof WINDOWS;

/** Length of a window, and of the steps in which it moves. */
const WINDOWS = {
  minute: { ms: 60_000, stepMs: 1000 },
  hour: { ms: 3_600_000, stepMs: 60_000 },
  day: { ms: 86_400_000, stepMs: 900_000 },
} as const;

export type Numbers = Readonly<Record<WindowName, number>>;

export interface Totals extends Numbers {
  readonly byClass: Readonly<Record<string, Numbers>>;
}

export const NEW_COUNTER: Counter = new Map();

const NO_BUCKETS: Windows = { minute: new Map(), hour: new Map(), day: new Map() };

/** One more of a class. Forgets what has left the windows. */
export function count(counter: Counter, name: string, timeMs: number): Counter {
  const windows = counter.get(name) ?? NO_BUCKETS;
  const add = (window: WindowName): Buckets => {
    const buckets = new Map(recent(windows[window], window, timeMs));
    const index = Math.floor(timeMs / WINDOWS[window].stepMs);
    return buckets.set(index, (buckets.get(index) ?? 0) + 1);
  };
  const counted = { minute: add("minute"), hour: add("hour"), day: add("day") };
  return new Map(counter).set(name, counted);
}

export function totalsOf(counter: Counter, timeMs: number): Totals {
  const entries = [...counter].map(([name, windows]): [string, Numbers] => {
    const sum = (window: WindowName) =>
      recent(windows[window], window, timeMs).reduce((total, [, number]) => total + number, 0);
    return [name, { minute: sum("minute"), hour: sum("hour"), day: sum("day") }];
  });
  const all = (window: WindowName) =>
    entries.reduce((total, [, numbers]) => total + numbers[window], 0);
  const byClass = Object.fromEntries(entries.filter(([, { day }]) => day > 0));
  return { minute: all("minute"), hour: all("hour"), day: all("day"), byClass };
}

/** Buckets in the future are those of a clock that has been set back since. */
function recent(buckets: Buckets, window: WindowName, timeMs: number): [number, number][] {
  const { ms, stepMs } = WINDOWS[window];
  const last = Math.floor(timeMs / stepMs);
  const first = last - ms / stepMs;
  return [...buckets].filter(([index]) => index > first && index <= last);
}
