// `make race`: Slipstream beside what people use, on this machine and in one run. Prints Markdown, writes build/race.json.
//   ROUNDS=5 SECONDS=20 LOADS=640x360@15,1280x720@30,1920x1080@30 CAMERAS=1,2,4,8,16 ONLY=regular expression RECOVERY=no
import { mkdir, writeFile } from "node:fs/promises";
import { start } from "../../test/support/processes.js";
import { machine } from "../report.js";
import { withScope } from "../scope.js";
import { BUNDLE, CONTESTANTS, type Load } from "./contestants.js";
import { measure, measureRecovery, type Recovery, type Sample } from "./measure.js";
import { type Alone, asMarkdown, type Result } from "./report.js";

const PYTHON = ".venv/bin/python";

const rounds = numberOf("ROUNDS", 5);
const seconds = numberOf("SECONDS", 20);
const cameraCounts = listOf("CAMERAS", "1,2,4,8,16").map(Number);
const loads = listOf("LOADS", "640x360@15,1280x720@30,1920x1080@30");
const only = new RegExp(process.env["ONLY"] || ".");
const recovers = process.env["RECOVERY"] !== "no";

const contestants = CONTESTANTS.filter(({ name }) => only.test(name));
for (const { name } of contestants.filter(({ isInstalled }) => !isInstalled)) {
  console.error(`race: ${name} is not installed and does not take part`);
}
const taking = contestants.filter(({ isInstalled }) => isInstalled);
const cases = loads.flatMap((load) => cameraCounts.map((cameras) => ({ load, cameras })));
const results = new Map<string, { samples: Sample[]; recoveries: Recovery[] }>();

await mkdir("build/race", { recursive: true });
console.error("race: the network alone");
const alone = await inferenceAlone();
for (let round = 1; round <= rounds; round++) {
  for (const { load, cameras } of cases) {
    for (const contestant of taking) {
      const key = JSON.stringify([contestant.name, load, cameras]);
      const all = results.get(key) ?? { samples: [], recoveries: [] };
      results.set(key, all);
      console.error(`race: round ${round}, ${load}, cameras: ${cameras}, ${contestant.name}`);
      try {
        all.samples.push(await measure(contestant, loadOf(load), cameras, seconds));
        if (recovers && cameras === 1 && load === loads[0]) {
          all.recoveries.push(await measureRecovery(contestant, loadOf(load)));
        }
      } catch (error) {
        // One that cannot carry a load is left out of its table; the others go on.
        console.error(
          `race: ${contestant.name}: ${error instanceof Error ? error.message : error}`,
        );
      }
      await write();
    }
  }
}
console.log(
  `${machine()}\n\n${asMarkdown(collected(), alone)}\n\nthe same as JSON: build/race.json`,
);

function collected(): Result[] {
  return cases.flatMap(({ load, cameras }) =>
    taking.flatMap(({ name }) => {
      const all = results.get(JSON.stringify([name, load, cameras]));
      return all === undefined || all.samples.length === 0
        ? []
        : [{ contestant: name, load, cameras, ...all }];
    }),
  );
}

/** After each measurement: a long run that is interrupted leaves what it has. */
async function write(): Promise<void> {
  const all = { machine: machine(), rounds, seconds, alone, results: collected() };
  await writeFile("build/race.json", `${JSON.stringify(all, undefined, 2)}\n`);
}

function inferenceAlone(): Promise<Alone[]> {
  return withScope(async (scope) => {
    const program = start(
      scope,
      PYTHON,
      ["bench/race/inference_alone.py", BUNDLE, String(Math.min(seconds, 5))],
      { env: { PYTHONPATH: "src:src/sidecar/gen" } },
    );
    const { code } = await program.ended;
    if (code !== 0) throw new Error(program.errorLines.join("\n"));
    // inference_alone.py prints this shape.
    return JSON.parse(program.lines.at(-1) ?? "") as Alone[];
  });
}

function loadOf(text: string): Load {
  const [, width, height, rate] = /^(\d+)x(\d+)@(\d+)$/.exec(text) ?? [];
  if (rate === undefined) throw new Error(`LOADS has "${text}"; a load is WIDTHxHEIGHT@RATE`);
  return { width: Number(width), height: Number(height), rate: Number(rate) };
}

function numberOf(name: string, byDefault: number): number {
  const value = Number(process.env[name] || byDefault);
  if (!(value >= 1)) throw new Error(`${name} is "${process.env[name]}"; a number from 1 on`);
  return value;
}

function listOf(name: string, byDefault: string): string[] {
  return (process.env[name] || byDefault).split(",");
}
