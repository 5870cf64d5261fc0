import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { runs } from "../../test/support/proc.js";
import { type Started, start } from "../../test/support/processes.js";
import { temporaryDirectory, until } from "../../test/support/scope.js";
import type { TestProgram } from "../../test/support/test-supervisor.js";
import { afterExit } from "./supervisor.js";

const SUPERVISOR = fileURLToPath(new URL("../../test/support/test-supervisor.js", import.meta.url));
const TIMEOUT_MS = 10_000;

/** Prints that it is up, and behaves as a program must: it exits on SIGTERM and with its lifeline. */
const obedient = (name: string, onTerm = ""): TestProgram => ({
  name,
  script: `
    process.on("SIGTERM", () => { console.log("${name} told"); ${onTerm} process.exit(0); });
    process.stdin.resume().on("end", () => process.exit(0));
    console.log("${name} up " + process.pid);`,
});

/** Ignores SIGTERM and its lifeline. */
const stubborn = (name: string): TestProgram => ({
  name,
  script: `
    process.on("SIGTERM", () => {});
    setInterval(() => {}, 1000);
    console.log("${name} up " + process.pid);`,
});

function supervise(t: TestContext, ...programs: TestProgram[]): Started {
  return start(t, process.execPath, [
    SUPERVISOR,
    ...programs.map((program) => JSON.stringify(program)),
  ]);
}

/** The pids of a program so far, in the order of its starts; waits for `count`. */
function pids(supervisor: Started, name: string, count = 1): Promise<number[]> {
  return until(`${count} starts of ${name}`, TIMEOUT_MS, () => {
    const found = supervisor.lines.flatMap(
      (line) => new RegExp(`^${name} up (\\d+)$`).exec(line)?.[1] ?? [],
    );
    return found.length >= count && found.map(Number);
  });
}

describe("the supervisor", () => {
  it("stops its programs in the reverse order of their start and returns 0", async (t) => {
    const supervisor = supervise(t, obedient("camera"), obedient("sidecar"), obedient("agent"));
    await Promise.all(["camera", "sidecar", "agent"].map((name) => pids(supervisor, name)));
    supervisor.signal("SIGINT");
    assert.deepEqual(await supervisor.end(TIMEOUT_MS), { code: 0, signal: null });
    const told = supervisor.lines.filter((line) => line.endsWith("told"));
    assert.deepEqual(told, ["agent told", "sidecar told", "camera told"]);
    assert.deepEqual(await supervisor.left(), []);
    assert.deepEqual(supervisor.errorLines, []);
  });

  it("stops the next program in time if the one before does not react", async (t) => {
    const supervisor = supervise(t, obedient("sidecar"), stubborn("agent"));
    await Promise.all(["sidecar", "agent"].map((name) => pids(supervisor, name)));
    supervisor.signal("SIGTERM");
    assert.deepEqual(await supervisor.end(TIMEOUT_MS), { code: 0, signal: null });
    assert.ok(supervisor.lines.includes("sidecar told"));
    assert.deepEqual(await supervisor.left(), []);
  });

  it("kills at once when asked twice", async (t) => {
    const supervisor = supervise(t, obedient("sidecar"), stubborn("agent"));
    await Promise.all(["sidecar", "agent"].map((name) => pids(supervisor, name)));
    supervisor.signal("SIGINT");
    supervisor.signal("SIGTERM");
    assert.deepEqual(await supervisor.end(TIMEOUT_MS), { code: 0, signal: null });
    // The sidecar is told only when the agent has exited or has had its turn.
    assert.ok(!supervisor.lines.includes("sidecar told"));
    assert.deepEqual(await supervisor.left(), []);
  });

  it("gives each program its own process group, which Ctrl-C does not reach", async (t) => {
    const supervisor = supervise(t, obedient("sidecar"), obedient("agent"));
    for (const name of ["sidecar", "agent"]) {
      const [pid = 0] = await pids(supervisor, name);
      const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
      assert.deepEqual([fields[2], fields[3]], [String(pid), String(pid)]);
    }
  });

  it("leaves nothing behind when it is killed itself", async (t) => {
    const supervisor = supervise(t, obedient("sidecar"), obedient("agent"));
    await Promise.all(["sidecar", "agent"].map((name) => pids(supervisor, name)));
    supervisor.signal("SIGKILL");
    await until(
      "the end of the programs",
      TIMEOUT_MS,
      async () => (await supervisor.left()).length === 0,
    );
  });

  it("restarts a program that was killed, and leaves the other alone", async (t) => {
    const supervisor = supervise(t, obedient("sidecar"), obedient("agent"));
    const [sidecar = 0] = await pids(supervisor, "sidecar");
    const [agent = 0] = await pids(supervisor, "agent");
    process.kill(sidecar, "SIGKILL");
    await pids(supervisor, "sidecar", 2);
    assert.deepEqual(supervisor.errorLines, ["sidecar ended (SIGKILL), restarting"]);
    assert.ok(await runs(agent));
    assert.deepEqual(await pids(supervisor, "agent"), [agent]);
  });

  it("kills the orphans of a program before restarting it", async (t) => {
    const script = `
      const { pid } = require("node:child_process").spawn("sleep", ["1000"], { stdio: "ignore" });
      console.log("orphan up " + pid);
      console.log("sidecar up " + process.pid);
      process.stdin.resume();`;
    const supervisor = supervise(t, { name: "sidecar", script });
    const [orphan = 0] = await pids(supervisor, "orphan");
    const [sidecar = 0] = await pids(supervisor, "sidecar");
    process.kill(sidecar, "SIGKILL");
    await pids(supervisor, "sidecar", 2);
    assert.equal(await runs(orphan), false);
  });

  it("exits with 78 and stops the others when a program has a bad configuration", async (t) => {
    const bad = {
      name: "agent",
      script: `console.error("CODEC: no such codec"); process.exitCode = 78;`,
    };
    const supervisor = supervise(t, obedient("sidecar"), bad);
    assert.deepEqual(await supervisor.end(TIMEOUT_MS), { code: 78, signal: null });
    assert.deepEqual(supervisor.errorLines, ["CODEC: no such codec"]);
    assert.deepEqual(await supervisor.left(), []);
  });

  it("prints once, with the last error of its log, that a program keeps ending", async (t) => {
    const log = join(await temporaryDirectory(t), "sidecar.log");
    const script = `
      console.error(JSON.stringify({ level: "error", message: "cannot start", err: { message: "no GStreamer" } }));
      process.exitCode = 3;`;
    const supervisor = supervise(t, { name: "sidecar", script, log });
    const line = await supervisor.line(/keeps ending/, TIMEOUT_MS);
    assert.match(
      line,
      /^sidecar keeps ending \(exit code 3\): cannot start: no GStreamer; its log: /,
    );
    assert.equal((await readFile(log, "utf8")).trim().split("\n").length, 3);
    supervisor.signal("SIGINT");
    // It was waiting for the next attempt.
    assert.deepEqual(await supervisor.end(TIMEOUT_MS), { code: 0, signal: null });
  });

  it("prints why a program cannot be started at all", async (t) => {
    const supervisor = supervise(t, { name: "sidecar", script: "", program: "/no/such/python" });
    assert.match(
      await supervisor.line(/ended/, TIMEOUT_MS),
      /^sidecar ended \(spawn \/no\/such\/python ENOENT\)/,
    );
    supervisor.signal("SIGINT");
    assert.deepEqual(await supervisor.end(TIMEOUT_MS), { code: 0, signal: null });
  });

  it("appends to the log of a program", async (t) => {
    const log = join(await temporaryDirectory(t), "sidecar.log");
    await writeFile(log, "before\n");
    const script = `console.log("now"); process.stdin.resume().on("end", () => process.exit(0));`;
    const supervisor = supervise(t, { name: "sidecar", script, log });
    await until(
      "the log",
      TIMEOUT_MS,
      async () => (await readFile(log, "utf8")) === "before\nnow\n",
    );
    supervisor.signal("SIGINT");
    await supervisor.end(TIMEOUT_MS);
  });
});

