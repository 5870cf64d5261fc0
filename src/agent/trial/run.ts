/** How a specification on trial fares from the moment it is wanted, and what ends its trial at once. Pure. */

import type { PreviousWorker, Problem } from "../sidecar/sidecar.js";
import type { OutputFailedReason, State } from "../sidecar/state.js";
import type { Fault } from "./fault.js";
import type { Lap } from "./meter.js";
import type { Rules } from "./rules.js";
import { type Fact, outputName, type Seen } from "./seen.js";

export interface Run {
  readonly startedMs: number;
  /** By when it must run. */
  readonly readyByMs: number;
  /** Since when it runs; undefined: not yet, or not any more. */
  readonly upMs: number | undefined;
  readonly deaths: number;
  /** Workers in a row that died before they could be asked for anything. */
  readonly stillborn: number;
  /** How the last worker died, in words; empty: none did, or nobody knows. */
  readonly died: string;
  readonly stumbles: number;
  /** Since when each output fails that does. */
  readonly failing: ReadonlyMap<string, number>;
}

/** What a run is judged by, besides the facts. */
export interface Terms {
  readonly kind: "change" | "service";
  readonly generation: string;
  /** Outputs that failed before: that they still do is not this candidate's doing. */
  readonly troubled: ReadonlySet<string>;
}

export function newRun(nowMs: number, { times }: Rules): Run {
  const readyByMs = nowMs + times.readyMs;
  return {
    startedMs: nowMs,
    readyByMs,
    upMs: undefined,
    deaths: 0,
    stillborn: 0,
    died: "",
    stumbles: 0,
    failing: new Map(),
  };
}

/** seen: before and after this fact. */
export function ran(
  run: Run,
  fact: Fact,
  [before, after]: readonly [Seen, Seen],
  { kind }: Terms,
  nowMs: number,
  rules: Rules,
): Run {
  const readyByMs = readyBy(run, fact, after, kind, nowMs, rules);
  const upMs = after.up ? (run.upMs ?? nowMs) : undefined;
  const counted = { ...run, readyByMs, upMs };
  switch (fact.t) {
    case "connected": {
      const isOther = before.instanceId !== undefined && before.instanceId !== after.instanceId;
      // A service begins with its sidecar: who died before we came, died of this version.
      const first = kind === "service" && before.instanceId === undefined;
      const { previous } = fact.peer;
      const deaths = first ? Math.max(0, (previous?.failures ?? 0) - STARTS) : Number(isOther);
      const died = deaths > 0 && previous !== undefined ? lastWords(previous) : run.died;
      return { ...counted, deaths: run.deaths + deaths, died, stillborn: 0 };
    }
    case "unreachable": {
      // Under settings alone, whoever dies without having been asked for them does not die of them.
      if (kind === "change" || fact.previous === undefined) return counted;
      return { ...counted, stillborn: fact.previous.failures, died: lastWords(fact.previous) };
    }
    case "disconnected":
      return { ...counted, stumbles: run.stumbles + 1 };
    case "update":
      return fact.event.t === "state"
        ? { ...counted, failing: failing(run, fact.event.state, nowMs) }
        : counted;
    default:
      return counted;
  }
}

/** A pipeline that stops running gets its time again, and so does one that waits for its engine. */
function readyBy(
  run: Run,
  fact: Fact,
  after: Seen,
  kind: Terms["kind"],
  nowMs: number,
  { times }: Rules,
): number {
  const anew = nowMs + times.readyMs;
  if (run.upMs !== undefined && !after.up) return anew;
  // Without a sidecar nothing can run; that is a service's own fault, and no fault of settings.
  if (fact.t === "unreachable" && kind === "change") return anew;
  return isBuilding(fact)
    ? Math.max(run.readyByMs, Math.min(anew, run.startedMs + times.engineMs))
    : run.readyByMs;
}

function isBuilding(fact: Fact): boolean {
  if (fact.t !== "update") return false;
  const { event } = fact;
  const pipeline =
    event.t === "state"
      ? event.state.pipeline
      : event.t === "pipeline"
        ? event.pipeline
        : undefined;
  return pipeline?.t === "loading" && pipeline.phase === "engine";
}

function failing({ failing }: Run, state: State, nowMs: number): ReadonlyMap<string, number> {
  const failed = state.outputs.filter((output) => output.state.t === "failed").map(outputName);
  return new Map(failed.map((name) => [name, failing.get(name) ?? nowMs]));
}

