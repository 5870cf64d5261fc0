// `make agent-run`: prints what the Horizon agent says of the node's agreements, stage by stage, until the service runs.

import { setTimeout } from "node:timers/promises";
import { environment } from "../../common/environment.js";
import { printLine } from "../../common/terminal.js";
import { asList, asObject, asObjects } from "../json.js";
import { hznOutput, PublishError } from "./hzn.js";

/** The agent is on the same machine. */
const POLL_MS = 2000;

/** Returns once the service runs. @throws PublishError if it does not within AGENT_WAIT seconds */
export async function agentRun(): Promise<void> {
  const limit = environment["AGENT_WAIT"] ?? "";
  if (!/^\d{1,5}$/.test(limit)) {
    throw new PublishError(`AGENT_WAIT is "${limit}"; a whole number of seconds`);
  }
  const isRunning = await watchAgreements({
    list: async () => parseAgreements(await hznOutput("agreement", "list")),
    events: async () => asList(JSON.parse(await hznOutput("eventlog", "list"))).map(String),
    print: printLine,
    nowMs: () => performance.now(),
    pause: () => setTimeout(POLL_MS),
    limitMs: Number(limit) * 1000,
  });
  if (isRunning) return;
  throw new PublishError(
    `the service does not run after ${limit} s: see make deploy-check and hzn eventlog list; the node stays registered`,
  );
}

/** An agreement of the node, as `hzn agreement list` prints it. */
export interface NodeAgreement {
  readonly id: string;
  readonly policy: string;
  /** Name, version and architecture of the service. */
  readonly service: string;
  readonly stage: Stage;
}

/** In this order; images are pulled between accepted and running. */
export type Stage = "proposed" | "accepted" | "finalized" | "running";

const STAGE_TEXTS: Readonly<Record<Stage, string>> = {
  proposed: "agreement proposed",
  accepted: "agreement accepted: pulling images, starting containers",
  finalized: "agreement finalized: pulling images, starting containers",
  running: "all containers started",
};

/** Parses the output of `hzn agreement list`, which other text may precede. */
export function parseAgreements(output: string): NodeAgreement[] {
  return asObjects(JSON.parse(output.slice(output.indexOf("[")))).map((agreement) => {
    const { url, version, arch } = asObject(agreement["workload_to_run"]);
    const isSet = (key: string) => typeof agreement[key] === "string" && agreement[key] !== "";
    const stage = isSet("agreement_execution_start_time")
      ? "running"
      : isSet("agreement_finalized_time")
        ? "finalized"
        : isSet("agreement_accepted_time")
          ? "accepted"
          : "proposed";
    return {
      id: String(agreement["current_agreement_id"]),
      // hzn: "Policy for myorg/node merged with myorg/policy".
      policy: String(agreement["name"]).replace(/^.* merged with /, ""),
      service: `${url} ${version} ${arch}`,
      stage,
    };
  });
}

interface WatchOptions {
  readonly list: () => Promise<NodeAgreement[]>;
  /** The node's event log, the newest last. */
  readonly events: () => Promise<string[]>;
  readonly print: (line: string) => void;
  readonly nowMs: () => number;
  readonly pause: () => Promise<void>;
  readonly limitMs: number;
}

const EVENTS_PRINTED = 5;

/** True: the containers of an agreement were started. False: none were within the limit. */
export async function watchAgreements(options: WatchOptions): Promise<boolean> {
  const { list, events, print, nowMs, pause, limitMs } = options;
  const startedMs = nowMs();
  const known = new Map<string, NodeAgreement>();
  const report = (text: string) => print(`${Math.round((nowMs() - startedMs) / 1000)} s: ${text}`);
  report("registered; the agreement bot is looking for a deployment policy that matches");
  for (;;) {
    const agreements = await list();
    for (const agreement of agreements) {
      const { id, service, policy, stage } = agreement;
      if (known.get(id)?.stage !== stage) report(`${service} by ${policy}: ${STAGE_TEXTS[stage]}`);
      known.set(id, agreement);
    }
    const ids = new Set(agreements.map(({ id }) => id));
    for (const [id, { service }] of known) {
      if (ids.has(id)) continue;
      known.delete(id);
      report(`${service}: agreement ended; see hzn eventlog list`);
    }
    if (agreements.some(({ stage }) => stage === "running")) return true;
    if (nowMs() - startedMs >= limitMs) break;
    await pause();
  }
  report(known.size === 0 ? "no agreement" : "not running yet");
  for (const event of (await events()).slice(-EVENTS_PRINTED)) print(`  ${event}`);
  return false;
}
