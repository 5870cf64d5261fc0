/** Sends events to everybody who is connected to a Unix socket, as lines of JSON: `slipstream events` follows them there. */

import { chmod, mkdir, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";

/** A follower that reads more slowly than this many bytes behind misses events. */
const LONGEST_BACKLOG_BYTES = 1024 * 1024;
const MOST_FOLLOWERS = 16;
const OWNER_ONLY = 0o600;

export class Followers {
  readonly #path: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get count(): number {
    return this.#sockets.size;
  }

  /** Throws if the socket cannot be made. */
  async listen(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    // Left behind by a process that was killed: another agent with this directory cannot run.
    await rm(this.#path, { force: true });
    const server = createServer((socket) => this.#accept(socket));
    server.maxConnections = MOST_FOLLOWERS;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#path, resolve);
    });
    await chmod(this.#path, OWNER_ONLY);
    server.on("error", () => {});
    this.#server = server;
  }

  send(texts: readonly string[]): void {
    if (this.#sockets.size === 0) return;
    const lines = texts.map((text) => `${text}\n`).join("");
    for (const socket of this.#sockets) {
      if (socket.writableLength < LONGEST_BACKLOG_BYTES) socket.write(lines);
    }
  }

  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    // Nothing is expected from a follower.
    socket.resume();
  }
}
