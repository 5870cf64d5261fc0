import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readReport } from "../common/hub/node-report.js";
import { loadConfig } from "../common/settings/config.js";
import { eventually } from "../common/testing/eventually.js";
import { type Clock, systemClock } from "../common/time/clock.js";
import { Agent } from "./agent.js";
import { locateEss } from "./hub/ess.js";
import { EssDouble } from "./hub/testing/ess-double.js";
import { createLogs } from "./log/log.js";
import { beat, ServerDouble, socketDirectory } from "./sidecar/testing/server-double.js";
import type { Candidate } from "./trial/candidate.js";
import { recordPass } from "./trial/record.js";
import { TrialStore } from "./trial/store.js";

const SETTINGS = "slipstream-settings";

/** Calls back early: a pause of minutes is over at once, and whoever waits for a time looks at the clock again. */
const impatient: Clock = {
  now: systemClock.now,
  at: (timeMs, callback) => systemClock.at(Math.min(timeMs, systemClock.now() + 20), callback),
};

describe("Agent", () => {
  let place: Awaited<ReturnType<typeof socketDirectory>>;
  let env: Record<string, string>;
  let server: ServerDouble;
  let lines: string[];
  let ends: (() => Promise<void>)[];

  beforeEach(async () => {
    place = await socketDirectory();
    env = {
      RTSPINPUT: "front=rtsp://u:hunter2@cam/1",
      SLIPSTREAM_SOCKET: inPlace("worker.sock"),
      STATE_DIR: inPlace("state"),
      MODELS_DIR: inPlace("models-from-hub"),
      SECRETS_DIR: inPlace("secrets"),
      TRIAL: "no",
    };
    [lines, ends] = [[], []];
    server = new ServerDouble({
      watch: (call) => beat(call, () => ({ generation: server.applied.at(-1)?.generation ?? "" })),
    });
    await server.listen(inPlace("worker.sock"));
  });

  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    server.stop();
    await place.remove();
    // Before the redactor, which is the last resort.
    assert.doesNotMatch(lines.join("\n"), /hunter\d/);
  });

  function inPlace(name: string): string {
    return join(place.path, name);
  }

  /** Starts an agent. Returns what stops it. */
  function start(version = "1.0.0", agreementId?: string): () => Promise<void> {
    const stream = new Writable({
      write: (line, _, done) => {
        lines.push(String(line));
        done();
      },
    });
    const logs = createLogs({ level: "debug", format: "json", redact: (text) => text, stream });
    const config = loadConfig(env, place.path);
    const agent = new Agent({
      config,
      service: { version, on: config.trial, agreementId },
      ess: locateEss(env),
      node: "laptop",
      redact: (text) => text,
      trialStore: trialStore(),
      shippedModels: inPlace("shipped"),
      clock: impatient,
      wallClock: Date.now,
      logs,
      onTrialEvent: () => {},
      failVersion: () => assert.fail("this is no service"),
    });
    const controller = new AbortController();
    const running = agent.run(controller.signal);
    const stop = () => {
      controller.abort();
      return running;
    };
    ends.push(stop);
    return stop;
  }

  function trialStore(): TrialStore {
    return new TrialStore({ directory: inPlace("state"), onEvent: () => {} });
  }

  async function startHub(): Promise<EssDouble> {
    const ess = await EssDouble.start();
    ends.push(() => ess.stop());
    env = { ...env, ...ess.environment };
    return ess;
  }

  function publish(ess: EssDouble, document: object): void {
    ess.publish({ type: SETTINGS, id: "site", data: Buffer.from(JSON.stringify(document)) });
  }

  /** The service forgets what was answered with `consumed`. */
  function consumed(ess: EssDouble): Promise<void> {
    return eventually(() => ess.statusOf(SETTINGS, "site") === undefined, "it is consumed");
  }

  /** The first running camera's; undefined where it has none, or where nothing runs. */
  const passwordNow = () => server.applied.at(-1)?.spec?.cameras[0]?.credentials?.password;
  const passwordIs = (password: string) =>
    eventually(() => passwordNow() === password, `the password is ${password}`);
  const thresholds = () => server.applied.map(({ spec }) => spec?.models[0]?.threshold);
  const thresholdIs = (threshold: number | undefined) =>
    eventually(
      () => server.applied.length > 0 && thresholds().at(-1) === threshold,
      `the threshold is ${threshold}`,
    );

  it("reports to the hub what runs, and why it refuses what the hub sends", async () => {
    const ess = await startHub();
    start();
    await passwordIs("hunter2");
    publish(ess, { cameras: [{ name: "x", uri: "rtsp://eve:hunter2@" }] });
    const reported = () =>
      readReport(ess.sentUp.get("slipstream-status/laptop")?.description ?? "");
    await eventually(() => reported()?.objects[0]?.state === "refused", "the refusal is reported");
    const { version, trial, objects } = reported() ?? {};
    assert.deepEqual([version, trial?.state], ["1.0.0", "off"]);
    assert.match(objects?.[0]?.reason ?? "", /site:1: cameras/);
    assert.doesNotMatch(JSON.stringify(reported()), /hunter2/);
  });

  it("applies the environment, and the settings file as soon as it changes", async () => {
    env["SETTINGS_FILE"] = inPlace("settings.json");
    writeFileSync(env["SETTINGS_FILE"], '{"model":{"threshold":0.5}}');
    start();
    await passwordIs("hunter2");
    await thresholdIs(0.5);
    writeFileSync(
      env["SETTINGS_FILE"],
      '{"model":{"threshold":0.25},"cameras":["rtsp://u:hunter3@b"]',
    );
    await eventually(() => lines.some((line) => line.includes("setting refused")), "it is refused");
    await thresholdIs(0.5);
    writeFileSync(env["SETTINGS_FILE"], '{"model":{"threshold":0.75}}');
    await thresholdIs(0.75);
    assert.ok(!thresholds().includes(0.25));
  });

  it("gives a camera its current secret", async () => {
    env["RTSPINPUT"] = "front=rtsp://secret:cam@cam/1";
    start();
    await eventually(() => server.applied.length > 0, "it is tried without");
    assert.equal(passwordNow(), undefined);
    mkdirSync(inPlace("secrets"));
    for (const password of ["hunter4", "hunter5"]) {
      writeFileSync(inPlace("secrets/cam"), JSON.stringify({ key: "u", value: password }));
      await passwordIs(password);
    }
  });

  it("waits for the hub's document where there is no camera without it, and keeps the document", async () => {
    delete env["RTSPINPUT"];
    const ess = await startHub();
    const stop = start();
    await eventually(
      () => lines.some((line) => line.includes("RTSPINPUT: is not set")),
      "it says what is missing",
    );
    publish(ess, { cameras: [{ uri: "rtsp://u:hunter6@cam/2" }] });
    await passwordIs("hunter6");
    await consumed(ess);
    await stop();
    await ess.shutDown();
    server.applied.length = 0;
    start();
    await passwordIs("hunter6");
  });

  it("tries a new version with the hub's current settings, not with a last good one that the hub has withdrawn", async () => {
    const ess = await startHub();
    publish(ess, { model: { threshold: 0.5 } });
    const stop = start();
    await thresholdIs(0.5);
    const model = server.applied.at(-1)?.spec?.models[0]?.bundlePath ?? "";
    const hub = JSON.stringify({ model: { threshold: 0.5 } });
    const good = {
      revision: "a",
      desired: { generation: "a" },
      content: { file: null, hub, models: [model] },
    };
    const store = trialStore();
    store.save(
      recordPass(store.record, good as unknown as Candidate, undefined, "1.0.0", Date.now()),
    );
    // What it takes away before its trial of what is left is over is the last good one still.
    ess.remove(SETTINGS, "site");
    await thresholdIs(undefined);
    await eventually(
      () => ess.statusOf(SETTINGS, "site") === undefined,
      "the deletion is answered",
    );
    await stop();
    env["TRIAL"] = "yes";
    const before = server.applied.length;
    start("2.0.0", "a1");
    await eventually(() => server.applied.length > before, "the new version begins");
    const [first] = server.applied.slice(before);
    assert.equal(first?.spec?.models[0]?.threshold, undefined);
  });

  it("ignores the hub's documents when the hub is off", async () => {
    const ess = await startHub();
    publish(ess, { model: { threshold: 0.5 } });
    const stop = start();
    await thresholdIs(0.5);
    await stop();
    env["HUB"] = "off";
    start();
    await thresholdIs(undefined);
  });

  for (const directory of ["state", "models-from-hub"]) {
    it(`runs while the directory of its ${directory} cannot be used, and asks the hub once it can`, async () => {
      writeFileSync(inPlace(directory), "in the way");
      const ess = await startHub();
      publish(ess, { model: { threshold: 0.5 } });
      start();
      await passwordIs("hunter2");
      await eventually(
        () => lines.some((line) => line.includes("cannot use the directories")),
        "it says what is wrong",
      );
      assert.deepEqual(ess.calls, []);
      rmSync(inPlace(directory));
      await thresholdIs(0.5);
    });
  }

  it("runs without a hub whose address is unusable", async () => {
    env["HZN_ESS_AUTH"] = "auth.json";
    start();
    await passwordIs("hunter2");
    assert.ok(lines.some((line) => line.includes("cannot ask the hub")));
  });

  it("confirms a document that changes nothing but hours", async () => {
    const ess = await startHub();
    publish(ess, { model: { threshold: 0.5 } });
    start();
    await consumed(ess);
    const hours = { on: "0 0 * * *", off: "59 23 * * *" };
    publish(ess, { model: { threshold: 0.5 }, hours });
    await consumed(ess);
    assert.match(readFileSync(inPlace("state/hub/settings.json"), "utf8"), /59 23/);
  });

  it("runs without a settings file that is no plain file", async () => {
    env["SETTINGS_FILE"] = inPlace("pipe");
    // Opening it would wait for the other end.
    execFileSync("mkfifo", [env["SETTINGS_FILE"]]);
    start();
    await passwordIs("hunter2");
    assert.ok(lines.some((line) => line.includes("it is not a regular file")));
  });

  it("ends at once when it is stopped before it has started", async () => {
    await start()();
    assert.deepEqual(server.applied, []);
  });
});
