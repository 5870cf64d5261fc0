/** Renders what is to run whenever a source changes, and gives it to the trial runner. */

import type { z } from "zod";
import { displayProblem, type Problem } from "../../common/problem.js";
import { withEarlier } from "../../common/secrets/redact.js";
import type { RuntimeOptions } from "../../common/settings/desired-state.js";
import { secretsInSpec } from "../../common/settings/spec-secrets.js";
import type { Candidate } from "../trial/candidate.js";
import { type CameraList, cameraListOf } from "./camera-list.js";
import { interrupts } from "./interrupts.js";
import { mayRebuild } from "./maintenance.js";
import { type Rendered, render, renderContent, renderRest, type Sources } from "./render.js";

export type ControlEvent =
  /** running: something runs already, and keeps running. */
  | {
      readonly t: "settings refused";
      readonly problems: readonly Problem[];
      readonly running: boolean;
    }
  | { readonly t: "settings accepted again" }
  | { readonly t: "settings warning"; readonly problem: Problem }
  /** A change waits for its window. Undefined: none is planned. */
  | { readonly t: "postponed"; readonly untilMs: number | undefined }
  | { readonly t: "candidate"; readonly candidate: Candidate };

export interface ControlOptions extends Pick<Sources, "config" | "version" | "models"> {
  readonly file: () => Sources["file"];
  readonly node: () => Sources["node"];
  readonly hub: () => Sources["hub"];
  readonly secrets: () => Sources["secrets"];
  /** Content of the last good candidate in the trial record. */
  readonly lastGood: () => z.JSONType | undefined;
  /** Milliseconds since 1970; may jump. */
  readonly wallClock: () => number;
  /** The trial runner's. */
  readonly consider: (candidate: Candidate, lastGood: Candidate | undefined) => void;
  /** Takes settings beside the specification, before a candidate is considered under them. */
  readonly setRuntimeOptions: (options: RuntimeOptions) => void;
  /** Asks for refresh() at this wall-clock time. Undefined: only when a source changes. */
  readonly wake: (atMs: number | undefined) => void;
  /** Takes the directories of all bundles that are in use, or may be again at any moment. */
  readonly hold: (bundlePaths: readonly string[]) => void;
  /** Must not throw. */
  readonly onEvent: (event: ControlEvent) => void;
}

export class Control {
  readonly #options: ControlOptions;
  /** What was considered last. */
  #current: Rendered | undefined;
  /** The last events of their kinds, so that none is repeated. */
  #refused = "";
  #postponed = "";
  #warnings: ReadonlySet<string> = new Set();
  #passwords: readonly string[] = [];

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Passwords of everything that is or was to run; the same array while they are the same. */
  get passwords(): readonly string[] {
    return this.#passwords;
  }

  /**
   * Must be called when a source has changed, or the time has come. While something runs, refused settings change
   * nothing. Before, the last good candidate takes their place, or else what is left of the settings.
   */
  refresh(): void {
    const { wake } = this.#options;
    const sources = this.#sources();
    const { nowMs } = sources;
    const lastGood = renderContent(this.#options.lastGood(), sources);
    const current = renderContent(this.#current?.candidate.content, sources);
    const rendering = render(sources);
    const isRefused = rendering.t === "refused";
    const substitute = this.#current === undefined ? (lastGood ?? renderRest(sources)) : undefined;
    const wanted = isRefused ? substitute : rendering;
    const specs = [wanted, current, lastGood].flatMap((one) => one?.candidate.desired.spec ?? []);
    this.#passwords = withEarlier(specs.flatMap(secretsInSpec), this.#passwords);
    this.#reportRefusal(isRefused ? rendering.problems : []);
    const postponedMs = wanted && this.#postponedUntil(wanted, nowMs);
    // What runs keeps to the current hours and secrets.
    const next = wanted === undefined || postponedMs !== undefined ? current : wanted;
    wake(earliest(postponedMs, next?.nextChangeMs));
    if (next !== undefined) this.#use(next, lastGood);
  }

  /** What would be wrong with the settings if this were the node's document. */
  problemsWith(nodeText: string): readonly Problem[] {
    const rendering = render({ ...this.#sources(), node: { t: "text", text: nodeText } });
    return rendering.t === "refused" ? rendering.problems : [];
  }

  /** The cameras as a document of this node may take them over. */
  get cameraList(): CameraList {
    return cameraListOf(this.#sources());
  }

  #sources(): Sources {
    const { config, version, models, file, node, hub, secrets, wallClock } = this.#options;
    const fresh = { file: file(), node: node(), hub: hub(), secrets: secrets() };
    return { config, version, models, ...fresh, nowMs: wallClock() };
  }

  /** When the change may be made. Infinity: no window is planned. Undefined: at once. */
  #postponedUntil({ runtimeOptions, candidate }: Rendered, nowMs: number): number | undefined {
    const before = this.#current?.candidate.desired.spec;
    const rebuild = mayRebuild(runtimeOptions.maintenance, nowMs);
    const { revision, desired } = candidate;
    if (before === undefined || rebuild.t === "now" || !interrupts(before, desired.spec)) {
      this.#postponed = "";
      return undefined;
    }
    const { atMs: untilMs } = rebuild;
    if (revision !== this.#postponed) this.#options.onEvent({ t: "postponed", untilMs });
    this.#postponed = revision;
    return untilMs ?? Infinity;
  }

  #use(next: Rendered, lastGood: Rendered | undefined): void {
    const { consider, setRuntimeOptions, hold, onEvent } = this.#options;
    const { candidate, warnings, runtimeOptions } = next;
    const isNew = candidate.revision !== this.#current?.candidate.revision;
    hold(bundlesOf([next, this.#current, lastGood]));
    this.#current = next;
    if (isNew) onEvent({ t: "candidate", candidate });
    this.#reportWarnings(warnings);
    setRuntimeOptions(runtimeOptions);
    consider(candidate, lastGood?.candidate);
  }

  #reportRefusal(problems: readonly Problem[]): void {
    const refused = problems.map(displayProblem).join("\n");
    if (refused === this.#refused) return;
    this.#refused = refused;
    const { onEvent } = this.#options;
    if (refused === "") onEvent({ t: "settings accepted again" });
    else onEvent({ t: "settings refused", problems, running: this.#current !== undefined });
  }

  #reportWarnings(warnings: readonly Problem[]): void {
    for (const problem of warnings) {
      if (this.#warnings.has(displayProblem(problem))) continue;
      this.#options.onEvent({ t: "settings warning", problem });
    }
    this.#warnings = new Set(warnings.map(displayProblem));
  }
}

function bundlesOf(all: readonly (Rendered | undefined)[]): string[] {
  const paths = all.flatMap(
    (one) => one?.candidate.desired.spec.models.map(({ bundlePath }) => bundlePath) ?? [],
  );
  return [...new Set(paths)];
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
