// Measures idle costs (keeper, outlet, demo camera), and text processing whose worst case must stay bounded.
import { setTimeout as delay } from "node:timers/promises";
import { hideLogins, redactor } from "../src/common/secrets/redact.js";
import { hostileText } from "../src/common/settings/document/testing/documents.js";
import { readSettingsDocument } from "../src/common/settings/settings-document.js";
import { seededRandom } from "../src/common/testing/seeded-random.js";
import { cpuMs } from "../test/support/proc.js";
import { start } from "../test/support/processes.js";
import { until } from "../test/support/scope.js";
import { playFile, seenFrames, startViewer } from "../test/support/video.js";
import { withScope } from "./scope.js";

const PYTHON = ".venv/bin/python";
const SECONDS = 5;
const FIRST_FRAME_MS = 30_000;
const DOCUMENTS = 350;

export interface IdleCosts {
  /** In percent of one core. */
  readonly keeperPercent: number;
  readonly outletPercent: number;
  /** With one viewer. */
  readonly demoCameraPercent: number;
  /** CPU time for the worst hostile text: 100 kB in the sidecar, 400 kB in the agent. */
  readonly redactMs: number;
  readonly agentRedactMs: number;
  /** CPU time for the worst hostile settings document. */
  readonly documentMs: number;
}

export async function measureIdle(): Promise<IdleCosts> {
  const sidecar = await withScope(async (scope) => {
    const bench = start(scope, PYTHON, ["bench/sidecar_costs.py"]);
    const { code } = await bench.ended;
    if (code !== 0) throw new Error(bench.errorLines.join("\n"));
    // sidecar_costs.py prints this shape.
    return JSON.parse(bench.lines.at(-1) ?? "") as Pick<
      IdleCosts,
      "keeperPercent" | "outletPercent" | "redactMs"
    >;
  });
  return {
    ...sidecar,
    demoCameraPercent: await measureDemoCamera(),
    agentRedactMs: Math.max(
      ...hostileAddresses.map((text) => cpuOf(() => hideLogins(text))),
      backslashes(),
    ),
    documentMs: hostileDocuments(),
  };
}

function measureDemoCamera(): Promise<number> {
  return withScope(async (scope) => {
    const camera = await playFile(scope);
    const viewer = startViewer(scope, camera.uri, {});
    await until("a frame", FIRST_FRAME_MS, () => seenFrames(viewer).length > 0);
    const { pid } = camera.process;
    const [before, began] = [(await cpuMs(pid)) ?? Number.NaN, performance.now()];
    await delay(SECONDS * 1000);
    const spent = ((await cpuMs(pid)) ?? Number.NaN) - before;
    return (spent / (performance.now() - began)) * 100;
  });
}

const hostileAddresses = [
  `rtsp://h${".,".repeat(100_000)}a`,
  `${"a.b-".repeat(100_000)}://u:p@h`,
  `rtsp://[${":".repeat(100_000)}@x`,
  `rtsp://${"a:1/@".repeat(50_000)}`,
];

function backslashes(): number {
  const redact = redactor(["\\".repeat(50), '\\"\\"\\"\\"', "\\<\\<\\n", "\\\\\\ \\\\\\"]);
  return cpuOf(() => redact("\\".repeat(100_000)));
}

function hostileDocuments(): number {
  const random = seededRandom(3);
  const spent = Array.from({ length: DOCUMENTS }, () => {
    const text = hostileText(random);
    return cpuOf(() => readSettingsDocument(text, "bench"));
  });
  return Math.max(...spent);
}

/** Milliseconds of CPU time of this process. */
function cpuOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