const crash = { t: "killed", signal: "SIGSEGV" } as const;
const SHORT_MS = 1000;

/** What follows each of `count` quick exits in a row. */
function quickExits(count: number) {
  return Array.from({ length: count }, (_, before) => {
    const next = afterExit(crash, SHORT_MS, before);
    assert.equal(next.t, "restart");
    return next;
  });
}

describe("afterExit", () => {
  it("restarts with a delay that doubles from 0.2 s to 10 s", () => {
    const delays = quickExits(9).map(({ delayMs }) => delayMs);
    assert.deepEqual(delays, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  });

  it("counts consecutive exits", () => {
    assert.deepEqual(
      quickExits(4).map(({ exits }) => exits),
      [1, 2, 3, 4],
    );
  });

  it("starts counting again after a minute of running", () => {
    const next = { t: "restart", delayMs: 200, exits: 1, print: "exit" };
    assert.deepEqual(afterExit(crash, 60_000, 12), next);
    assert.notDeepEqual(afterExit(crash, 59_999, 12), next);
  });

  it("prints the first exits, then once that they go on, then nothing", () => {
    assert.deepEqual(
      quickExits(5).map(({ print }) => print),
      ["exit", "exit", "crash loop", "nothing", "nothing"],
    );
  });

  it("gives up on a program with a bad configuration, however long it ran", () => {
    for (const uptimeMs of [10, 100_000]) {
      const next = afterExit({ t: "exited", code: 78 }, uptimeMs, 0);
      assert.deepEqual(next, { t: "give-up", code: 78 });
    }
  });

  it("restarts a program that exited with 0 without being asked", () => {
    assert.equal(afterExit({ t: "exited", code: 0 }, SHORT_MS, 0).t, "restart");
  });

  it("retries a program that could not be started", () => {
    assert.equal(afterExit({ t: "not-started", reason: "ENOENT" }, 0, 0).t, "restart");
  });
});
