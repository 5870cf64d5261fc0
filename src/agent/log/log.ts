/** The agent's log: one line an event on standard output, JSON or text, with every secret taken out at the border. */

import type { Writable } from "node:stream";
import winston from "winston";
import { type Redact, redactDeep } from "../../common/secrets/redact.js";
import { type Fields, jsonLine } from "./line.js";
import { plainError } from "./plain-error.js";
import { textLine } from "./text-line.js";

/** A logger whose message is constant and whose facts are fields: log.warn("camera lost", { camera: "front" }). */
export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}

export interface LogOptions {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly format: "json" | "text";
  readonly redact: Redact;
  /** Default: standard output, where Linux writes to a pipe or a file at once: no line is lost at exit. */
  readonly stream?: Writable;
}

/** Makes the logger of each component. */
export function createLogs(options: LogOptions): (component: string) => Log {
  const { level, format, redact, stream } = options;
  const line = format === "json" ? jsonLine : textLine;
  const border = winston.format.printf(({ level, message, component, err, ...fields }) => {
    const plain =
      err === undefined ? fields : { ...fields, err: err instanceof Error ? plainError(err) : err };
    return line({
      timestamp: new Date(),
      level,
      component: String(component),
      message: redact(String(message)),
      // redactDeep makes an object of an object.
      fields: redactDeep(plain, redact) as Fields,
    });
  });
  const transport =
    stream === undefined
      ? new winston.transports.Console()
      : new winston.transports.Stream({ stream, eol: "\n" });
  const logger = winston.createLogger({ level, format: border, transports: [transport] });
  return (component) => logger.child({ component });
}
