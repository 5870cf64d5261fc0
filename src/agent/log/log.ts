/** The agent's log: one line per event on standard output, as JSON or text, with all secrets redacted. */

import type { Writable } from "node:stream";
import winston from "winston";
import { type Redact, redactDeep } from "../../common/secrets/redact.js";

/** `err` is for errors; message, level, component and timestamp are reserved. */
export type Fields = Readonly<Record<string, unknown>>;

/** The message is constant, and the facts are fields: log.warn("camera lost", { camera: "front" }). */
export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}

/** A line that a report asks for: level, message, fields. */
export type LogLine = readonly [level: keyof Log, message: string, fields?: Fields];

export function write(log: Log, [level, message, fields]: LogLine): void {
  if (fields === undefined) log[level](message);
  else log[level](message, fields);
}

/** One line, redacted. */
interface Line {
  readonly timestamp: Date;
  readonly level: string;
  readonly component: string;
  readonly message: string;
  readonly fields: Fields;
}

export interface LogOptions {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly format: "json" | "text";
  readonly redact: Redact;
  /** Default: standard output. Linux writes to a pipe or a file synchronously, so that no line is lost at exit. */
  readonly stream?: Writable;
}

/** Returns a function that creates the logger of a component. */
export function createLogs(options: LogOptions): (component: string) => Log {
  const { level, format, redact, stream } = options;
  const formatLine = format === "json" ? jsonLine : textLine;
  const formatter = winston.format.printf(({ level, message, component, err, ...fields }) => {
    const plain =
      err === undefined ? fields : { ...fields, err: err instanceof Error ? plainError(err) : err };
    return formatLine({
      timestamp: new Date(),
      level,
      component: String(component),
      message: redact(String(message)),
      // redactDeep returns an object for an object.
      fields: redactDeep(plain, redact) as Fields,
    });
  });
  const transport =
    stream === undefined
      ? new winston.transports.Console()
      : new winston.transports.Stream({ stream, eol: "\n" });
  const logger = winston.createLogger({ level, format: formatter, transports: [transport] });
  return (component) => logger.child({ component });
}

function jsonLine({ timestamp, level, component, message, fields }: Line): string {
  return JSON.stringify({ timestamp, level, component, message, ...fields });
}

/** Fields that are printed without their names, in this order. */
const BARE = ["camera", "url", "encoding", "size", "counts", "problem"] as const;

/** For a person at a terminal: 12:00:07  warn  camera lost  front  timeout: no frame for 5 s */
function textLine({ timestamp, level, message, fields }: Line): string {
  const { err, reason, detail, ...rest } = fields;
  const problem = [reason, detail].filter((part) => part !== undefined && part !== "").join(": ");
  const facts: Record<string, unknown> = { ...rest, problem: problem === "" ? undefined : problem };
  const named = Object.entries(facts).filter(([key]) => !BARE.some((bare) => bare === key));
  const parts = [
    timeOfDay(timestamp),
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

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (value instanceof Date) return timeOfDay(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  return Object.entries(value)
    .map(([key, item]) => `${key} ${textOf(item)}`)
    .join(", ");
}

function errorText(err: unknown): string {
  return typeof err === "object" && err !== null && "message" in err ? String(err.message) : "";
}

/** The stack of an unexpected error, which is logged at level error. The message is enough for other errors. */
function stackText(level: string, err: unknown): string {
  if (level !== "error" || typeof err !== "object" || err === null || !("stack" in err)) return "";
  const frames = String(err.stack).split("\n").slice(1);
  return frames.map((frame) => `\n${frame}`).join("");
}

function timeOfDay(time: Date): string {
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** Makes an error printable as JSON, which would be {}. Keeps its causes, down to a depth that no real error has. */
function plainError(err: Error, depth = 8): object {
  const { name, message, stack, cause } = err;
  const plainCause = () => {
    if (!(cause instanceof Error)) return cause;
    return depth <= 1 ? String(cause) : plainError(cause, depth - 1);
  };
  return {
    name,
    message,
    ...("code" in err ? { code: err.code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause: plainCause() }),
  };
}
