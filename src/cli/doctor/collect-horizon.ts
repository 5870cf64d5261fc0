/** What Horizon's agent and the Exchange say, by the command hzn. */

import { z } from "zod";
import { type Fact, type HorizonFacts, known, unknown } from "./facts.js";
import { run } from "./run.js";

const nodeSchema = z.object({ configstate: z.object({ state: z.string() }) });
const agreementsSchema = z.array(
  z.object({
    agreement_accepted_time: z.string().default(""),
    agreement_execution_start_time: z.string().default(""),
    workload_to_run: z.object({
      org: z.string().default(""),
      url: z.string(),
      version: z.string(),
      arch: z.string(),
    }),
  }),
);
const propertySchema = z.object({ name: z.string(), value: z.unknown() });
const policySchema = z.object({
  properties: z.array(propertySchema).nullish(),
  deployment: z.object({ properties: z.array(propertySchema).nullish() }).nullish(),
});

export async function readHorizon(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Fact<HorizonFacts>> {
  const hzn = async (...args: string[]) => jsonIn(await run("hzn", args, environment, signal));
  const { configstate } = nodeSchema.parse(await hzn("node", "list"));
  const agreements = agreementsSchema.parse(await hzn("agreement", "list"));
  const policy = policySchema.parse(await hzn("policy", "list"));
  // Those of the deployment part override the common ones.
  const properties = [...(policy.properties ?? []), ...(policy.deployment?.properties ?? [])];
  return known({
    configState: configstate.state,
    agreements: agreements.flatMap((one) => {
      const { url, version } = one.workload_to_run;
      const acceptedMs = horizonTime(one.agreement_accepted_time);
      const startedMs = horizonTime(one.agreement_execution_start_time);
      const service = `${url} ${version}`;
      return acceptedMs === undefined ? [] : [{ service, acceptedMs, startedMs }];
    }),
    properties: new Map(properties.map(({ name, value }) => [name, String(value)])),
  });
}

/** Digests in the definition of the service that an agreement runs here. Only a user may read it, not every node. */
export async function readPublished(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Fact<readonly string[]>> {
  if (!environment["HZN_EXCHANGE_USER_AUTH"]) return unknown("HZN_EXCHANGE_USER_AUTH is not set");
  const hzn = async (...args: string[]) => run("hzn", args, environment, signal);
  const [agreement] = agreementsSchema.parse(jsonIn(await hzn("agreement", "list")));
  if (agreement === undefined) return unknown("the node has no agreement");
  const { org, url, version, arch } = agreement.workload_to_run;
  const definition = await hzn(
    "exchange",
    "service",
    "list",
    `${org}/${url}_${version}_${arch}`,
    "--long",
  );
  return known(
    [...definition.matchAll(/@(sha256:[0-9a-f]{64})/g)].map(([, digest]) => digest ?? ""),
  );
}

/** hzn prints hints before some of its answers. */
function jsonIn(output: string): unknown {
  return JSON.parse(output.slice(Math.max(0, output.search(/^[[{]/m))));
}

/** "2026-11-30 14:03:22 +0000 UTC"; empty: not yet. */
export function horizonTime(text: string): number | undefined {
  const [, date, time, zone = "+0000"] =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)?(?: ([+-]\d{4}))?/.exec(text) ?? [];
  if (date === undefined) return undefined;
  return Date.parse(`${date}T${time}${zone.slice(0, 3)}:${zone.slice(3)}`);
}
