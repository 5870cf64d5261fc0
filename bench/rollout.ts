// `make simulate-rollout`: rolls out good and bad releases to a simulated fleet. Prints a table and writes
// build/rollout.json. NODES=n, SEED=n: the seed that a run prints repeats that run.
import { mkdirSync, writeFileSync } from "node:fs";
import { allReleases, isWrong, RINGS, ROUGH, simulate } from "../test/across/simulation.js";

const nodes = numberOf("NODES", 1000);
const seed = numberOf("SEED", Date.now() % 1_000_000);
console.error(`rollout: ${nodes} nodes, SEED=${seed}`);
const started = performance.now();
const outcomes = simulate({ seed, nodes, releases: allReleases(), weather: ROUGH, trials: true });
const seconds = (performance.now() - started) / 1000;

const cells = outcomes.map(({ release, reached, kept, thrownOut, slowestBackS, reasons }) => [
  `${release.kind} ${release.name}`,
  release.defect ?? "good",
  ...reached.map(String),
  String(kept),
  String(thrownOut),
  thrownOut === 0 ? "" : String(Math.round(slowestBackS)),
  reasons.join(", "),
]);
const head = ["release", "is", ...RINGS.map((ring) => `ring ${ring}`), "kept", "thrown out"];
const rows = [[...head, "slowest return, s", "why"], ...cells];
const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
for (const row of rows) {
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
const wrong = outcomes.filter(isWrong);
console.log(
  `\n${wrong.length} wrong of ${outcomes.length} releases; ${seconds.toFixed(1)} s, SEED=${seed}`,
);
mkdirSync("build", { recursive: true });
writeFileSync(
  "build/rollout.json",
  `${JSON.stringify({ seed, nodes, seconds, outcomes }, null, 2)}\n`,
);
if (wrong.length > 0) process.exitCode = 1;

function numberOf(name: string, fallback: number): number {
  const text = process.env[name];
  if (!text) return fallback;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`${name} is "${text}"; a whole number`);
}
