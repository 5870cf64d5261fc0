/** One address on which the agent serves HTTP. It bounds its peers, and listens again when it cannot. */

import { once } from "node:events";
import { chmod, lstat, mkdir, stat, unlink } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect } from "node:net";
import { dirname } from "node:path";
import { errorCode } from "../../common/files/read.js";
import type { ListenAddress } from "../../common/settings/listen-address.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import { type Policy, type Refusal, refusalOf, WrongLogins } from "./access.js";

export type ListenerEvent =
  | { readonly t: "listening"; readonly where: string; readonly tls: boolean }
  /** Sent once until it listens again. */
  | { readonly t: "cannot listen"; readonly where: string; readonly why: string };

export interface ListenerOptions {
  readonly at: ListenAddress | { readonly path: string };
  readonly policy: () => Policy;
  /** Certificate chain and private key as PEM text. "missing": TLS is wanted, and they are not there. */
  readonly certificate: () => string | "missing" | undefined;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly clock: Clock;
  /** Default: DEFAULT_BOUNDS. */
  readonly bounds?: Bounds;
  /** Must not throw. */
  readonly onEvent: (event: ListenerEvent) => void;
}

/** What one peer, and all of them together, may take. */
export interface Bounds {
  /** At a time; more are closed as soon as they have connected. */
  readonly connections: number;
  /** From the first byte of a request to the last byte of its response, however slowly the client reads. */
  readonly responseMs: number;
  readonly headersMs: number;
}

export const DEFAULT_BOUNDS: Bounds = { connections: 64, responseMs: 30_000, headersMs: 5_000 };

const RETRY_MS = 2_000;
/** How often it looks whether the file of its Unix socket is still there. */
const LOOK_MS = 10_000;

export class HttpListener {
  readonly #options: ListenerOptions;
  readonly #wakeup = new Wakeup();
  readonly #wrongLogins = new WrongLogins();
  #failure: string | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** The certificate may have changed. */
  onChange(): void {
    this.#wakeup.notify();
  }

  /** Runs until the signal is aborted; returns when every connection is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#serve(signal);
      await this.#wakeup.wait(clock, clock.now() + RETRY_MS, signal);
    }
  }

  /** Returns when it cannot listen, or does not any more. */
  async #serve(signal: AbortSignal): Promise<void> {
    const { at, clock, onEvent, certificate } = this.#options;
    let pem = certificate();
    let server: Server;
    try {
      if (pem === "missing") throw new Error("the secret of HTTP_CERTIFICATE is missing");
      server = this.#createServer(pem);
      if ("path" in at) {
        await mkdir(dirname(at.path), { recursive: true, mode: 0o700 });
        await removeStale(at.path);
      }
      server.listen("path" in at ? at.path : { ...at, exclusive: true });
      await once(server, "listening");
      if ("path" in at) await chmod(at.path, 0o600);
    } catch (error) {
      this.#report(reasonOf(error));
      return;
    }
    this.#failure = undefined;
    // Before anybody learns of it: whoever does may remove the file at once.
    const inode = await this.#inode();
    onEvent({ t: "listening", where: this.#where, tls: pem !== undefined });
    while (!signal.aborted && inode !== REMOVED && (await this.#inode()) === inode) {
      await this.#wakeup.wait(clock, clock.now() + LOOK_MS, signal);
      const fresh = certificate();
      if (fresh === pem || fresh === undefined || fresh === "missing") continue;
      try {
        // Connections that exist keep the certificate that they began with.
        if ("setSecureContext" in server) secure(server)({ cert: fresh, key: fresh });
      } catch (error) {
        this.#report(reasonOf(error));
      }
      pem = fresh;
    }
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  get #bounds(): Bounds {
    return this.#options.bounds ?? DEFAULT_BOUNDS;
  }

  #createServer(pem: string | undefined): Server {
    const { connections, responseMs, headersMs } = this.#bounds;
    const options: ServerOptions = {
      maxHeaderSize: 8192,
      headersTimeout: headersMs,
      requestTimeout: 2 * headersMs,
      keepAliveTimeout: 2 * headersMs,
      connectionsCheckingInterval: headersMs / 5,
    };
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      this.#handle(request, response);
    };
    const server =
      pem === undefined
        ? createHttpServer(options, handle)
        : createHttpsServer(
            { ...options, cert: pem, key: pem, handshakeTimeout: headersMs },
            handle,
          );
    server.maxConnections = connections;
    server.setTimeout(responseMs);
    return server;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { policy, handle, clock } = this.#options;
    const cutOff = setTimeout(() => request.socket.destroy(), this.#bounds.responseMs);
    cutOffs.set(response, cutOff);
    response.once("close", () => clearTimeout(cutOff));
    const { method = "", url = "", headers } = request;
    const address = request.socket.remoteAddress;
    const wrong = this.#wrongLogins;
    const refusal = refusalOf({ method, url, headers, address }, policy(), wrong, clock.now());
    if (refusal === undefined) handle(request, response);
    else refuse(response, refusal);
  }

  get #where(): string {
    const { at } = this.#options;
    return "path" in at
      ? at.path
      : `${at.host.includes(":") ? `[${at.host}]` : at.host}:${at.port}`;
  }

  /** Of the Unix socket's file; a port has none, and cannot be removed. */
  async #inode(): Promise<number | undefined> {
    const { at } = this.#options;
    if (!("path" in at)) return undefined;
    return (await stat(at.path).catch(() => undefined))?.ino ?? REMOVED;
  }

  #report(why: string): void {
    if (this.#failure === why) return;
    this.#failure = why;
    this.#options.onEvent({ t: "cannot listen", where: this.#where, why });
  }
}

/** No file has this inode. */
const REMOVED = 0;

const cutOffs = new WeakMap<ServerResponse, NodeJS.Timeout>();

/** Lifts the bound of an answer's duration. Whoever writes it must cut off a client that reads nothing. */
export function keepOpen(response: ServerResponse): void {
  clearTimeout(cutOffs.get(response));
}

/** Sent with every response: nothing is to be kept, and only the page's own files run as one. */
export const HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
};

export function refuse(response: ServerResponse, { status, error, headers }: Refusal): void {
  response.writeHead(status, {
    ...HEADERS,
    "Content-Type": "application/json; charset=utf-8",
    ...headers,
  });
  response.end(JSON.stringify({ error }));
}

/** A socket's file that an agent has left behind; not one at which somebody answers. */
async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) throw new Error("a file that is not a socket is in the way");
  const socket = connect(path);
  try {
    await once(socket, "connect");
  } catch (error) {
    if (errorCode(error) === "ECONNREFUSED") await unlink(path);
    return;
  } finally {
    socket.destroy();
  }
  throw new Error("another agent listens there");
}

/** Only an HTTPS server has it, whose type says so. */
function secure(server: Server): (context: { cert: string; key: string }) => void {
  const https = server as unknown as ReturnType<typeof createHttpsServer>;
  return (context) => https.setSecureContext(context);
}

function reasonOf(error: unknown): string {
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return "another program uses this address";
    case "EADDRNOTAVAIL":
      return "this machine does not have this address";
    default:
      // An error about a key quotes nothing of it.
      return error instanceof Error ? error.message : String(error);
  }
}
