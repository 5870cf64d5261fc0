/** The forms in which a secret may be written: as it is, percent-encoded, and quoted in JSON or in another language. */

/** A backslash is doubled each time that a text is quoted: twice for JSON in JSON. */
const QUOTED_TWICE = 4;

const JSON_LETTERS: Readonly<Record<string, string>> = {
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\b": "b",
  "\f": "f",
};

/** The source of a regular expression that matches every form of a secret. It takes no longer than linear time. */
export function everyForm(secret: string): string {
  return [...secret.matchAll(/\\+|[^\\]/gsu)].map(([part]) => formsOf(part)).join("");
}

/** One character, or a row of backslashes. */
function formsOf(part: string): string {
  if (/^[A-Za-z0-9]$/.test(part)) return part;
  if (part.startsWith("\\")) {
    return `(?:\\\\|%5[Cc]){${part.length},${part.length * QUOTED_TWICE}}`;
  }
  const forms = [literal(part), percent(part), `\\\\{1,3}(?:${unicode(part)})`];
  const letter = JSON_LETTERS[part];
  if (letter !== undefined) forms.push(`\\\\{1,3}${letter}`);
  if (/["'/]/.test(part)) forms.push(`\\\\{1,3}${literal(part)}`);
  if (part === " ") forms.push("\\+");
  return `(?:${forms.join("|")})`;
}

function literal(part: string): string {
  return part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function percent(part: string): string {
  return [...Buffer.from(part)].map((byte) => `%${hex(byte, 2)}`).join("");
}

/** \u20ac, in Python \xe9 for short. */
function unicode(part: string): string {
  const units = Array.from({ length: part.length }, (_, i) => hex(part.charCodeAt(i), 4));
  const long = units.join("\\\\{1,3}u");
  const [code = 0] = [part.codePointAt(0)];
  return code < 0x100 ? `u${long}|x${hex(code, 2)}` : `u${long}`;
}

/** In either case. */
function hex(value: number, digits: number): string {
  const text = value.toString(16).padStart(digits, "0");
  return text.replace(/[a-f]/g, (digit) => `[${digit.toUpperCase()}${digit}]`);
}
