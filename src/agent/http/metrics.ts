/** The agent's metrics in the text format of Prometheus. docs/metrics.md explains them. */

import { type Metric, Registry } from "prom-client";
import {
  CAMERA_STATES,
  OUTPUT_STATES,
  PIPELINE_STATES,
  TRIAL_STATES,
} from "../../common/api/schema.js";
import { parseRevision } from "../control/revision.js";
import type { CameraStatus, LatencyHistogram, OutputStatus } from "../sidecar/state.js";
import { activeCandidate, candidateOf, isOnTrial } from "../trial/trial.js";
import type { HttpFacts } from "./facts.js";
import { readinessOf } from "./readiness.js";

type Labels = Readonly<Record<string, string>>;

/** One time series of a metric: its labels and its value; of a histogram, also the end of its name, such as _bucket. */
interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly suffix?: "_bucket" | "_sum" | "_count";
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** What this process uses: process.memoryUsage().rss and process.cpuUsage(), in base units. */
export interface OwnUsage {
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
}

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export function metricsText(families: readonly MetricFamily[]): Promise<string> {
  const registry = new Registry();
  // prom-client formats whatever has a metric's get(); its own classes count, but these figures are counted elsewhere.
  for (const family of families) registry.registerMetric(asMetric(family) as unknown as Metric);
  return registry.metrics();
}

function asMetric({ name, help, type, samples }: MetricFamily) {
  const values = samples.map(({ labels, value, suffix = "" }) => ({
    ...{ labels, value },
    ...(suffix === "" ? {} : { metricName: name + suffix }),
  }));
  return { name, get: () => Promise.resolve({ name, help, type, values, aggregator: "sum" }) };
}

/** Every metric, also one that has no sample at the moment. */
export function metricFamilies(facts: HttpFacts, own: OwnUsage): MetricFamily[] {
  return [
    ...agentFamilies(facts),
    ...cameraFamilies(facts),
    ...outputFamilies(facts.state?.outputs ?? []),
    ...processFamilies(facts, own),
    ...trialFamilies(facts),
  ];
}

function agentFamilies(facts: HttpFacts): MetricFamily[] {
  const { version, state, peer, counts } = facts;
  const pipeline = state?.pipeline.t ?? "unknown";
  const info = {
    version,
    sidecar_version: peer?.version ?? "",
    engine: peer?.engine ?? "",
    board: peer?.board ?? "",
    deepstream: peer?.deepstream ?? "",
    gpu: peer?.gpu ?? "",
    gstreamer: peer?.gstreamer ?? "",
  };
  const progress = state?.pipeline.t === "loading" ? state.pipeline.progress : undefined;
  return [
    gauge("slipstream_build_info", "Versions of agent and sidecar. Always 1.", [one(info, 1)]),
    gauge("slipstream_ready", "1 if frames flow for every camera that should be live, else 0.", [
      one({}, readinessOf(facts).ready ? 1 : 0),
    ]),
    gauge("slipstream_sidecar_connected", "1 if a worker of the sidecar answers, else 0.", [
      one({}, state === undefined ? 0 : 1),
    ]),
    counter(
      "slipstream_sidecar_connections_total",
      "Connections to workers, the first one included. Each worker that is replaced adds one.",
      [one({}, counts.connections)],
    ),
    gauge(
      "slipstream_pipeline_state",
      "1 for the state of the pipeline, 0 for the others.",
      oneHot(PIPELINE_STATES, pipeline, {}),
    ),
    gauge(
      "slipstream_pipeline_loading_ratio",
      "Progress of loading, from 0 to 1; absent when unknown.",
      progress === undefined ? [] : [one({}, progress)],
    ),
  ];
}

function cameraFamilies({ state, counts }: HttpFacts): MetricFamily[] {
  const cameras = state?.cameras ?? [];
  const each = (value: (camera: CameraStatus) => number | undefined) =>
    cameras.flatMap((camera) => {
      const found = value(camera);
      return found === undefined ? [] : [one({ camera: camera.id }, found)];
    });
  const counted = cameras.flatMap(({ id }) => {
    const found = counts.cameras.get(id);
    return found === undefined ? [] : [{ camera: id, ...found }];
  });
  return [
    gauge(
      "slipstream_camera_state",
      "1 for the camera's state, 0 for the others.",
      cameras.flatMap(({ id, state: { t } }) => oneHot(CAMERA_STATES, t, { camera: id })),
    ),
    gauge(
      "slipstream_camera_state_start_time_seconds",
      "When the camera entered its state, in seconds since 1970.",
      each(({ since }) => since && since.getTime() / 1000),
    ),
    counter(
      "slipstream_camera_frames_received_total",
      "Decoded frames.",
      each(({ counters }) => counters.framesReceived),
    ),
    counter(
      "slipstream_camera_frames_dropped_total",
      "Frames that were dropped before inference, by reason: busy, a newer frame was waiting.",
      cameras.map(({ id, counters }) =>
        one({ camera: id, reason: "busy" }, counters.framesDropped),
      ),
    ),
    counter(
      "slipstream_camera_frames_inferred_total",
      "Frames that went through inference. The others carry the boxes of an earlier frame.",
      each(({ counters }) => counters.framesInferred),
    ),
    gauge(
      "slipstream_camera_frame_rate_hertz",
      "Frames a second that left detection, over the last seconds.",
      each(({ counters }) => counters.frameRate),
    ),
    gauge(
      "slipstream_camera_last_frame_timestamp_seconds",
      "When the last frame left detection, in seconds since 1970.",
      each(({ counters: { lastFrame } }) => lastFrame && lastFrame.getTime() / 1000),
    ),
    counter(
      "slipstream_camera_inference_seconds_total",
      "Wall-clock seconds in the network.",
      each(({ counters }) => counters.inferenceSeconds),
    ),
    counter(
      "slipstream_camera_inference_cpu_seconds_total",
      "CPU seconds in the network.",
      each(({ counters }) => counters.inferenceCpuSeconds),
    ),
    histogram(
      "slipstream_camera_latency_seconds",
      "Frames by latency. Stage detect: from a frame's arrival until it has left detection.",
      cameras.flatMap(({ id, counters: { detectionLatency } }) =>
        histogramSamples(detectionLatency, { camera: id, stage: "detect" }),
      ),
    ),
    counter(
      "slipstream_camera_reconnections_total",
      "Times that the camera has become live again, since the agent started.",
      counted.map(({ camera, reconnections }) => one({ camera }, reconnections)),
    ),
    counter(
      "slipstream_camera_losses_total",
      "Times that the camera was lost, by reason, since the agent started.",
      counted.flatMap(({ camera, losses }) =>
        Object.entries(losses).map(([reason, value]) => one({ camera, reason }, value)),
      ),
    ),
  ];
}

