// `make chaos`: injects faults into the running product while viewers watch, and reports which promises were broken.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { until } from "../../test/support/scope.js";
import { machine } from "../report.js";
import { withScope } from "../scope.js";
import { CATALOGUE } from "./catalogue.js";
import type { FaultKind } from "./fault.js";
import { injectFault } from "./inject.js";
import { broken, GENEROUS, grown, STRICT } from "./judge.js";
import { leaks } from "./leaks.js";
import { deal, seeded } from "./random.js";
import type { FaultRecord } from "./record.js";
import { asLine, asTable } from "./table.js";
import { World } from "./world.js";

const DELIVERY_LIMIT_MS = 60_000;
const JSON_PATH = "build/chaos.json";

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  const { count, seed, strict, kinds } = options();
  const bounds = strict ? STRICT : GENEROUS;
  const random = seeded(seed);
  const faults = deal(kinds, count, random);
  console.log(`chaos: ${count} faults of ${kinds.length} kinds, seed ${seed}`);
  return await withScope(async (scope) => {
    const world = await World.start(scope, { witnesses: 2, victims: 3 });
    const records: FaultRecord[] = [];
    const verdicts: string[] = [];
    let agentBytes = 0;
    try {
      let turn = 0;
      for (const [index, kind] of faults.entries()) {
        if (kind.isOfCamera) turn++;
        const victim = world.victims[turn % world.victims.length];
        if (victim === undefined) throw new Error("there is no victim");
        const record = await injectFault(world, kind, { number: index + 1, victim, random });
        records.push(record);
        const promises = broken(record, bounds);
        verdicts.push(...promises.map((promise) => `${record.number} ${kind.name}: ${promise}`));
        console.log(asLine(record, promises));
        // Without recovery, the next fault cannot be judged.
        if (record.recoveredMs === undefined || stop.signal.aborted) break;
      }
      verdicts.push(...(await undelivered(world)));
      agentBytes = await memoryOf(world.agent.current.pid);
    } finally {
      await world.stop();
    }
    verdicts.push(...grown(records, bounds), ...leaks(world));
    await mkdir("build", { recursive: true });
    await writeFile(
      JSON_PATH,
      JSON.stringify(
        { machine: machine(), seed, count, bounds, records, verdicts, agentBytes },
        null,
        2,
      ),
    );
    console.log(`\n${asTable(records)}\n`);
    for (const verdict of verdicts) console.log(`BROKEN: ${verdict}`);
    if (verdicts.length > 0) console.log(`repeat with: make chaos N=${count} SEED=${seed}`);
    return verdicts.length === 0 ? 0 : 1;
  });
}

/** Events that were accepted and have not arrived, once everything works. */
async function undelivered({ sinks, stateDir }: World): Promise<string[]> {
  let missing: readonly string[] = [];
  try {
    await until("all events have arrived", DELIVERY_LIMIT_MS, async () => {
      missing = await sinks.missing(stateDir);
      return missing.length === 0;
    });
    return [];
  } catch {
    return [`${missing.length} events have not reached the webhook`];
  }
}

/** Resident memory of a process, in bytes. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

interface Options {
  readonly count: number;
  readonly seed: number;
  readonly strict: boolean;
  readonly kinds: readonly FaultKind[];
}

/** Reads N, SEED, STRICT=1, and ONLY: names of fault kinds, separated by commas. */
function options(): Options {
  const number = (name: string, otherwise: number) => {
    const text = process.env[name]?.trim() ?? "";
    const value = text === "" ? otherwise : Number(text);
    if (!Number.isInteger(value) || value < 0) {
      throw new Error(`${name} is ${text}, which is not a whole number`);
    }
    return value;
  };
  const only = (process.env["ONLY"] ?? "").split(",").map((name) => name.trim());
  const named = only
    .filter((name) => name !== "")
    .map((name) => {
      const kind = CATALOGUE.find((one) => one.name === name);
      if (kind === undefined) {
        throw new Error(
          `ONLY: no fault is called ${name}; there are: ${CATALOGUE.map((one) => one.name).join(", ")}`,
        );
      }
      return kind;
    });
  return {
    count: number("N", 25),
    seed: number("SEED", Math.floor(Math.random() * 2 ** 31)),
    strict: process.env["STRICT"] === "1",
    kinds: named.length === 0 ? CATALOGUE : named,
  };
}

process.exitCode = await main();
