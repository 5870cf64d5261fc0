/** `slipstream status`: what the node does now. */

import { setTimeout as pause } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { AgentError } from "../../common/api/client.js";
import { type ApiState, stateSchema } from "../../common/api/schema.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";
import { textTable } from "../../common/text-table.js";
import {
  type AgentFlags,
  agentAddress,
  ask,
  EXIT_NO_AGENT,
  EXIT_NOT_READY,
  withAgent,
  withAgentOptions,
} from "./agent-options.js";

interface StatusFlags extends AgentFlags {
  readonly json?: true;
  readonly quiet?: true;
  /** Seconds from one status to the next; true: two. */
  readonly watch?: number | true;
}

const WATCH_SECONDS = 2;
/** Moves to the top left and clears the screen from there. */
const CLEAR = "\x1b[H\x1b[J";

export function statusCommand(
  terminal: Terminal = processTerminal(),
  signal: AbortSignal = new AbortController().signal,
): Command {
  const command = new Command("status")
    .description("show cameras, streams, model and trial of this node")
    .option("-w, --watch [seconds]", "show it again and again until Ctrl-C", seconds)
    .option("-q, --quiet", "print nothing; the exit status says whether frames flow")
    .option("--json", "print JSON; with --watch, one line each time");
  return withAgentOptions(command).action((flags: StatusFlags) => status(flags, terminal, signal));
}

async function status(flags: StatusFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { watch } = flags;
  await withAgent(terminal, async () => {
    const address = await agentAddress(flags, terminal.environment);
    const read = async () => readState((await ask(address, "/api/v1/state", signal)).body);
    if (watch === undefined) {
      const state = await read();
      if (!state.readiness.ready) terminal.exit(EXIT_NOT_READY);
      if (flags.quiet) return;
      terminal.out(flags.json ? `${JSON.stringify(state, null, 2)}\n` : statusText(state));
      return;
    }
    const delayMs = (watch === true ? WATCH_SECONDS : watch) * 1000;
    while (!signal.aborted) {
      const text = await read().then(
        (state) => (flags.json ? `${JSON.stringify(state)}\n` : CLEAR + statusText(state)),
        (error: unknown) => {
          // It may come back: whoever watches waits for that.
          if (!(error instanceof AgentError) || flags.json) throw error;
          terminal.exit(EXIT_NO_AGENT);
          return `${CLEAR}${error.message}\n`;
        },
      );
      if (!flags.quiet) terminal.out(text);
      await pause(delayMs, undefined, { signal }).catch(() => {});
    }
  });
}

function readState(body: Buffer): ApiState {
  try {
    return stateSchema.parse(JSON.parse(body.toString()));
  } catch (error) {
    const detail = "this command and the agent are of different versions, or it is not an agent";
    throw new AgentError(`the answer is no state: ${detail}`, { cause: error });
  }
}

/** For a terminal. */
export function statusText(state: ApiState): string {
  const { version, sidecar, readiness, time } = state;
  const program = sidecar.connected
    ? `sidecar ${sidecar.version ?? ""}, engine ${sidecar.engine ?? ""}`
    : "no sidecar";
  const lines = [
    `Slipstream ${version}, ${program}, at ${time}`,
    readiness.ready ? "READY: frames flow" : "NOT READY",
    ...readiness.reasons.map(({ subject, reason }) => `  ${subject}: ${reason}`),
    pipelineLine(state),
    "",
    textTable([
      ["CAMERA", "STATE", "SINCE", "FPS", "FRAMES", "DROPPED", "RECONNECTED", "DETAIL"],
      ...state.cameras.map((one) => [
        ...[one.id, one.state, ago(one.since, time), one.frameRate.toFixed(1)],
        ...[one.framesReceived, one.framesDropped, one.reconnections].map(String),
        detailOf(one, one.state === "live" ? `${one.encoding} ${one.width}x${one.height}` : ""),
      ]),
    ]),
    "",
    textTable([
      ["OUTPUT", "CAMERA", "STATE", "VIEWERS", "FRAMES", "DROPPED", "DETAIL"],
      ...state.outputs.map((one) => [
        ...[one.id, one.camera ?? "all", one.state],
        ...[one.viewers, one.frames, one.framesDropped].map(String),
        detailOf(one, one.port === undefined ? (one.path ?? "") : `port ${one.port}, ${one.path}`),
      ]),
    ]),
    "",
    ...trialLines(state),
  ];
  return `${lines.join("\n")}\n`;
}

function pipelineLine({ pipeline }: ApiState): string {
  const { state, phase, progress, reason, detail, nextAttempt } = pipeline;
  const percent = progress === undefined ? "" : ` ${Math.round(progress * 100)} %`;
  if (state === "loading") return `pipeline loading: ${phase ?? ""}${percent}`;
  return `pipeline ${state}${detailOf({ reason, detail, nextAttempt }, "").replace(/^(?=.)/, ": ")}`;
}

function trialLines({ trials }: ApiState): string[] {
  const { state, active, lastGood, faults } = trials;
  const named = (one: { settings?: string | undefined; model?: string | undefined } | undefined) =>
    one === undefined ? "none" : `settings ${one.settings ?? "?"}, model ${one.model ?? "?"}`;
  return [
    `active: ${named(active)}; trial ${state}`,
    `last good: ${named(lastGood)}`,
    ...faults.map(({ code, detail }) => `  failed: ${code}: ${detail}`),
  ];
}

interface Failing {
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
  readonly nextAttempt?: string | undefined;
}

function detailOf({ reason, detail, nextAttempt }: Failing, otherwise: string): string {
  if (reason === undefined) return otherwise;
  const next = nextAttempt === undefined ? "" : `; next attempt ${nextAttempt.slice(11, 19)}`;
  return `${reason}: ${detail ?? ""}${next}`;
}

function ago(since: string | undefined, now: string): string {
  if (since === undefined) return "-";
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(since)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function seconds(text: string): number {
  const value = Number(text);
  if (value >= 0.5 && value <= 3600) return value;
  throw new InvalidArgumentError("It must be a number from 0.5 to 3600.");
}
