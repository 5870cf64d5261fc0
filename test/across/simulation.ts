/** Releases in fast motion: a fleet, good and bad versions and models, and an operator who goes by what is proven. */

import type { Behaviour } from "../../src/agent/testing/simulated-node.js";
import { DEFAULT_BOUNDS, DEFAULT_TIMES, type Rules } from "../../src/agent/trial/rules.js";
import { type SeededRandom, seededRandom } from "../../src/common/testing/seeded-random.js";
import { compileRequirement } from "../../src/fleet/policy/constraint-evaluation.js";
import { parseConstraint } from "../../src/fleet/policy/constraint-parser.js";
import { versionGate } from "../../src/fleet/rollout/gates.js";
import {
  DEFAULT_THRESHOLDS,
  type RolloutNode,
  rolloutNodes,
} from "../../src/fleet/rollout/node-state.js";
import { canary, promote, rollback } from "../../src/fleet/rollout/rollout-plan.js";
import {
  policiesOf,
  type Rollout,
  type RolloutPolicy,
  readRolloutPolicy,
  ringConstraint,
  rolloutOf,
} from "../../src/fleet/rollout/rollout-state.js";
import { SimulatedMachine, type Weather } from "./simulated-machine.js";

/** What is wrong with a release; undefined: nothing. */
export const DEFECTS = {
  crash: { diesAfterMs: 6_000 },
  "no frames": { processed: 0, output: { t: "waiting" } },
  "half the frame rate": { processed: 0.5 },
  latency: { inferenceMs: 80 },
  "no detections": { objectsPerFrame: 0 },
} as const satisfies Readonly<Record<string, Partial<Behaviour>>>;

export type Defect = keyof typeof DEFECTS;

export interface Release {
  readonly kind: "version" | "model";
  readonly name: string;
  readonly defect: Defect | undefined;
}

export interface Outcome {
  readonly release: Release;
  /** Nodes of each ring that took it up; rings in order. */
  readonly reached: readonly number[];
  /** Nodes that found nothing wrong: those whose cameras show nothing cannot tell a slow one. */
  readonly kept: number;
  /** Nodes that threw it out. */
  readonly thrownOut: number;
  /** The last ring that it was given to. */
  readonly lastRing: number;
  /** The slowest return to the old one on one node, in seconds. */
  readonly slowestBackS: number;
  /** Why nodes threw it out, the most frequent reason first. */
  readonly reasons: readonly string[];
}

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly releases: readonly Release[];
  readonly weather: Weather;
  /** False: as with TRIAL=off, nobody judges. */
  readonly trials: boolean;
}

/** Ring 1 is a fiftieth of the fleet, ring 2 a tenth, ring 3 the rest. */
export const RINGS = [1, 2, 3] as const;
const NAMES = ["policy-slipstream", "policy-slipstream-b"] as const;
const SHARE_OFF = 0.02;
const SETTLING_MS = DEFAULT_THRESHOLDS.provenAfterMs + 10 * 60_000;

/** Scenes of this simulation stay as they are: here what is seen may count. */
const RULES: Rules = {
  on: true,
  version: undefined,
  bounds: { ...DEFAULT_BOUNDS, detections: 0.3 },
  times: DEFAULT_TIMES,
};

export const ROUGH: Weather = { dead: 0.05, lostAMinute: 0.1, backAMinute: 0.5 };

/** Bad ones of every kind between two good ones, versions and models in turn. */
export function allReleases(): Release[] {
  const defects = Object.keys(DEFECTS) as Defect[]; // the keys of a literal
  return [undefined, ...defects, undefined].flatMap((defect, i): Release[] => [
    { kind: "version", name: `${i + 2}.0.0`, defect },
    { kind: "model", name: `model-${i + 2}`, defect },
  ]);
}

/** A bad one that goes beyond ring 1, or a good one that a node throws out or that does not come to all rings. */
export function isWrong({ release, reached, thrownOut }: Outcome): boolean {
  if (release.defect === undefined) return thrownOut > 0 || reached.some((count) => count === 0);
  return reached.slice(1).some((count) => count > 0);
}

export function simulate(options: SimulationOptions): Outcome[] {
  const fleet = new Fleet(options);
  return options.releases.map((release) =>
    release.kind === "version" ? fleet.releaseVersion(release) : fleet.releaseModel(release),
  );
}

class Fleet {
  readonly #machines: readonly SimulatedMachine[];
  #rollout: Rollout;
  #nowMs = Date.parse("2026-01-01T00:00:00Z");

