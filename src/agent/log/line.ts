/** One log line after the border: it holds no secret any more. */

/** Facts of a line. `err` is for errors; message, level, component and timestamp are taken. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Line {
  readonly timestamp: Date;
  readonly level: string;
  readonly component: string;
  readonly message: string;
  readonly fields: Fields;
}

export function jsonLine({ timestamp, level, component, message, fields }: Line): string {
  return JSON.stringify({ timestamp, level, component, message, ...fields });
}
