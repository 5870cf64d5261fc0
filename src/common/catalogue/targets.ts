/** Targets: a DeepStream release on a platform, and the board if it is known. */

import { closest } from "../closest.js";
import { compareReleases } from "../release-number.js";
import type { Board, ReleaseRecord, TargetsFile } from "./data.js";
import { PLATFORMS, type Platform, platformName } from "./release.js";

export interface Target {
  readonly engine: "deepstream";
  /** t4; t4@9.1 for another release than that of its image; 7.1/dgpu without a board. */
  readonly id: string;
  readonly release: string;
  readonly platform: Platform;
  readonly gstreamer: string;
  readonly tensorrt: string | undefined;
  /** Newest ONNX operator set that its TensorRT reads. */
  readonly onnxOpset: number | undefined;
  readonly board: Board | undefined;
}

/** Engine cpu, which has neither a board nor a release of DeepStream. */
export const CPU = { engine: "cpu", id: "cpu" } as const;

export type AnyTarget = Target | typeof CPU;

export type TargetLookup<T extends AnyTarget = Target> =
  | { readonly t: "target"; readonly target: T }
  | { readonly t: "unknown"; readonly message: string };

/** "DeepStream 7.1 on dGPU". */
export function describeTarget(target: Target): string {
  return `DeepStream ${target.release} on ${platformName(target.platform)}`;
}

/** Every board with the release of its image, and with releases that may come next. */
export function idsOfAll(file: TargetsFile): readonly string[] {
  return file.boards.flatMap(({ id, alsoLinted }) => [
    id,
    ...alsoLinted.map((release) => `${id}@${release}`),
  ]);
}

/** A target by its id: a board with the release of its image, or with another one after an @, or cpu. */
export function findTarget(file: TargetsFile, id: string): TargetLookup<AnyTarget> {
  if (id === CPU.id) return { t: "target", target: CPU };
  const [board = "", release] = id.split("@", 2);
  return findBoard(file, board, release);
}

/** A board with the release of its image, or with another one that it can run. */
export function findBoard(file: TargetsFile, id: string, release?: string): TargetLookup {
  const board = file.boards.find((candidate) => candidate.id === id);
  if (board === undefined) {
    const ids = file.boards.map((candidate) => candidate.id);
    return { t: "unknown", message: unknown("board", id, ids) };
  }
  const wanted = release ?? board.release;
  const found = findRelease(file, wanted, board.platform);
  if (found.t === "unknown") return found;
  if (!board.releases.includes(wanted)) {
    const message = `${board.name} does not run DeepStream ${wanted}; it runs ${board.releases.join(", ")}`;
    return { t: "unknown", message };
  }
  const suffix = wanted === board.release ? "" : `@${wanted}`;
  return { t: "target", target: { ...found.target, id: `${board.id}${suffix}`, board } };
}

export function findRelease(file: TargetsFile, release: string, platform: string): TargetLookup {
  const known = PLATFORMS.find((candidate) => candidate === platform);
  if (known === undefined) {
    return { t: "unknown", message: unknown("platform", platform, PLATFORMS) };
  }
  const record = file.releases.find((candidate) => candidate.release === release);
  if (record === undefined) {
    const releases = file.releases.map((candidate) => candidate.release);
    const near = releases.findLast((known) => compareReleases(known, release) <= 0);
    return { t: "unknown", message: unknown("DeepStream release", release, releases, near) };
  }
  return { t: "target", target: releaseTarget(record, known) };
}

function releaseTarget(record: ReleaseRecord, platform: Platform): Target {
  const facts = record.platforms[platform];
  return {
    engine: "deepstream",
    id: `${record.release}/${platform}`,
    release: record.release,
    platform,
    gstreamer: record.gstreamer,
    tensorrt: facts?.tensorrt ?? undefined,
    onnxOpset: facts?.onnxOpset ?? undefined,
    board: undefined,
  };
}

function unknown(
  what: string,
  given: string,
  allowed: readonly string[],
  near = closest(given, allowed),
): string {
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  return `unknown ${what} "${given}"${hint}; known: ${allowed.join(", ")}`;
}
