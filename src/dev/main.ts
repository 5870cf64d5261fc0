// `make dev`: starts both halves on this machine, with a demo camera if no camera is named, until Ctrl-C.

import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { environment } from "../common/environment.js";
import * as halves from "./halves.js";
import {
  containersHere,
  halvesIn,
  lookAround,
  WayError,
  wayOf,
  withNetwork,
} from "./in-containers.js";
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
  const containers = containersHere(root, environment);
  const way = wayOf(environment["DEV_IN"], await lookAround(environment["DEV_IN"], containers));
  if (way.t === "containers") {
    say("in containers, as Horizon runs them; DEV_IN=processes does without");
    if (!environment["RTSPINPUT"]?.trim()) say("RTSPINPUT names no camera; a test picture plays");
    return withNetwork(containers, () =>
      launch({ halves: halvesIn(containers, logDir), ...signals, say }),
    );
  }
  if (way.hint !== undefined) say(way.hint);

  const runDir = await makeRunDir();
  try {
    const place: halves.Place = { root, runDir, logDir, env: environment };
    const demo = environment["RTSPINPUT"]?.trim() ? undefined : halves.demoCamera(place);
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

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof WayError)) throw error;
  console.error(`dev: ${error.message}`);
  process.exitCode = 1;
}