  constructor({ seed, nodes, releases, weather, trials }: SimulationOptions) {
    const random = seededRandom(seed);
    const flawed = (kind: Release["kind"]) =>
      new Map(
        releases.flatMap(({ kind: own, name, defect }) =>
          own === kind && defect !== undefined ? [[name, DEFECTS[defect]] as const] : [],
        ),
      );
    const given = { weather, releases: { versions: flawed("version"), models: flawed("model") } };
    this.#machines = Array.from({ length: nodes }, (_, i) => {
      const own = random.fork();
      const policy = policyOf(i, nodes, own);
      return new SimulatedMachine(policy, own.chance(SHARE_OFF), "model-1", {
        ...given,
        random: own,
        rules: { ...RULES, on: trials },
      });
    });
    const first = readRolloutPolicy(NAMES[0], template("1.0.0", ""), this.#nowMs);
    this.#rollout = rolloutOf([first]);
    this.#follow();
  }

  releaseVersion(release: Release): Outcome {
    const { name: version } = release;
    const backs = this.#machines.map(({ backMs }) => backMs.length);
    let lastRing: number = RINGS[0];
    const request = { version, ring: lastRing, template, names: NAMES };
    this.#change(canary(this.#rollout, request).policies);
    for (const ring of [...RINGS.slice(1), undefined]) {
      this.#nowMs += SETTLING_MS;
      const rollout = this.#rollout;
      if (rollout.t !== "in progress") break;
      if (versionGate(rollout, this.#rolloutNodes(), 0).blocked !== undefined) {
        this.#change(rollback(rollout).policies);
        break;
      }
      // The last ring is given to all.
      const isLast = ring === undefined || ring === RINGS.at(-1);
      this.#change(promote(rollout, isLast ? "all" : ring).policies);
      lastRing = ring ?? lastRing;
    }
    const took = this.#machines.filter(({ ran }) => ran.has(version));
    const newBacks = this.#machines.flatMap(({ backMs }, i) => backMs.slice(backs[i]));
    const out = took.filter(({ thrownOut }) => thrownOut.has(version));
    return {
      release,
      reached: RINGS.map((ring) => took.filter((machine) => ringOf(machine) === ring).length),
      kept: took.length - out.length,
      thrownOut: out.length,
      lastRing,
      slowestBackS: Math.max(0, ...newBacks) / 1000,
      reasons: frequent(out.flatMap(({ thrownOut }) => thrownOut.get(version) ?? [])),
    };
  }

  /** A model goes by the rings of its object's policy; a ring that throws it out on a single node is the last one. */
  releaseModel(release: Release): Outcome {
    const verdicts = RINGS.map((): ReturnType<SimulatedMachine["take"]>[] => []);
    let lastRing: number = RINGS[0];
    const done = new Set<SimulatedMachine>();
    for (const [i, ring] of RINGS.entries()) {
      lastRing = ring;
      const constraint = parseConstraint(ringConstraint({ t: "up-to", ring }));
      const requirement = compileRequirement([constraint]);
      for (const machine of this.#machines) {
        if (done.has(machine) || !requirement.isMetBy(machine.policy.properties)) continue;
        done.add(machine);
        verdicts[i]?.push(machine.take(release.name, this.#nowMs));
      }
      this.#nowMs += SETTLING_MS;
      if (verdicts.flat().some((verdict) => verdict?.accepted === false)) break;
    }
    // The operator takes the object away again, and a node that has kept the model goes back to the one before.
    if (verdicts.flat().some((verdict) => verdict?.accepted === false)) {
      for (const machine of done) machine.drop(release.name);
    }
    const made = verdicts.map((ring) => ring.filter((verdict) => verdict !== undefined));
    const against = made.flat().filter(({ accepted }) => !accepted);
    return {
      release,
      reached: made.map((ring) => ring.length),
      kept: made.flat().length - against.length,
      thrownOut: against.length,
      lastRing,
      slowestBackS: Math.max(0, ...against.map(({ backMs }) => backMs)) / 1000,
      reasons: frequent(against.flatMap(({ faults }) => faults)),
    };
  }

  #change(after: readonly RolloutPolicy[]): void {
    const before = policiesOf(this.#rollout);
    const changed = after.map((policy) =>
      before.includes(policy) ? policy : { ...policy, changedMs: this.#nowMs },
    );
    this.#rollout = rolloutOf(changed);
    this.#follow();
  }

  #follow(): void {
    for (const [i, { target }] of this.#rolloutNodes().entries()) {
      this.#machines[i]?.follow(target?.policy, this.#nowMs);
    }
  }

  #rolloutNodes(): RolloutNode[] {
    const nodes = this.#machines.map((machine) => machine.node(this.#nowMs));
    const catalogue = { services: undefined, servicePolicies: new Map() };
    const policies = policiesOf(this.#rollout);
    return rolloutNodes(nodes, policies, catalogue, this.#nowMs, DEFAULT_THRESHOLDS);
  }
}

function template(version: string, old: string) {
  const priority = { retries: 1, retry_durations: 3600 };
  const versions = [version, ...(old === "" ? [] : [old])];
  return {
    label: `slipstream ${version}`,
    service: {
      name: "slipstream",
      org: "myorg",
      arch: "*",
      serviceVersions: versions.map((one, i) => ({
        version: one,
        priority: { ...priority, priority_value: i + 1 },
      })),
    },
    constraints: ["slipstream.runtime == nvidia", "slipstream.ring >= 0"],
  };
}

function policyOf(index: number, nodes: number, random: SeededRandom) {
  const isT4 = random.chance(0.5);
  const ring = index < nodes / 50 ? 1 : index < nodes / 8 ? 2 : 3;
  return {
    id: `node-${index}`,
    properties: [
      { name: "openhorizon.arch", value: isT4 ? "amd64" : "arm64" },
      { name: "slipstream.runtime", value: "nvidia" },
      { name: "slipstream.ring", value: ring },
    ],
    constraints: [],
  };
}

function ringOf({ policy }: SimulatedMachine): number {
  return Number(policy.properties.find(({ name }) => name === "slipstream.ring")?.value);
}

function frequent(words: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([word, count]) => `${word} ${count}`);
}
