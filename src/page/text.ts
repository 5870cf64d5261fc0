/** Times and numbers as people read them. Pure. */

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
] as const;

/** "3 min": how long ago a time is, or how far ahead. */
export function span(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  for (const [name, size] of UNITS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${seconds} s`;
}

/** By the browser's own time zone. */
export function clockTime(time: string | number): string {
  return new Date(time).toLocaleTimeString([], { hour12: false });
}

export function number(value: number): string {
  return value.toLocaleString("en");
}
