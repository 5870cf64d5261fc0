// A door in front of a TCP server, which counts who comes through it.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Scope } from "./scope.js";

export interface Door {
  readonly port: number;
  /** Connections so far. */
  readonly visits: () => number;
}

/** Opens a door to a port of this machine. */
export async function openDoor(scope: Scope, to: number): Promise<Door> {
  const sockets = new Set<Socket>();
  let visits = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // "close" follows, and ends the other side
    return socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((visitor) => {
    visits++;
    const host = keep(connect(to, "127.0.0.1"));
    keep(visitor).on("close", () => host.destroy());
    host.on("close", () => visitor.destroy());
    visitor.pipe(host).pipe(visitor);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  // The cast holds for every server that listens on TCP.
  return { port: (server.address() as AddressInfo).port, visits: () => visits };
}
