/** A hub for tests: real sockets, real files, and an agent that can be restarted. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { TRUST_ALL } from "../../../common/bundle/signature.js";
import type { Documents } from "../../../common/hub/documents.js";
import { openHubState } from "../../../common/hub/state.js";
import { eventually } from "../../../common/testing/eventually.js";
import { systemClock } from "../../../common/time/clock.js";
import { ModelStore } from "../../models/store.js";
import { EssClient } from "../ess-client.js";
import { Hub } from "../hub.js";
import type { HubEvent } from "../object-sync.js";
import { EssDouble } from "./ess-double.js";

const POLLING = { intervalMs: 5, maxBackoffMs: 20 };

export class HubFixture {
  readonly ess: EssDouble;
  readonly root = mkdtempSync(join(tmpdir(), "hub-"));
  readonly events: HubEvent[] = [];
  /** Calls of onChange(). */
  changes = 0;
  /** Faults that the agent finds in a document. */
  check: (text: string) => readonly string[] = (text) => (text.includes("bad") ? ["bad"] : []);
  version = "1.0.0";
  maxBytes = 1e9;
  #agent: Agent | undefined;

  static async start(t: TestContext): Promise<HubFixture> {
    const fixture = new HubFixture(await EssDouble.start());
    t.after(() => fixture.end());
    await fixture.startAgent();
    return fixture;
  }

  private constructor(ess: EssDouble) {
    this.ess = ess;
    mkdirSync(join(this.root, "models", "street"), { recursive: true });
    writeFileSync(join(this.root, "models", "street", "config_infer.txt"), "[property]\n");
  }

  get state(): string {
    return join(this.root, "state");
  }

  get storeDirectory(): string {
    return join(this.root, "store");
  }

  get agent(): Agent {
    if (this.#agent === undefined) throw new Error("the agent is stopped");
    return this.#agent;
  }

  /** The text of the active settings document. */
  get text(): string | undefined {
    return this.agent.documents.current()?.text;
  }

  async startAgent(): Promise<void> {
    const onEvent = (event: HubEvent) => {
      this.events.push(event);
    };
    const state = await openHubState(this.state, (detail) => onEvent({ t: "state lost", detail }));
    const store = await ModelStore.open({
      directory: this.storeDirectory,
      shipped: join(this.root, "models"),
      maxBytes: this.maxBytes,
      trust: TRUST_ALL,
      board: () => "t4",
      onEvent: (event) => onEvent({ t: "store", event }),
    });
    const client = new EssClient({
      address: this.ess.address,
      timeoutMs: 30_000,
      stallMs: 30_000,
    });
    const hub = new Hub({
      ess: client,
      store,
      state,
      check: (text) => this.check(text),
      version: this.version,
      clock: systemClock,
      onEvent,
      onChange: () => {
        this.changes++;
      },
      polling: { settings: POLLING, models: POLLING },
    });
    const stop = new AbortController();
    this.#agent = {
      hub,
      documents: state.documents,
      store,
      client,
      stop,
      running: hub.run(stop.signal),
    };
  }

  async stopAgent(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    agent?.stop.abort();
    await agent?.running;
    agent?.client.close();
  }

  async restartAgent(): Promise<void> {
    await this.stopAgent();
    this.events.length = 0;
    await this.startAgent();
  }

  async end(): Promise<void> {
    await this.stopAgent();
    await this.ess.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Events of an object, in order; acknowledgements by their own names. */
  of(id: string): string[] {
    return this.events.flatMap((event) => {
      if (!("object" in event) || event.object.id !== id) return [];
      return [event.t === "acknowledged" ? event.ack : event.t];
    });
  }

  async until(id: string, event: string): Promise<void> {
    await eventually(() => this.of(id).includes(event), `${id} is ${event}`);
  }

  /** Returns when the service has been polled for both types so many times more. */
  async polled(times: number): Promise<void> {
    const count = () => this.ess.calls.filter((call) => /^GET slipstream-\w+ /.test(call)).length;
    const before = count();
    await eventually(() => count() >= before + 2 * times, "the service is polled");
  }

  /** Downloads of an object, complete or partial. */
  fetches(id: string): number {
    return this.ess.calls.filter((call) => call.includes(`/${id}/data `)).length;
  }

  /** The version to which a model reference resolves, or why there is none. */
  model(reference: string): string {
    const resolved = this.agent.store.resolve(reference);
    if (resolved.t === "absent") return resolved.detail;
    return resolved.version === "" ? "shipped" : resolved.version;
  }

  /** Every file in the state and the store except the ledgers and the documents. */
  files(): string[] {
    const below = (directory: string) =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name);
    return [...below(this.state), ...below(this.storeDirectory)]
      .filter((name) => !/^(?:settings|\w+-ledger)\.json$/.test(name))
      .sort();
  }

  stateFile(name: string): string {
    return readFileSync(join(this.state, name), "utf8");
  }
}

interface Agent {
  readonly hub: Hub;
  readonly documents: Documents;
  readonly store: ModelStore;
  readonly client: EssClient;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}
