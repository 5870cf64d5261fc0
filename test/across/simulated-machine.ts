/** One machine of a simulated fleet: Horizon's agent, the agent's trials as they are, and cameras that come and go. */

import {
  type Behaviour,
  LIVE,
  LOST,
  SimulatedNode,
  WELL,
} from "../../src/agent/testing/simulated-node.js";
import type { Candidate } from "../../src/agent/trial/candidate.js";
import {
  NEW_RECORD,
  recordFailure,
  recordPass,
  recordStart,
  type TrialRecord,
} from "../../src/agent/trial/record.js";
import type { Rules } from "../../src/agent/trial/rules.js";
import { decideAfterTrial, decideAtStart } from "../../src/agent/trial/service-version.js";
import { type Trial, toApply } from "../../src/agent/trial/trial.js";
import type { NodeReport } from "../../src/common/hub/node-report.js";
import { type Desired, generationOf, type PipelineSpec } from "../../src/common/settings/spec.js";
import type { SeededRandom } from "../../src/common/testing/seeded-random.js";
import type { NodePolicy } from "../../src/fleet/policy/policies.js";
import type { FleetNode, Running } from "../../src/fleet/rollout/node-state.js";
import type { RolloutPolicy } from "../../src/fleet/rollout/rollout-state.js";
import {
  Agreements,
  CHECK_MS,
  RENEWAL_MS,
  survives,
} from "../../src/fleet/rollout/testing/agreements.js";

const BEAT_S = 2;
/** How long a trial may take here: starts, a self-test, the cameras. */
const LONGEST_S = 600;

/** How what is released behaves, by version and by model; all else runs well. */
export interface Releases {
  readonly versions: ReadonlyMap<string, Partial<Behaviour>>;
  readonly models: ReadonlyMap<string, Partial<Behaviour>>;
}

export interface Weather {
  /** Share of cameras that never answer. */
  readonly dead: number;
  /** Chance in a minute that a live camera is lost, and that a lost one comes back. */
  readonly lostAMinute: number;
  readonly backAMinute: number;
}

interface Lens {
  readonly uri: string;
  readonly rate: number;
  readonly isDead: boolean;
}

/** What came of a change of the model. */
export interface ModelVerdict {
  readonly accepted: boolean;
  /** From the verdict against it until the last good one is wanted again and applied. */
  readonly backMs: number;
  readonly faults: readonly string[];
}

export class SimulatedMachine {
  readonly policy: NodePolicy;
  readonly isOff: boolean;
  /** Every version that ever ran here. */
  readonly ran = new Set<string>();
  /** From the start of a version that failed until another one ran. */
  readonly backMs: number[] = [];
  /** Versions that were thrown out here, with the reasons. */
  readonly thrownOut = new Map<string, readonly string[]>();
  readonly #lenses: readonly Lens[];
  readonly #random: SeededRandom;
  readonly #weather: Weather;
  readonly #releases: Releases;
  readonly #rules: Rules;
  #record: TrialRecord = NEW_RECORD;
  #model: string;
  #modelBefore: string;
  #rolloutPolicy: RolloutPolicy | undefined;
  #agreements = 0;
  #running: { readonly version: string; readonly sinceMs: number } | undefined;

