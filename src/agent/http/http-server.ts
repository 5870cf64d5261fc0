/** Serves HTTP on the agent's Unix socket and, unless HTTP_ADDRESS is off, over TCP. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { SOCKET_NAME } from "../../common/api/client.js";
import { type Redact, redactDeep } from "../../common/secrets/redact.js";
import { loginOf, type Secrets, textOf } from "../../common/secrets/secrets.js";
import type { Config } from "../../common/settings/config.js";
import { isLoopback, parseListenAddress } from "../../common/settings/listen-address.js";
import type { Clock } from "../../common/time/clock.js";
import { Wakeup } from "../../common/time/wakeup.js";
import type { NodeSettings } from "../control/node-settings.js";
import type { Log } from "../log/log.js";
import { SidecarClient } from "../sidecar/client.js";
import type { Policy } from "./access.js";
import type { HttpFacts } from "./facts.js";
import { History, SAMPLE_MS } from "./history.js";
import { HttpListener, type ListenerEvent, refuse } from "./listener.js";
import { type Chunk, LiveStreams, type StreamName } from "./live-streams.js";
import { PageUpdates } from "./page-updates.js";
import { previewChunk, videoChunk } from "./stream-format.js";
import { stateView } from "./views.js";

const SNAPSHOT_TIMEOUT_MS = 5_000;
const ACTION_TIMEOUT_MS = 5_000;
/** JPEG images a second, where a browser cannot show the video. */
const PREVIEW_RATE = 8;

