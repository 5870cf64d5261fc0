// What a node's Horizon agent says of its agreements, told step by step until the service runs.

import { isObject } from "../../common/json/document.js";

/** An agreement of a node, as `hzn agreement list` tells of it. */
export interface NodeAgreement {
  readonly id: string;
  readonly policy: string;
  /** Name, version and architecture of the service. */
  readonly service: string;
  readonly stage: Stage;
}

/** In this order; between accepted and running lies the pull of the images. */
const STAGES = ["proposed", "accepted", "finalized", "running"] as const;
export type Stage = (typeof STAGES)[number];

const WORDS: Readonly<Record<Stage, string>> = {
  proposed: "an agreement is proposed",
  accepted: "the agreement is accepted: images are pulled, containers started",
  finalized: "the agreement is final: images are pulled, containers started",
  running: "all containers were started",
};

/** Reads what `hzn agreement list` prints. Chatter may stand before the JSON. */
export function readAgreements(output: string): NodeAgreement[] {
  const list: unknown = JSON.parse(output.slice(output.indexOf("[")));
  return (Array.isArray(list) ? list : []).filter(isObject).map((one) => {
    const said = (key: string) => typeof one[key] === "string" && one[key] !== "";
    const run = isObject(one["workload_to_run"]) ? one["workload_to_run"] : {};
    const stage = said("agreement_execution_start_time")
      ? "running"
      : said("agreement_finalized_time")
        ? "finalized"
        : said("agreement_accepted_time")
          ? "accepted"
          : "proposed";
    return {
      id: String(one["current_agreement_id"]),
      // hzn: "Policy for myorg/node merged with myorg/policy".
      policy: String(one["name"]).replace(/^.* merged with /, ""),
      service: `${run["url"]} ${run["version"]} ${run["arch"]}`,
      stage,
    };
  });
}

export interface Watching {
  readonly list: () => Promise<NodeAgreement[]>;
  /** The node's event log, the newest last. */
  readonly events: () => Promise<string[]>;
  readonly say: (line: string) => void;
  readonly nowMs: () => number;
  readonly pause: () => Promise<void>;
  readonly limitMs: number;
}

const EVENTS_TOLD = 5;

/** Tells what becomes of the node's agreements. True: one of them runs. False: none does within the limit. */
export async function watchAgreements(watching: Watching): Promise<boolean> {
  const { list, events, say, nowMs, pause, limitMs } = watching;
  const startedMs = nowMs();
  const known = new Map<string, NodeAgreement>();
  const tell = (text: string) => say(`${Math.round((nowMs() - startedMs) / 1000)} s: ${text}`);
  tell("registered; the agreement bot looks for a deployment policy that fits");
  for (;;) {
    const agreements = await list();
    for (const agreement of agreements) {
      const { id, service, policy, stage } = agreement;
      if (known.get(id)?.stage !== stage) tell(`${service} by ${policy}: ${WORDS[stage]}`);
      known.set(id, agreement);
    }
    const ids = new Set(agreements.map(({ id }) => id));
    for (const [id, { service }] of known) {
      if (ids.has(id)) continue;
      known.delete(id);
      tell(`${service}: the agreement has ended; hzn eventlog list says why`);
    }
    if (agreements.some(({ stage }) => stage === "running")) return true;
    if (nowMs() - startedMs >= limitMs) break;
    await pause();
  }
  tell(known.size === 0 ? "no agreement" : "it does not run yet");
  for (const event of (await events()).slice(-EVENTS_TOLD)) say(`  ${event}`);
  return false;
}
