// `make record-hub`: has the make targets' requests, and some that a hub refuses, answered by the hub that the environment
// names, and keeps the answers.

import { writeFileSync } from "node:fs";
import { environment } from "../../common/environment.js";
import { describeHzn } from "../policy/golden/hzn.js";
import { ask, Bench, hubOf, NAME, NODE, PAPER_NODE, PAPER_POLICY, runningStatus } from "./bench.js";
import { plainRecording } from "./plain.js";
import { Recorder } from "./recorder.js";
import { type Recording, recordingFile, TARGETS } from "./recording.js";
import { asSent, requests } from "./requests.js";

const hub = hubOf(environment);
if (hub.css === undefined) throw new Error("HZN_FSS_CSSURL is not set");
const { org, login, ca } = hub;
const exchange = await Recorder.start({ target: new URL(hub.exchange).origin, ca });
const css = await Recorder.start({ target: hub.css, ca });
const { pathname } = new URL(hub.exchange);
const through = { ...hub, exchange: `${exchange.url}${pathname}`, css: css.url };
const bench = new Bench(through, hub.hzn);
const runs: Recording["runs"][number][] = [];
const version = await fetch(`${through.exchange}/admin/version`);
const exchangeVersion = (await version.text()).trim();
exchange.recorded.length = 0;
try {
  await ask(through, "PUT", `nodes/${NODE}`, PAPER_NODE);
  await ask(through, "PUT", `nodes/${NODE}/policy`, PAPER_POLICY);
  await ask(through, "POST", `nodes/${NODE}/heartbeat`);
  await ask(through, "PUT", `nodes/${NODE}/status`, runningStatus(org, "98.0.0", Date.now()));
  note("a node", 0, "");
  for (const target of TARGETS) {
    const { code, err } = await bench.make(...target);
    note(target.join(" "), code, err);
  }
  await ask(through, "DELETE", `nodes/${NODE}`);
  note("no node", 0, "");
  for (const { method, path, body } of requests(org, Date.now())) {
    await ask(through, method, path, asSent(body));
  }
  note("requests", 0, "");
} finally {
  bench.remove();
  await exchange.stop();
  await css.stop();
}

/** Moves what was recorded since the last time into a run. */
function note(command: string, exit: number, err: string): void {
  const owner = { org, user: login.split(":", 1)[0] ?? "" };
  const plain = (recorder: Recorder, below: string) =>
    recorder.recorded.splice(0).flatMap((one) => {
      const path = one.path.replace(below, "");
      // A fleet is asked about node by node: others are nobody's business.
      if (/\/nodes\/(?!slipstream-verify)/.test(path)) return [];
      return plainRecording({ ...one, path }, owner, (id) => id.includes(NAME));
    });
  const recorded = { exchange: plain(exchange, `${pathname.slice(1)}/`), css: plain(css, "") };
  runs.push({ command, exit, ...recorded });
  console.log(
    `${command}: ${recorded.exchange.length + recorded.css.length} answers, exit ${exit}`,
  );
  if (exit !== 0) console.log(err.trim());
}

const recording: Recording = {
  versions: { exchange: exchangeVersion, hzn: describeHzn(hub.hzn, "").version },
  date: new Date().toISOString().slice(0, 10),
  runs,
};
writeFileSync(recordingFile, `${JSON.stringify(recording, null, 2)}\n`);