/**
 * Deaths at the start that are taken for chance beyond those of a running worker: the version before may still hold the
 * GPU. With the keeper's pauses they are over within seconds.
 */
const STARTS = 2;

/** What says that the worker does not bear it. */
export function workerFaults(run: Run, { bounds }: Rules): readonly Fault[] {
  const { deaths, stillborn, died, stumbles } = run;
  const faults: Fault[] = [];
  const how = died === "" ? "" : `, the last one ${died}`;
  if (deaths > bounds.deaths) {
    faults.push({ code: "worker died", detail: `the worker died ${deaths} times${how}` });
  } else if (stillborn > bounds.deaths + STARTS) {
    const detail = `the worker died ${stillborn} times before it answered${how}`;
    faults.push({ code: "worker died", detail });
  }
  if (stumbles > bounds.stumbles) {
    const detail = `the connection to the sidecar broke ${stumbles} times`;
    faults.push({ code: "no answer", detail });
  }
  return faults;
}

/** What is out of bounds already in a pipeline that is on trial. */
export function pipelineFaults(
  run: Run,
  fact: Fact,
  seen: Seen,
  terms: Terms,
  nowMs: number,
  rules: Rules,
): readonly Fault[] {
  const faults: Fault[] = [];
  if (fact.t === "refused" && fact.generation === terms.generation) {
    faults.push({ code: "refused", detail: problemsText(fact.problems) });
  }
  if (fact.t === "update" && fact.event.t === "state") {
    faults.push(...stateFaults(fact.event.state, run, terms, nowMs, rules));
  }
  if (run.upMs === undefined && nowMs >= run.readyByMs) {
    const seconds = Math.round((nowMs - run.startedMs) / 1000);
    const detail = `it does not run after ${seconds} s`;
    faults.push({ code: seen.instanceId === undefined ? "no answer" : "not ready", detail });
  }
  const stalled = stalledCamera(seen.meter.laps, rules.times.liveMs);
  if (stalled !== undefined) {
    const detail = `camera ${stalled} sends, and no frame leaves detection`;
    faults.push({ code: "stalled", detail });
  }
  return faults;
}

function stateFaults(
  state: State,
  run: Run,
  { kind, generation, troubled }: Terms,
  nowMs: number,
  { times }: Rules,
): readonly Fault[] {
  const faults: Fault[] = [];
  const { pipeline } = state;
  const isOurs = state.generation === generation;
  // Where workers die one after the other, none of them gets to have a generation in force.
  if (pipeline.t === "failed" && (isOurs || pipeline.reason === "crash loop")) {
    const detail = `${pipeline.reason}: ${pipeline.detail}`;
    faults.push({ code: "pipeline failed", detail });
  }
  for (const output of isOurs ? state.outputs : []) {
    const name = outputName(output);
    if (output.state.t !== "failed" || troubled.has(name)) continue;
    if (kind === "service" && OF_THE_NODE.has(output.state.reason)) continue;
    if (nowMs - (run.failing.get(name) ?? nowMs) < times.outputMs) continue;
    const { reason, detail } = output.state;
    faults.push({ code: "output failed", detail: `output ${name}: ${reason}: ${detail}` });
  }
  return faults;
}

/** Every version would meet them on this node. */
export const OF_THE_NODE: ReadonlySet<OutputFailedReason> = new Set([
  "port in use",
  "file",
  "disk full",
  "display",
]);

/** A camera of which nothing leaves detection, although it has sent all the time. */
function stalledCamera(laps: readonly Lap[], liveMs: number): string | undefined {
  const silentMs = new Map<string, number>();
  for (const { ms, cameras } of laps) {
    for (const [id, { received, processed }] of cameras) {
      if (processed > 0) silentMs.set(id, 0);
      else if (received > 0) silentMs.set(id, (silentMs.get(id) ?? 0) + ms);
    }
  }
  return [...silentMs].find(([, ms]) => ms >= liveMs)?.[0];
}

/** The errors among them, in one line. */
export function problemsText(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error");
  return errors.map(({ path, message }) => `${path}: ${message}`).join("; ") || "without a reason";
}

/** How a worker ended, and the last that it said. */
function lastWords({ how, lastLines }: PreviousWorker): string {
  const said = lastLines.at(-1);
  return said === undefined ? how : `${how}: ${said}`;
}
