// `make record-hub`: sends the requests of the make targets, and some that a hub refuses, to the hub that the environment names,
// and keeps the answers.

import { writeFileSync } from "node:fs";
import { environment } from "../../common/environment.js";
import { printLine } from "../../common/terminal.js";
import { describeHzn } from "../policy/golden/hzn.js";
import { anonymized, Recorder } from "./recorder.js";
import { type Recording, recordingFile, TARGETS } from "./recording.js";
import { requests, withoutUndefined } from "./requests.js";
import {
  EXCHANGE_NODE,
  EXCHANGE_NODE_POLICY,
  hubFromEnvironment,
  NAME,
  NODE,
  request,
  runningStatus,
  VerifyWorkspace,
} from "./verify-workspace.js";

const hub = hubFromEnvironment(environment);
if (hub.css === undefined) throw new Error("HZN_FSS_CSSURL is not set");
const { org, login, ca } = hub;
const exchange = await Recorder.start({ target: new URL(hub.exchange).origin, ca });
const css = await Recorder.start({ target: hub.css, ca });
const { pathname } = new URL(hub.exchange);
const through = { ...hub, exchange: `${exchange.url}${pathname}`, css: css.url };
const workspace = new VerifyWorkspace(through, hub.hzn);
const runs: Recording["runs"][number][] = [];
const version = await fetch(`${through.exchange}/admin/version`);
const exchangeVersion = (await version.text()).trim();
exchange.recorded.length = 0;
try {
  await request(through, "PUT", `nodes/${NODE}`, EXCHANGE_NODE);
  await request(through, "PUT", `nodes/${NODE}/policy`, EXCHANGE_NODE_POLICY);
  await request(through, "POST", `nodes/${NODE}/heartbeat`);
  await request(through, "PUT", `nodes/${NODE}/status`, runningStatus(org, "98.0.0", Date.now()));
  note("a node", 0, "");
  for (const target of TARGETS) {
    const { code, err } = await workspace.make(...target);
    note(target.join(" "), code, err);
  }
  await request(through, "DELETE", `nodes/${NODE}`);
  note("no node", 0, "");
  for (const { method, path, body } of requests(org, Date.now())) {
    await request(through, method, path, withoutUndefined(body));
  }
  note("requests", 0, "");
} finally {
  workspace.remove();
  await exchange.stop();
  await css.stop();
}

/** Moves what was recorded since the last call into a run. */
function note(command: string, exit: number, err: string): void {
  const owner = { org, user: login.split(":", 1)[0] ?? "" };
  const taken = (recorder: Recorder, prefix: string) =>
    recorder.recorded.splice(0).flatMap((one) => {
      const path = one.path.replace(prefix, "");
      // Requests about the other nodes of the hub are not kept.
      if (/\/nodes\/(?!slipstream-verify)/.test(path)) return [];
      return anonymized({ ...one, path }, owner, (id) => id.includes(NAME));
    });
  const recorded = { exchange: taken(exchange, `${pathname.slice(1)}/`), css: taken(css, "") };
  runs.push({ command, exit, ...recorded });
  printLine(`${command}: ${recorded.exchange.length + recorded.css.length} answers, exit ${exit}`);
  if (exit !== 0) printLine(err.trim());
}

const recording: Recording = {
  versions: { exchange: exchangeVersion, hzn: describeHzn(hub.hzn, "").version },
  date: new Date().toISOString().slice(0, 10),
  runs,
};
writeFileSync(recordingFile, `${JSON.stringify(recording, null, 2)}\n`);