export interface HttpServerOptions {
  readonly config: Config;
  readonly version: string;
  readonly facts: () => HttpFacts;
  /** The JPEG of a picture of an event; undefined: there is none, or no longer. */
  readonly picture: (id: string) => Promise<Uint8Array | undefined>;
  readonly nodeSettings: NodeSettings;
  readonly secrets: () => Secrets;
  /** What a person has decided about the candidate on trial. Returns whether it counts. */
  readonly decideTrial: (decision: "confirmed" | "taken back") => boolean;
  readonly redact: Redact;
  readonly clock: Clock;
  readonly log: Log;
}

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #listeners: HttpListener[] = [];
  readonly #updates: PageUpdates;
  readonly #streams: LiveStreams;
  readonly #history = new History();
  #app: Promise<FastifyInstance> | undefined;

  constructor(options: HttpServerOptions) {
    const { clock, facts, redact } = options;
    this.#options = options;
    this.#streams = new LiveStreams({
      clock,
      open: (name, signal) => this.#openStream(name, signal),
    });
    this.#updates = new PageUpdates({
      clock,
      wallClock: () => facts().nowMs,
      state: () => {
        const { time: _, ...state } = stateView(facts());
        const page = { pages: this.#updates.pageCount, viewers: this.#streams.viewerCount };
        return JSON.stringify(redactDeep({ ...state, page }, redact));
      },
    });
  }

  /** What has happened, as texts of JSON without secrets. */
  onEvents(texts: readonly string[]): void {
    this.#updates.onEvents(texts);
  }

  /** The secrets may have changed. */
  onSecrets(): void {
    for (const listener of this.#listeners) listener.onChange();
    if (this.#options.config.httpUsers === undefined) return;
    // Whoever is still welcome connects again by itself.
    this.#updates.disconnect();
    this.#streams.disconnect();
  }

  /** Runs until the signal is aborted. Never throws because of a peer, an address or a secret. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, clock } = this.#options;
    const address = parseListenAddress(config.httpAddress);
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      void this.#handle(request, response);
    };
    const onEvent = (event: ListenerEvent) => this.#report(event);
    this.#listeners.push(
      new HttpListener({
        ...{ handle, clock, onEvent },
        at: { path: join(config.stateDir, SOCKET_NAME) },
        policy: () => ({ t: "socket" }),
        certificate: () => undefined,
      }),
    );
    if (address !== undefined) {
      this.#listeners.push(
        new HttpListener({
          ...{ handle, clock, onEvent, at: address },
          policy: () => this.#policy(),
          certificate: () => this.#certificate(),
        }),
      );
      if (!isLoopback(address) && config.httpCertificate === undefined) {
        const detail = "logins cross the network in clear text; set HTTP_CERTIFICATE";
        this.#options.log.warn("HTTP is open to the network without TLS", { detail });
      }
    }
    await Promise.all([
      ...this.#listeners.map((listener) => listener.run(signal)),
      this.#sampleHistory(signal),
    ]);
    this.#updates.disconnect();
    this.#streams.disconnect();
    const app = await this.#app?.catch(() => undefined);
    await app?.close();
  }

  async #sampleHistory(signal: AbortSignal): Promise<void> {
    const { clock, facts } = this.#options;
    for (let atMs = clock.now(); !signal.aborted; atMs += SAMPLE_MS) {
      this.#history.sample(facts().state);
      // After a pause of the machine no interval is made up for.
      atMs = Math.max(atMs, clock.now() - SAMPLE_MS);
      await new Wakeup().wait(clock, atMs + SAMPLE_MS, signal);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#app ??= this.#createApp();
    const creating = this.#app;
    let app: FastifyInstance;
    try {
      app = await creating;
    } catch (err) {
      // The next request tries again.
      if (this.#app === creating) this.#app = undefined;
      this.#options.log.error("cannot answer HTTP requests", { err });
      refuse(response, { status: 500, error: "the agent failed to answer", headers: {} });
      return;
    }
    // Whoever has left meanwhile would never be seen to leave again.
    if (!response.destroyed) app.routing(request, response);
  }

  /** With the first request: loading its modules takes a while in which nothing else happens, and the cameras come first. */
  async #createApp(): Promise<FastifyInstance> {
    const { createApp } = await import("./app.js");
    const { facts, redact, picture, nodeSettings } = this.#options;
    return createApp({
      ...{ facts, redact, picture, nodeSettings },
      page: {
        updates: this.#updates,
        streams: this.#streams,
        firstOutput: () => facts().state?.outputs[0]?.id,
      },
      actions: {
        restartCamera: (id, ended) => this.#restartCamera(id, ended),
        decideTrial: this.#options.decideTrial,
      },
      history: () => this.#history.view(),
      usage: ownUsage,
      uptimeSeconds: () => process.uptime(),
      snapshot: (output, camera, ended) => this.#snapshot(output, camera, ended),
    });
  }

  #policy(): Policy {
    const { config, secrets } = this.#options;
    if (config.httpUsers === undefined) return { t: "local" };
    const current = secrets();
    const logins = config.httpUsers.flatMap(({ secret }) => {
      const found = current.find(secret);
      return found.t === "found" ? (loginOf(found.secret) ?? []) : [];
    });
    return { t: "logins", logins };
  }

  #certificate(): string | "missing" | undefined {
    const { config, secrets } = this.#options;
    if (config.httpCertificate === undefined) return undefined;
    const found = secrets().find(config.httpCertificate);
    return found.t === "found" ? textOf(found.secret) : "missing";
  }

  #client(): SidecarClient {
    const { config, version: agentVersion } = this.#options;
    return new SidecarClient({ socketPath: config.socketPath, agentVersion });
  }

  async *#openStream(name: StreamName, signal: AbortSignal): AsyncGenerator<Chunk> {
    const { kind, output, camera } = name;
    const client = this.#client();
    try {
      if (kind === "video") {
        for await (const frame of client.watchVideo(output, camera, signal))
          yield videoChunk(frame);
      } else {
        const images = client.watchPreview(output, camera, PREVIEW_RATE, signal);
        for await (const jpeg of images) yield previewChunk(jpeg);
      }
    } finally {
      client.close();
    }
  }

  async #restartCamera(id: string, signal: AbortSignal): Promise<void> {
    const client = this.#client();
    try {
      await client.restartCamera(id, { timeoutMs: ACTION_TIMEOUT_MS, signal });
      this.#options.log.info("camera restarted by hand", { camera: id });
    } finally {
      client.close();
    }
  }

  async #snapshot(output: string, camera: string, signal: AbortSignal): Promise<Uint8Array> {
    const client = this.#client();
    try {
      return await client.takeSnapshot(output, camera, { timeoutMs: SNAPSHOT_TIMEOUT_MS, signal });
    } finally {
      client.close();
    }
  }

  #report(event: ListenerEvent): void {
    const { log } = this.#options;
    if (event.t === "cannot listen") {
      log.warn("cannot serve HTTP", { address: event.where, detail: event.why });
    } else {
      log.info("serving HTTP", { address: event.where, tls: event.tls });
    }
  }
}

function ownUsage() {
  const { user, system } = process.cpuUsage();
  return { memoryBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}
