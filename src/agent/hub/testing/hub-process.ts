/**
 * A process that takes in what the hub sends, for tests that kill it or measure it: hub-process.js DIRECTORY SOCKET
 * CERTIFICATE CREDENTIALS. It prints events, and its memory now and then, one JSON a line.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TRUST_ALL } from "../../../common/bundle/signature.js";
import { openHubState } from "../../../common/hub/state.js";
import { systemClock } from "../../../common/time/clock.js";
import { ModelStore } from "../../models/store.js";
import { ESS_TIMING, EssClient } from "../ess-client.js";
import { Hub } from "../hub.js";

const [directory = "", socketPath = "", certificate = "", credentials = ""] = process.argv.slice(2);
const SAMPLE_MS = 5;
const PACE = { intervalMs: 20, longestMs: 100 };

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

mkdirSync(directory, { recursive: true });
const state = await openHubState(directory, (detail) => say({ t: "forgotten", detail }));
const store = await ModelStore.open({
  directory: join(directory, "store"),
  shipped: directory,
  maxBytes: 1e11,
  trust: TRUST_ALL,
  board: () => "",
  trace: say,
});
const address = { socketPath, certificate, credentials };
const hub = new Hub({
  ess: new EssClient({ address, ...ESS_TIMING }),
  store,
  state,
  check: () => [],
  version: "0",
  clock: systemClock,
  trace: ({ t, ...rest }) => say({ t, id: "object" in rest ? rest.object.id : undefined }),
  changed: () => {},
  pace: { settings: PACE, models: PACE },
});
let largest = 0;
setInterval(() => {
  const rss = process.memoryUsage.rss();
  if (rss > largest) {
    largest = rss;
    say({ t: "memory", rss });
  }
}, SAMPLE_MS);
await hub.run(new AbortController().signal);
