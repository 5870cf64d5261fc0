// `make dev`: starts both halves on this machine, with a demo camera if no camera is named, until Ctrl-C.
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as halves from "./halves.js";
import { launch } from "./launch.js";
import { makeRunDir, removeRunDir } from "./run-dir.js";
import { stopSignals } from "./stop-signals.js";

async function main(): Promise<number> {
  const signals = stopSignals();
  const say = (line: string) => console.error(`dev: ${line}`);

  // dist/src/dev/main.js
  const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
  const logDir = join(root, "build/dev");
  await mkdir(logDir, { recursive: true });
  const runDir = await makeRunDir();
  try {
    const place: halves.Place = { root, runDir, logDir, env: process.env };
    const demo = process.env["RTSPINPUT"]?.trim() ? undefined : halves.demoCamera(place);
    void demo?.address.then((uri) =>
      say(`RTSPINPUT names no camera; a demo camera plays at ${uri}`),
    );
    return await launch({
      halves: [
        ...(demo === undefined ? [] : [demo.half]),
        halves.sidecar(place),
        halves.agent(place, demo?.address),
      ],
      ...signals,
      say,
    });
  } finally {
    await removeRunDir(runDir);
  }
}

process.exitCode = await main();