function outputFamilies(outputs: readonly OutputStatus[]): MetricFamily[] {
  const labels = ({ id, cameraId }: OutputStatus) => ({ output: id, camera: cameraId });
  const each = (value: (output: OutputStatus) => number) =>
    outputs.map((output) => one(labels(output), value(output)));
  return [
    gauge(
      "slipstream_output_state",
      "1 for the stream's state, 0 for the others. camera is empty for a tiled stream.",
      outputs.flatMap((output) => oneHot(OUTPUT_STATES, output.state.t, labels(output))),
    ),
    gauge(
      "slipstream_output_viewers",
      "Viewers that are connected.",
      each(({ viewers }) => viewers),
    ),
    counter(
      "slipstream_output_frames_total",
      "Encoded frames that were handed to the output.",
      each(({ frames }) => frames),
    ),
    counter(
      "slipstream_output_frames_dropped_total",
      "Frames that were dropped, by reason: busy, the encoder, the disk or the display was.",
      outputs.map((output) => one({ ...labels(output), reason: "busy" }, output.framesDropped)),
    ),
    histogram(
      "slipstream_output_latency_seconds",
      "Frames by latency until they have left the encoder: in a stream of one camera since the frame's arrival, in a " +
        "tiled stream since the time of the tiled frame.",
      outputs.flatMap((output) =>
        histogramSamples(output.encodingLatency, { ...labels(output), stage: "encode" }),
      ),
    ),
  ];
}

function processFamilies({ state }: HttpFacts, own: OwnUsage): MetricFamily[] {
  const all = [{ name: "agent", ...own }, ...(state?.processes ?? [])];
  return [
    gauge(
      "slipstream_process_resident_memory_bytes",
      "Resident memory of a process: agent, keeper, worker, outlet.",
      all.map(({ name, memoryBytes }) => one({ process: name }, memoryBytes)),
    ),
    counter(
      "slipstream_process_cpu_seconds_total",
      "User and system CPU time of a process.",
      all.map(({ name, cpuSeconds }) => one({ process: name }, cpuSeconds)),
    ),
  ];
}

function trialFamilies({ trial, record }: HttpFacts): MetricFamily[] {
  const revisions = {
    active: activeCandidate(trial)?.revision,
    candidate: isOnTrial(trial) ? candidateOf(trial)?.revision : undefined,
    last_good: record.lastGood?.revision,
  };
  return [
    gauge(
      "slipstream_trial_state",
      "1 for the state of the trial, 0 for the others.",
      oneHot(TRIAL_STATES, trial.t, {}),
    ),
    gauge(
      "slipstream_revision_info",
      "Settings and model by role: active, candidate (on trial) and last_good. Always 1.",
      Object.entries(revisions).flatMap(([role, revision]) => {
        if (revision === undefined) return [];
        const { settings = "", model = "" } = parseRevision(revision);
        return [one({ role, settings, model }, 1)];
      }),
    ),
    gauge(
      "slipstream_failed_revisions",
      "Combinations of settings, model and version that have failed a trial and are not tried again.",
      [one({}, record.failedRevisions.length)],
    ),
  ];
}

function one(labels: Labels, value: number): Sample {
  return { labels, value };
}

function oneHot(states: readonly string[], current: string, labels: Labels): Sample[] {
  return states.map((state) => one({ ...labels, state }, state === current ? 1 : 0));
}

/** Prometheus counts in each bucket the frames of all smaller ones too. */
function histogramSamples(latency: LatencyHistogram | undefined, labels: Labels): Sample[] {
  if (latency === undefined) return [];
  const { bounds, counts, sumSeconds } = latency;
  let sum = 0;
  const buckets = counts.map((count, i): Sample => {
    sum += count;
    const le = i < bounds.length ? String(bounds[i]) : "+Inf";
    return { labels: { ...labels, le }, value: sum, suffix: "_bucket" };
  });
  return [
    ...buckets,
    { labels, value: sumSeconds, suffix: "_sum" },
    { labels, value: sum, suffix: "_count" },
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, help, type: "gauge", samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, help, type: "counter", samples };
}

function histogram(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, help, type: "histogram", samples };
}
