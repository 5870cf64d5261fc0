/** Nodes in the Exchange double, and a miniature agreement bot that moves them as the policies there say. */

import { type NodeReport, STATUS_TYPE, writeReport } from "../../../common/hub/node-report.js";
import type { JsonObject } from "../../../common/json/document.js";
import { archOf, makeDeployment, place } from "../../policy/placement.js";
import {
  readDeploymentPolicy,
  readNodePolicy,
  readService,
  SKIP_PROBLEMS,
} from "../../policy/policies.js";
import { survives, type Terms } from "./agreements.js";
import type { ExchangeDouble } from "./exchange-double.js";

/** An agreement, and what runs under it. */
interface Run {
  readonly createdMs: number;
  readonly terms: Terms;
  readonly version: string;
}

export class FakeFleet {
  /** Which versions fail on a node: the next one of its policy is used. */
  fails: (version: string, node: string) => boolean = () => false;
  /** Minutes from a version's start until its trial has passed. */
  trialMinutes = 2;
  /** Overrides of a node's report. */
  readonly says = new Map<string, Partial<NodeReport>>();
  /** Nodes that are switched off. */
  readonly off = new Set<string>();
  /** How often each node has started containers. */
  readonly starts = new Map<string, number>();
  readonly #exchange: ExchangeDouble;
  readonly #runs = new Map<string, Run>();
  #nowMs: number;

  constructor(exchange: ExchangeDouble, nowMs: number) {
    this.#exchange = exchange;
    this.#nowMs = nowMs;
    exchange.now = () => this.#nowMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  publish(version: string, arches: readonly string[], deployment: JsonObject = {}): void {
    for (const arch of arches) {
      const { org } = this.#exchange;
      this.#exchange.services.set(`${org}/slipstream_${version}_${arch}`, {
        label: "Slipstream",
        public: true,
        url: "slipstream",
        version,
        arch,
        sharable: "singleton",
        deployment: JSON.stringify(deployment),
        deploymentSignature: "signed",
      });
    }
  }

  /** A node with a ring, and an architecture that the Exchange knows of it. */
  add(id: string, arch: string, ring: number): void {
    const name = `${this.#exchange.org}/${id}`;
    this.#exchange.nodes.set(name, { name: id, arch });
    this.#exchange.nodePolicies.set(name, {
      properties: [
        // As the Exchange gives it out where no type was said.
        { name: "slipstream.runtime", value: "nvidia", type: null },
        { name: "slipstream.ring", value: ring, type: "int" },
      ],
      constraints: [],
    });
  }

  /** Lets time pass, in which every node follows the policies. */
  pass(minutes: number): void {
    this.follow();
    this.#nowMs += minutes * 60_000;
    for (const name of this.#exchange.nodes.keys()) this.#hear(name);
  }

  versionOf(id: string): string | undefined {
    return this.#runs.get(`${this.#exchange.org}/${id}`)?.version;
  }

  follow(): void {
    const services = [...this.#exchange.services.values()].map((service) =>
      readService(service, SKIP_PROBLEMS),
    );
    const deployments = [...this.#exchange.policies].flatMap(([name, body]) => {
      const policy = readDeploymentPolicy(name, body, SKIP_PROBLEMS);
      // Other services are ignored.
      if (policy.service.name !== "slipstream") return [];
      return [makeDeployment(policy, { services, servicePolicies: new Map() })];
    });
    for (const [name, node] of this.#exchange.nodes) {
      if (this.off.has(name.slice(name.indexOf("/") + 1))) continue;
      const { arch } = node;
      const properties = [{ name: "openhorizon.arch", value: String(arch) }];
      const own = readNodePolicy(
        name,
        JSON.parse(
          JSON.stringify(this.#exchange.nodePolicies.get(name)),
          (_, one) => one ?? undefined,
        ),
        SKIP_PROBLEMS,
      );
      const policy = { ...own, properties: [...own.properties, ...properties] };
      const fitting = deployments.filter(
        (deployment) => place(deployment, policy, archOf(policy)).t === "placed",
      );
      // A node that matches two policies keeps the one that it has.
      const run = this.#runs.get(name);
      const chosen = fitting.find((one) => one.policy.name === run?.terms.name) ?? fitting[0];
      this.#run(
        name,
        chosen?.policy.name,
        chosen?.policy.service.versions.map(({ version }) => version) ?? [],
      );
    }
  }

  #run(name: string, policy: string | undefined, versions: readonly string[]): void {
    const id = name.slice(name.indexOf("/") + 1);
    const version = versions.find((one) => !this.fails(one, id));
    const before = this.#runs.get(name);
    const terms = { name: policy ?? "", versions };
    if (before !== undefined && survives(before.version, before.terms, terms)) {
      this.#runs.set(name, { ...before, terms });
      return;
    }
    if (policy === undefined || version === undefined) {
      this.#runs.delete(name);
      this.#exchange.nodeStatuses.set(name, { services: [] });
      return;
    }
    const [meant = version] = versions;
    this.starts.set(id, (this.starts.get(id) ?? 0) + 1);
    // A failure takes a minute and a half.
    const created = Math.floor(this.#nowMs / 1000) + (version === meant ? 20 : 90);
    this.#runs.set(name, { terms, version, createdMs: created * 1000 });
    const containers = ["agent", "sidecar"].map((key) => ({
      name: `/${"a".repeat(64)}-${key}`,
      image: key,
      created,
      state: "running",
    }));
    this.#exchange.nodeStatuses.set(name, {
      services: [
        {
          agreementId: "a".repeat(64),
          serviceUrl: "slipstream",
          orgid: this.#exchange.org,
          version,
          arch: String(this.#exchange.nodes.get(name)?.["arch"]),
          containerStatus: containers,
        },
      ],
    });
  }

  #hear(name: string): void {
    const id = name.slice(name.indexOf("/") + 1);
    if (this.off.has(id)) return;
    const node = this.#exchange.nodes.get(name) ?? {};
    this.#report(name, id);
    const lastHeartbeat = `${new Date(this.#nowMs).toISOString()}[UTC]`;
    this.#exchange.nodes.set(name, { ...node, lastHeartbeat });
  }

  #report(name: string, id: string): void {
    const run = this.#runs.get(name);
    if (run === undefined) return;
    const isPassed = this.#nowMs >= run.createdMs + this.trialMinutes * 60_000;
    const report: NodeReport = {
      format: 1,
      at: new Date(this.#nowMs).toISOString(),
      version: run.version,
      trial: { state: isPassed ? "passed" : "on trial" },
      failed: run.terms.versions
        .filter((one) => this.fails(one, id))
        .map((version) => ({ version, at: "", reason: "worker died: again and again" })),
      settings: "a1b2c3d4e5f6",
      model: "nanodet-coco@1.0.0",
      cameras: { live: 2, all: 3 },
      objects: [],
      ...this.says.get(id),
    };
    this.#exchange.objects.set(`${STATUS_TYPE}/${id}`, {
      ...{ objectType: STATUS_TYPE, objectID: id, originID: id, instanceID: this.#nowMs },
      description: writeReport(report),
    });
  }
}
