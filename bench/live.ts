// Measures one camera through the whole product, from the camera's push to a viewer's decoded frame.
import { setTimeout as delay } from "node:timers/promises";
import { squareModel } from "../test/support/models.js";
import { count, seenFrames, startViewer } from "../test/support/video.js";
import { cpuTimes, memory, PROCESSES, type ProcessName, startProduct } from "./product.js";
import { withScope } from "./scope.js";
import { readCounts } from "./sidecar-state.js";
import { percentile } from "./statistics.js";

/** Excludes connecting, the encoder's first second and the viewer's wait for its first key frame. */
const WARM_UP_MS = 3000;

export interface LiveCase {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly rate: number;
  readonly settings?: NodeJS.ProcessEnv;
  /** Replaces the default network by one with this many convolutions. */
  readonly layers?: number;
}

export interface LiveResult extends LiveCase {
  readonly seconds: number;
  readonly firstPictureMs: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly framesSeen: number;
  readonly framesDropped: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Per inferred frame. */
  readonly inferenceMs: number;
  readonly inferenceCpuMs: number;
  /** Per frame sent to viewers. */
  readonly cpuMsPerFrame: Readonly<Record<ProcessName, number>>;
  /** Per frame sent to viewers, over all processes, without the network itself. */
  readonly overheadCpuMs: number;
  /** In percent of one core. */
  readonly agentCpuPercent: number;
  readonly memoryMiB: Readonly<Record<ProcessName, number>>;
}

export function measureLive(one: LiveCase, seconds: number): Promise<LiveResult> {
  return withScope(async (scope) => {
    const { width, height, rate } = one;
    const camera = await count(scope, { width, height, rate });
    const model = one.layers === undefined ? {} : { MODEL: await squareModel(scope, one.layers) };
    const product = await startProduct(scope, {
      RTSPINPUT: `camera=${camera.uri}`,
      OUTPUT_WIDTH: String(width),
      OUTPUT_HEIGHT: String(height),
      ...model,
      ...one.settings,
    });
    const viewer = startViewer(scope, product.url, { counter: "all" });
    await delay(WARM_UP_MS);

    const [cpuBefore, countsBefore] = [
      await cpuTimes(product),
      await readCounts(scope, product.socket),
    ];
    const beganNs = process.hrtime.bigint();
    await delay(seconds * 1000);
    const [cpuAfter, countsAfter] = [
      await cpuTimes(product),
      await readCounts(scope, product.socket),
    ];
    const elapsedMs = Number(process.hrtime.bigint() - beganNs) / 1e6;

    const departures = await camera.departures();
    const seen = seenFrames(viewer).filter(({ t }) => t >= Number(beganNs));
    const latencies = seen.flatMap(({ t, counter }) => {
      const left = counter === null || counter === undefined ? undefined : departures.get(counter);
      return left === undefined ? [] : [(t - left) / 1e6];
    });
    if (latencies.length === 0) throw new Error(`${one.name}: no frame could be followed through`);

    const framesOut = countsAfter.framesOut - countsBefore.framesOut;
    const inferred = countsAfter.framesInferred - countsBefore.framesInferred;
    const inferenceCpuMs = countsAfter.inferenceCpuMs - countsBefore.inferenceCpuMs;
    const used = PROCESSES.map((name) => [name, cpuAfter[name] - cpuBefore[name]] as const);
    const usedMs = used.reduce((sum, [, ms]) => sum + ms, 0);
    return {
      ...one,
      seconds: elapsedMs / 1000,
      firstPictureMs: product.firstPictureMs,
      framesIn: countsAfter.framesReceived - countsBefore.framesReceived,
      framesOut,
      framesSeen: seen.length,
      framesDropped: countsAfter.framesDropped - countsBefore.framesDropped,
      latencyMs: {
        p50: percentile(latencies, 0.5),
        p95: percentile(latencies, 0.95),
        p99: percentile(latencies, 0.99),
      },
      inferenceMs: (countsAfter.inferenceMs - countsBefore.inferenceMs) / inferred,
      inferenceCpuMs: inferenceCpuMs / inferred,
      // Built from PROCESSES, so every name is present.
      cpuMsPerFrame: Object.fromEntries(used.map(([name, ms]) => [name, ms / framesOut])) as Record<
        ProcessName,
        number
      >,
      overheadCpuMs: (usedMs - inferenceCpuMs) / framesOut,
      agentCpuPercent: ((cpuAfter.agent - cpuBefore.agent) / elapsedMs) * 100,
      memoryMiB: await memory(product),
    };
  });
}
