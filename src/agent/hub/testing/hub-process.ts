/**
 * A process that syncs with the hub, for tests that kill or measure it: hub-process.js DIRECTORY SOCKET CERTIFICATE
 * CREDENTIALS. It prints its events, and its memory when it grows, as one JSON object per line.
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
const POLLING = { intervalMs: 20, maxBackoffMs: 100 };

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

mkdirSync(directory, { recursive: true });
const state = await openHubState(directory, (detail) => print({ t: "state lost", detail }));
const store = await ModelStore.open({
  directory: join(directory, "store"),
  shipped: directory,
  maxBytes: 1e11,
  trust: TRUST_ALL,
  board: () => "",
  onEvent: print,
});
const address = { socketPath, certificate, credentials };
const hub = new Hub({
  ess: new EssClient({ address, ...ESS_TIMING }),
  store,
  state,
  check: () => [],
  version: "0",
  clock: systemClock,
  onEvent: ({ t, ...rest }) => print({ t, id: "object" in rest ? rest.object.id : undefined }),
  onChange: () => {},
  polling: { settings: POLLING, models: POLLING },
});
let largest = 0;
setInterval(() => {
  const rss = process.memoryUsage.rss();
  if (rss > largest) {
    largest = rss;
    print({ t: "memory", rss });
  }
}, SAMPLE_MS);
await hub.run(new AbortController().signal);
