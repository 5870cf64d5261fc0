/** Where a server listens: 127.0.0.1:8080, [::1]:8080, or off. */

import { isIP } from "node:net";
import { type Format, format } from "./format.js";

export interface ListenAddress {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i;

/** The value stays a text: convict takes an object for several settings. */
export function listenAddress(): Format<string> {
  return format(
    "off, or an IP address and a port such as 127.0.0.1:8080 or [::]:8080",
    { type: "string", pattern: `^(?:off|${ADDRESS.source.slice(1, -1)})$` },
    (text) =>
      text.toLowerCase() === "off" || parseListenAddress(text) !== undefined ? text : undefined,
    (text) => {
      if (/^\d{1,5}$/.test(text)) return `did you mean 127.0.0.1:${text}?`;
      const port = /^(?:localhost)?:(\d{1,5})$/i.exec(text)?.[1];
      return port === undefined ? undefined : `did you mean 127.0.0.1:${port}?`;
    },
  );
}

/** Whether nobody outside this machine can connect. */
export function isLoopback({ host }: ListenAddress): boolean {
  return /^127\./.test(host) || host === "::1";
}

/** Undefined: off. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, six, four, digits] = ADDRESS.exec(text) ?? [];
  const host = six ?? four ?? "";
  const port = Number(digits);
  const isValid = isIP(host) === (six === undefined ? 4 : 6) && port > 0 && port <= 65_535;
  return isValid ? { host, port } : undefined;
}
