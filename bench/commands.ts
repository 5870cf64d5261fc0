// Measures how long commands of the command line take, including process start.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./statistics.js";

const CLI = "dist/src/cli/main.js";
const RUNS = 5;
const NODES = 100_000;

export interface CommandTimes {
  /** `lint --target all` with the default bundle. */
  readonly lintMs: number;
  /** `policy plan` over 100,000 nodes. */
  readonly planMs: number;
  /** `make check-package`. */
  readonly checkMs: number;
}

export async function measureCommands(): Promise<CommandTimes> {
  const directory = await mkdtemp(join(tmpdir(), "slip-"));
  try {
    const fleet = join(directory, "fleet.jsonl");
    await writeFleet(fleet);
    const policy = join(directory, "deployment.policy.json");
    await writeFile(policy, JSON.stringify(POLICY));
    return {
      lintMs: time(process.execPath, [
        ...[CLI, "lint", "--target", "all"],
        ...["--bundle", "models/nanodet-coco"],
      ]),
      planMs: time(process.execPath, [
        ...[CLI, "policy", "plan"],
        ...["--fleet", fleet, "--deployment", policy],
      ]),
      checkMs: time("make", ["check-package", "HZN_ORG_ID=bench"]),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function time(program: string, args: readonly string[]): number {
  const spent = Array.from({ length: RUNS }, () => {
    const began = performance.now();
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    // Status 1 is a verdict, not a failure.
    if (status !== 0 && status !== 1) throw new Error(`${args.join(" ")}: ${stderr}`);
    return performance.now() - began;
  });
  return median(spent);
}

const POLICY = {
  label: "bench",
  service: {
    name: "slipstream",
    org: "bench",
    arch: "*",
    serviceVersions: [
      { version: "1.1.0", priority: { priority_value: 1, retries: 2, retry_durations: 600 } },
      { version: "1.0.0", priority: { priority_value: 2, retries: 2, retry_durations: 600 } },
    ],
  },
  constraints: ['slipstream.board in "t4,nano" AND slipstream.gpu-memory >= 2000'],
};

/** A fleet with every kind of node that a policy distinguishes. */
async function writeFleet(path: string): Promise<void> {
  const boards = ["t4", "nano", "orin-nano", "none"];
  const out = createWriteStream(path);
  for (let node = 0; node < NODES; node++) {
    const board = boards[node % boards.length];
    const properties = [
      { name: "openhorizon.arch", value: board === "t4" ? "amd64" : "arm64" },
      { name: "slipstream.board", value: board },
      { name: "slipstream.gpu-memory", value: node % 7 === 0 ? 1000 : 4000 },
      { name: "slipstream.ring", value: node % 3 },
    ];
    const line = `${JSON.stringify({ id: `node-${node}`, properties, constraints: [] })}\n`;
    if (!out.write(line)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
}
