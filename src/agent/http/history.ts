/** The last hour of every camera, for small plots: frames a second, latency and dropped frames. */

import type { ApiHistory } from "../../common/api/schema.js";
import type { CameraStatus, LatencyHistogram, State } from "../sidecar/state.js";

export const SAMPLE_MS = 10_000;
const MOST_SAMPLES = 360;

interface Seen {
  readonly received: number;
  readonly dropped: number;
  readonly latency: LatencyHistogram | undefined;
}

type Samples = ApiHistory["cameras"][string];

export class History {
  readonly #cameras = new Map<string, { seen: Seen; samples: Samples }>();

  /** Called once for each interval. Undefined: the sidecar does not answer. */
  sample(state: State | undefined): void {
    const cameras = new Map((state?.cameras ?? []).map((camera) => [camera.id, camera]));
    // While the sidecar is away, its cameras are expected back.
    if (state !== undefined) {
      for (const id of this.#cameras.keys()) if (!cameras.has(id)) this.#cameras.delete(id);
    }
    for (const id of new Set([...this.#cameras.keys(), ...cameras.keys()])) {
      this.#add(id, cameras.get(id));
    }
  }

  view(): ApiHistory {
    const cameras = [...this.#cameras].map(([id, { samples }]) => [id, samples] as const);
    return { intervalSeconds: SAMPLE_MS / 1000, cameras: Object.fromEntries(cameras) };
  }

  #add(id: string, camera: CameraStatus | undefined): void {
    const { seen: before, samples = [] } = this.#cameras.get(id) ?? {};
    const seen = camera === undefined ? before : seenOf(camera);
    if (seen === undefined) return;
    if (before !== undefined) samples.push(between(before, seen));
    if (samples.length > MOST_SAMPLES) samples.shift();
    this.#cameras.set(id, { seen, samples });
  }
}

function seenOf({ counters }: CameraStatus): Seen {
  const { framesReceived, framesDropped, detectionLatency } = counters;
  return { received: framesReceived, dropped: framesDropped, latency: detectionLatency };
}

function between(before: Seen, after: Seen): Samples[number] {
  // The counters of another worker begin again.
  const from = after.received < before.received ? undefined : before;
  return {
    frames: (after.received - (from?.received ?? 0)) / (SAMPLE_MS / 1000),
    // The sidecar counts a frame as dropped until another thread has counted it as detected.
    dropped: Math.max(0, after.dropped - (from?.dropped ?? 0)),
    latencyMs: percentile95(from?.latency, after.latency),
  };
}

/** Of the frames between two histograms, to the upper bound of its bucket. Null: none, or the engine does not say. */
function percentile95(
  before: LatencyHistogram | undefined,
  after: LatencyHistogram | undefined,
): number | null {
  if (after === undefined) return null;
  const counts = after.counts.map((count, index) => count - (before?.counts[index] ?? 0));
  const wanted = 0.95 * counts.reduce((sum, count) => sum + count, 0);
  if (wanted <= 0) return null;
  let sum = 0;
  for (const [index, count] of counts.entries()) {
    sum += count;
    // Beyond the last bound, no more than that is known.
    if (sum >= wanted) return 1000 * (after.bounds[index] ?? after.bounds.at(-1) ?? 0);
  }
  return null;
}
