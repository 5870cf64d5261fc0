/** Log lines for a person at a terminal: 12:00:07  warn  camera lost  front  timeout: no frame for 5 s */

import type { Line } from "./line.js";

/** Fields that speak for themselves, in the order in which they are read. */
const BARE = ["camera", "url", "encoding", "size", "counts", "trouble"] as const;

export function textLine({ timestamp, level, message, fields }: Line): string {
  const { err, reason, detail, ...rest } = fields;
  const trouble = [reason, detail].filter((part) => part !== undefined && part !== "").join(": ");
  const facts: Record<string, unknown> = { ...rest, trouble: trouble === "" ? undefined : trouble };
  const named = Object.entries(facts).filter(([key]) => !BARE.some((bare) => bare === key));
  const parts = [
    clockTime(timestamp),
    ...(level === "info" ? [] : [level]),
    message,
    ...BARE.map((key) => textOf(facts[key])),
    ...named.map(([key, value]) => namedText(key, value)),
    errorText(err),
  ];
  const line = parts.filter((part) => part !== "").join("  ");
  return line.replace(/\p{Cc}+/gu, " ") + stackText(level, err);
}

function namedText(key: string, value: unknown): string {
  const text = textOf(value);
  if (text === "") return "";
  if (key === "nextAttempt") return text === "none" ? "not tried again" : `next attempt ${text}`;
  return `${key}=${/\s/.test(text) ? JSON.stringify(text) : text}`;
}

/** Empty for what there is nothing to say about. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (value instanceof Date) return clockTime(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  return Object.entries(value)
    .map(([key, item]) => `${key} ${textOf(item)}`)
    .join(", ");
}

function errorText(err: unknown): string {
  return typeof err === "object" && err !== null && "message" in err ? String(err.message) : "";
}

/** Where an unexpected error came from; an expected one is told by its message. */
function stackText(level: string, err: unknown): string {
  if (level !== "error" || typeof err !== "object" || err === null || !("stack" in err)) return "";
  const frames = String(err.stack).split("\n").slice(1);
  return frames.map((frame) => `\n${frame}`).join("");
}

function clockTime(time: Date): string {
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