  constructor(
    policy: NodePolicy,
    isOff: boolean,
    model: string,
    given: { random: SeededRandom; weather: Weather; releases: Releases; rules: Rules },
  ) {
    const { random, weather, releases, rules } = given;
    this.policy = policy;
    this.isOff = isOff;
    this.#model = model;
    this.#modelBefore = model;
    this.#random = random;
    this.#weather = weather;
    this.#releases = releases;
    this.#rules = rules;
    this.#lenses = Array.from({ length: random.between(1, 4) }, (_, i) => ({
      uri: `rtsp://${policy.id}/${i}`,
      rate: random.between(10, 30),
      isDead: random.chance(weather.dead),
    }));
  }

  /** As the Exchange would tell it. */
  node(nowMs: number): FleetNode {
    const running: Running | undefined =
      this.#running === undefined
        ? undefined
        : {
            version: this.#running.version,
            missing: [],
            changedMs: this.#running.sinceMs,
            containers: ["agent", "sidecar"].map((name) => ({
              name,
              state: "running",
              createdMs: this.#running?.sinceMs ?? 0,
            })),
          };
    const heartbeatMs = this.isOff ? nowMs - 86_400_000 : nowMs;
    return { policy: this.policy, heartbeatMs, running, report: this.#report(nowMs) };
  }

  #report(nowMs: number): NodeReport | undefined {
    const { version } = this;
    if (version === undefined) return undefined;
    const hasPassed = this.#record.passedVersions.includes(version);
    return {
      format: 1,
      at: new Date(nowMs).toISOString(),
      version,
      trial: { state: !this.#rules.on ? "off" : hasPassed ? "passed" : "failed" },
      failed: [],
      objects: [],
    };
  }

  get version(): string | undefined {
    return this.#running?.version;
  }

  /** Follows the policy that is for it now: nothing happens where that is the one it follows already. */
  follow(policy: RolloutPolicy | undefined, nowMs: number): void {
    if (this.isOff) return;
    const before = this.#rolloutPolicy;
    this.#rolloutPolicy = policy;
    const { version } = this;
    if (before === policy) return;
    if (before !== undefined && version !== undefined && survives(version, before, policy)) return;
    this.#running = undefined;
    if (policy === undefined) return;
    const agreements = new Agreements(policy);
    let atMs = nowMs + RENEWAL_MS;
    const firstMs = atMs;
    for (;;) {
      const { version } = agreements;
      this.#agreements++;
      this.ran.add(version);
      const failedMs = this.#start(version, `agreement-${this.#agreements}`, atMs);
      if (failedMs === undefined) {
        this.#running = { version, sinceMs: atMs };
        if (version !== policy.versions[0]) this.backMs.push(atMs - firstMs);
        return;
      }
      // Its agent looks once a minute, counted from its own start.
      const noticedMs = failedMs + this.#random.between(1_000, CHECK_MS);
      agreements.failed(noticedMs);
      atMs = noticedMs + RENEWAL_MS;
    }
  }

  /** Runs a version's containers; returns when they fail on purpose, undefined where they go on. */
  #start(version: string, agreementId: string, atMs: number): number | undefined {
    const service = { version, on: this.#rules.on, agreementId };
    // Without a marker: a new agreement has new containers.
    const first = decideAtStart(service, undefined, this.#record, atMs);
    if (first.t === "fail") {
      this.#record = first.record;
      return atMs;
    }
    const good = this.#candidate(this.#model);
    const node = this.#process(version, atMs);
    node.consider(good, this.#record.lastGood === undefined ? undefined : good);
    const trial = this.#decide(node, good);
    const decision = decideAfterTrial(service, trial, this.#record, true, node.nowMs);
    if (decision.t === "run") return undefined;
    this.#record = decision.record;
    const faults = decision.failure.faults.map(({ code }) => code);
    this.thrownOut.set(version, faults);
    return node.nowMs;
  }

  /** A new model comes from the hub, on a machine that runs. */
  take(model: string, nowMs: number): ModelVerdict | undefined {
    const { version } = this;
    if (this.isOff || version === undefined) return undefined;
    const good = this.#candidate(this.#model);
    const candidate = this.#candidate(model);
    const node = this.#process(version, nowMs);
    node.consider(good, good);
    this.#pass(node, 120);
    node.applied.length = 0;
    node.consider(candidate, good);
    const trial = this.#decide(node, candidate);
    if (trial.t === "passed") {
      this.#modelBefore = this.#model;
      this.#model = model;
      return { accepted: true, backMs: 0, faults: [] };
    }
    const verdictMs = node.nowMs;
    const isBack = () =>
      toApply(node.trial)?.generation === good.desired.generation &&
      [good.desired.generation, undefined].includes(node.applied.at(-1));
    for (let s = 0; s < 60 && !isBack(); s += BEAT_S) this.#pass(node, BEAT_S);
    const faults = trial.t === "failed" ? trial.faults.map(({ code }) => code) : [];
    return { accepted: false, backMs: node.nowMs - verdictMs, faults };
  }

  /** The hub takes a model away: the one before is good still. */
  drop(model: string): void {
    if (this.#model !== model) return;
    this.#model = this.#modelBefore;
    const good = this.#candidate(this.#model);
    const { figures } = this.#record.lastGood ?? {};
    this.#record = recordPass(this.#record, good, figures, undefined, 0);
  }

  #process(version: string, atMs: number): SimulatedNode {
    const behaviour = ({ spec }: Desired): Behaviour => ({
      ...WELL,
      ...this.#releases.models.get(spec.models[0].bundlePath),
      ...this.#releases.versions.get(version),
    });
    const node = new SimulatedNode({ ...this.#rules, version }, behaviour);
    node.record = this.#record;
    node.nowMs = atMs;
    return node;
  }

  /** Lets time pass until there is a verdict, and records it as the agent does. */
  #decide(node: SimulatedNode, candidate: Candidate): Trial {
    const isDecided = ({ t }: Trial) => t === "passed" || t === "failed";
    this.#record = recordStart(this.#record, candidate.revision);
    node.record = this.#record;
    for (let s = 0; s < LONGEST_S && !isDecided(node.trial); s += BEAT_S) this.#pass(node, BEAT_S);
    const { trial, nowMs } = node;
    if (trial.t === "passed" && trial.by !== "record") {
      this.#record = recordPass(this.#record, trial.candidate, trial.figures, trial.version, nowMs);
    }
    if (trial.t === "failed") {
      const { faults, fallback } = trial;
      const failure = { revision: candidate.revision, faults, rolledBack: fallback !== undefined };
      this.#record = recordFailure(this.#record, failure, nowMs);
    }
    return trial;
  }

  #pass(node: SimulatedNode, seconds: number): void {
    for (let s = 0; s < seconds; s += BEAT_S) {
      for (const lens of this.#lenses) this.#shake(node, lens);
      node.pass(BEAT_S);
    }
  }

  /** Cameras come and go, and none keeps its rate to the frame. */
  #shake(node: SimulatedNode, { uri, rate, isDead }: Lens): void {
    const { lostAMinute, backAMinute } = this.#weather;
    const camera = node.cameras.get(uri) ?? { state: isDead ? LOST : LIVE, rate };
    node.cameras.set(uri, camera);
    camera.rate = rate * (0.9 + 0.2 * this.#random.number());
    if (isDead) return;
    const beats = 60 / BEAT_S;
    if (camera.state.t === "live" && this.#random.chance(lostAMinute / beats)) camera.state = LOST;
    else if (camera.state.t !== "live" && this.#random.chance(backAMinute / beats)) {
      camera.state = LIVE;
    }
  }

  #candidate(model: string): Candidate {
    const spec: PipelineSpec = {
      cameras: this.#lenses.map(({ uri }, i) => ({
        id: `camera-${i}`,
        name: "",
        uri,
        credentials: undefined,
        transport: "tcp",
        acceptAnyCertificate: false,
        latencyMs: 100,
        frozenAfterMs: 60_000,
        silentAfterMs: 10_000,
        stillIntervalMs: 0,
        masks: [],
        hiding: undefined,
        off: undefined,
      })),
      models: [{ bundlePath: model, interval: undefined, threshold: undefined, classes: [] }],
      tracker: undefined,
      overlay: { boxes: true, labels: true, counts: true, names: true, zones: true },
      outputs: [
        {
          id: "rtsp",
          layout: "tiled",
          encoding: { codec: "H264", width: 1280, height: 720, bitrate: 4_000_000, frameRate: 25 },
          target: { t: "rtsp", port: 8554, path: "/ds", users: [] },
        },
      ],
    };
    const content = { model };
    return { revision: model, desired: { generation: generationOf(spec), spec }, content };
  }
}
