import assert from "node:assert/strict";
import test from "node:test";
import { type NodeAgreement, parseAgreements, type Stage, watchAgreements } from "./agent-run.js";

const agreement = (stage: Stage, id = "a1"): NodeAgreement => ({
  id,
  policy: "myorg/policy-slipstream",
  service: "slipstream 0.1.0 amd64",
  stage,
});

/** Each poll of the node finds the next of these lists, and then the last one forever. */
async function watch(lists: readonly NodeAgreement[][], limitS = 600) {
  const said: string[] = [];
  let nowMs = 0;
  let polls = 0;
  const runs = await watchAgreements({
    list: () => Promise.resolve(lists[Math.min(polls++, lists.length - 1)] ?? []),
    events: () => Promise.resolve(["one", "two", "three", "four", "five", "six"]),
    print: (line) => said.push(line),
    nowMs: () => nowMs,
    pause: () => {
      nowMs += 2000;
      return Promise.resolve();
    },
    limitMs: limitS * 1000,
  });
  return { runs, said };
}

test("each stage of an agreement is printed once, until its containers run", async () => {
  const { runs, said } = await watch([
    [],
    [agreement("proposed")],
    [agreement("proposed")],
    [agreement("finalized")],
    [agreement("running")],
  ]);
  assert.equal(runs, true);
  const of = "slipstream 0.1.0 amd64 by myorg/policy-slipstream";
  assert.deepEqual(said, [
    "0 s: registered; the agreement bot is looking for a deployment policy that matches",
    `2 s: ${of}: agreement proposed`,
    `6 s: ${of}: agreement finalized: pulling images, starting containers`,
    `8 s: ${of}: all containers started`,
  ]);
});

test("the end of an agreement is printed, and the next one is awaited", async () => {
  const { runs, said } = await watch([[agreement("accepted")], [], [agreement("running", "a2")]]);
  assert.equal(runs, true);
  assert.match(said[2] ?? "", /^2 s: slipstream 0\.1\.0 amd64: agreement ended/);
});

test("without an agreement the wait ends with the last events of the node", async () => {
  const { runs, said } = await watch([[]], 10);
  assert.equal(runs, false);
  assert.deepEqual(said.slice(1), [
    "10 s: no agreement",
    ...["  two", "  three", "  four", "  five", "  six"],
  ]);
});

test("the output of hzn is parsed, whatever precedes it", () => {
  const fields = {
    name: "Policy for myorg/node merged with myorg/policy-slipstream",
    current_agreement_id: "a1",
    agreement_creation_time: "2026-11-30 10:00:00 +0000 UTC",
    agreement_accepted_time: "2026-11-30 10:00:01 +0000 UTC",
    agreement_finalized_time: "",
    agreement_execution_start_time: "",
    workload_to_run: { url: "slipstream", org: "myorg", version: "0.1.0", arch: "amd64" },
  };
  assert.deepEqual(parseAgreements(`Warning: chatter\n${JSON.stringify([fields], null, 2)}`), [
    agreement("accepted"),
  ]);
  assert.deepEqual(parseAgreements("[]\n"), []);
});
