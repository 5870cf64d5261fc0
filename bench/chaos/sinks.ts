// Where events go during the faults: a broker, an HTTP server and a file. Whatever happens, each event that is accepted arrives.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { Mosquitto } from "../../src/agent/events/testing/mosquitto.js";
import { type Scope, temporaryDirectory } from "../../test/support/scope.js";

/** How the HTTP server treats a request. */
export type Manners = "well" | "silent" | "cuts" | "busy";

const FILE = "chaos.jsonl";

export class Sinks {
  readonly broker: Mosquitto;
  /** A settings document that names all sinks. */
  readonly settingsFile: string;
  manners: Manners = "well";
  readonly #server: Server;
  /** Ids of the events that the server has said that it has. */
  readonly #received = new Set<string>();

  private constructor(broker: Mosquitto, server: Server, settingsFile: string) {
    this.broker = broker;
    this.settingsFile = settingsFile;
    this.#server = server;
  }

  static async start(scope: Scope): Promise<Sinks> {
    const broker = await Mosquitto.start();
    scope.after(() => broker.stop());
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    scope.after(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    // The cast holds for every server that listens on TCP.
    const { port } = server.address() as AddressInfo;
    const path = join(await temporaryDirectory(scope), "settings.json");
    const list = [
      { mqtt: { url: `mqtt://127.0.0.1:${broker.port}` } },
      { webhook: { url: `http://127.0.0.1:${port}/`, batch: 7 } },
      { file: { name: FILE } },
    ];
    await writeFile(path, JSON.stringify({ events: { sinks: list } }));
    const sinks = new Sinks(broker, server, path);
    server.on("request", async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      sinks.#answer(body, response);
    });
    // A request that is cut off is none of the bench's faults.
    server.on("clientError", (_, socket) => socket.destroy());
    return sinks;
  }

  /** Ends every request that waits for an answer. */
  behave(manners: Manners): void {
    this.manners = manners;
    this.#server.closeAllConnections();
  }

  /** Events in the file that have not reached the HTTP server. */
  async missing(stateDir: string): Promise<string[]> {
    const written = await idsIn(join(stateDir, "agent", "events"));
    return written.filter((id) => !this.#received.has(id));
  }

  /** Whether the broker says that the node is online, which it may have to be told again. */
  async isOnline(): Promise<boolean> {
    try {
      const client = await connectAsync(`mqtt://127.0.0.1:${this.broker.port}`, {}, false);
      try {
        const heard = new Promise<string>((resolve) => {
          client.once("message", (_, text) => resolve(String(text)));
        });
        await client.subscribeAsync("slipstream/+/status");
        const nothing = new Promise<string>((resolve) => setTimeout(resolve, 500, "nothing"));
        return (await Promise.race([heard, nothing])) === "online";
      } finally {
        await client.endAsync(true);
      }
    } catch {
      return false; // It is starting.
    }
  }

  #answer(body: string, response: ServerResponse): void {
    switch (this.manners) {
      case "silent":
        return;
      case "cuts":
        response.destroy();
        return;
      case "busy":
        response.writeHead(503, { "retry-after": "1" }).end();
        return;
      case "well":
        for (const { id } of JSON.parse(body) as { id: string }[]) this.#received.add(id);
        response.writeHead(204).end();
        return;
      default:
        this.manners satisfies never;
    }
  }
}

/** Ids of all events in the file and in those before it. */
async function idsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const texts = await Promise.all(
    names
      .filter((name) => name.startsWith(FILE))
      .map((name) => readFile(join(directory, name), "utf8")),
  );
  // The last line may be half written.
  const lines = texts.flatMap((text) => text.split("\n").slice(0, -1));
  return lines.map((line) => (JSON.parse(line) as { id: string }).id);
}
