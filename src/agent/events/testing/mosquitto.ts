/** A real MQTT broker, which Debian's package mosquitto has. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { environment } from "../../../common/environment.js";

export interface BrokerOptions {
  /** Lines of mosquitto.conf beside the listener; files are relative to `directory`. */
  readonly settings?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

export class Mosquitto {
  readonly directory = mkdtempSync(join(tmpdir(), "mosquitto-"));
  readonly port: number;
  readonly #options: BrokerOptions;
  #child: ChildProcess | undefined;

  static async start(options: BrokerOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePort(), options);
    await broker.start();
    return broker;
  }

  private constructor(port: number, options: BrokerOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Returns when it accepts connections. */
  async start(): Promise<void> {
    const { settings = ["allow_anonymous true"], files = {} } = this.#options;
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(this.directory, name), content);
    }
    const path = join(this.directory, "mosquitto.conf");
    const lines = [`listener ${this.port} 127.0.0.1`, ...settings, "user root", ""];
    writeFileSync(path, lines.join("\n").replaceAll("DIRECTORY", this.directory));
    // Debian installs it where only root's path leads.
    const env = { PATH: `${environment["PATH"]}:/usr/sbin` };
    const child = spawn("mosquitto", ["-c", path], { env, stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    const started = new Promise<void>((resolve, reject) => {
      const said: string[] = [];
      createInterface({ input: child.stderr }).on("line", (line) => {
        said.push(line);
        if (/ running$/.test(line)) resolve();
      });
      child.once("exit", () => reject(new Error(said.join("\n"))));
      child.once("error", reject);
    });
    await started;
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
