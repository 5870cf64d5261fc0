import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { runs } from "../../test/support/proc.js";
import { type Started, start } from "../../test/support/processes.js";
import { temporaryDirectory, until } from "../../test/support/scope.js";
import type { StandIn } from "../../test/support/stand-in-launcher.js";

const LAUNCHER = fileURLToPath(new URL("../../test/support/stand-in-launcher.js", import.meta.url));
const TIMEOUT_MS = 10_000;

/** Says that it is up, and does what a half must: it ends on SIGTERM and with its lifeline. */
const obedient = (name: string, onTerm = ""): StandIn => ({
  name,
  script: `
    process.on("SIGTERM", () => { console.log("${name} told"); ${onTerm} process.exit(0); });
    process.stdin.resume().on("end", () => process.exit(0));
    console.log("${name} up " + process.pid);`,
});

/** Hears nothing. */
const stubborn = (name: string): StandIn => ({
  name,
  script: `
    process.on("SIGTERM", () => {});
    setInterval(() => {}, 1000);
    console.log("${name} up " + process.pid);`,
});

function launch(t: TestContext, ...halves: StandIn[]): Started {
  return start(t, process.execPath, [LAUNCHER, ...halves.map((half) => JSON.stringify(half))]);
}

/** The pids of a half so far, in the order of its starts; waits for so many. */
function pids(launcher: Started, name: string, count = 1): Promise<number[]> {
  return until(`${count} starts of ${name}`, TIMEOUT_MS, () => {
    const found = launcher.lines.flatMap(
      (line) => new RegExp(`^${name} up (\\d+)$`).exec(line)?.[1] ?? [],
    );
    return found.length >= count && found.map(Number);
  });
}

describe("the launcher", () => {
  it("ends its halves in the reverse order of their start and returns 0", async (t) => {
    const launcher = launch(t, obedient("camera"), obedient("sidecar"), obedient("agent"));
    await Promise.all(["camera", "sidecar", "agent"].map((name) => pids(launcher, name)));
    launcher.signal("SIGINT");
    assert.deepEqual(await launcher.end(TIMEOUT_MS), { code: 0, signal: null });
    const told = launcher.lines.filter((line) => line.endsWith("told"));
    assert.deepEqual(told, ["agent told", "sidecar told", "camera told"]);
    assert.deepEqual(await launcher.left(), []);
    assert.deepEqual(launcher.errorLines, []);
  });

  it("tells the next half in time although the one before hears nothing", async (t) => {
    const launcher = launch(t, obedient("sidecar"), stubborn("agent"));
    await Promise.all(["sidecar", "agent"].map((name) => pids(launcher, name)));
    launcher.signal("SIGTERM");
    assert.deepEqual(await launcher.end(TIMEOUT_MS), { code: 0, signal: null });
    assert.ok(launcher.lines.includes("sidecar told"));
    assert.deepEqual(await launcher.left(), []);
  });

  it("kills at once when asked twice", async (t) => {
    const launcher = launch(t, obedient("sidecar"), stubborn("agent"));
    await Promise.all(["sidecar", "agent"].map((name) => pids(launcher, name)));
    launcher.signal("SIGINT");
    launcher.signal("SIGTERM");
    assert.deepEqual(await launcher.end(TIMEOUT_MS), { code: 0, signal: null });
    // The word to stop comes to the sidecar only when the agent is gone or has had its turn.
    assert.ok(!launcher.lines.includes("sidecar told"));
    assert.deepEqual(await launcher.left(), []);
  });

  it("gives each half a process group of its own, out of the reach of Ctrl-C", async (t) => {
    const launcher = launch(t, obedient("sidecar"), obedient("agent"));
    for (const name of ["sidecar", "agent"]) {
      const [pid = 0] = await pids(launcher, name);
      const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
      assert.deepEqual([fields[2], fields[3]], [String(pid), String(pid)]);
    }
  });

  it("leaves nothing behind when it is killed itself", async (t) => {
    const launcher = launch(t, obedient("sidecar"), obedient("agent"));
    await Promise.all(["sidecar", "agent"].map((name) => pids(launcher, name)));
    launcher.signal("SIGKILL");
    await until(
      "the end of the halves",
      TIMEOUT_MS,
      async () => (await launcher.left()).length === 0,
    );
  });

  it("starts a half again that was killed, and leaves the other alone", async (t) => {
    const launcher = launch(t, obedient("sidecar"), obedient("agent"));
    const [sidecar = 0] = await pids(launcher, "sidecar");
    const [agent = 0] = await pids(launcher, "agent");
    process.kill(sidecar, "SIGKILL");
    await pids(launcher, "sidecar", 2);
    assert.deepEqual(launcher.errorLines, ["sidecar ended (SIGKILL) and is started again"]);
    assert.ok(await runs(agent));
    assert.deepEqual(await pids(launcher, "agent"), [agent]);
  });

  it("takes away what a half leaves behind before it is started again", async (t) => {
    const script = `
      const { pid } = require("node:child_process").spawn("sleep", ["1000"], { stdio: "ignore" });
      console.log("orphan up " + pid);
      console.log("sidecar up " + process.pid);
      process.stdin.resume();`;
    const launcher = launch(t, { name: "sidecar", script });
    const [orphan = 0] = await pids(launcher, "orphan");
    const [sidecar = 0] = await pids(launcher, "sidecar");
    process.kill(sidecar, "SIGKILL");
    await pids(launcher, "sidecar", 2);
    assert.equal(await runs(orphan), false);
  });

  it("ends with 78, and ends the others, when a half says that its configuration is bad", async (t) => {
    const bad = {
      name: "agent",
      script: `console.error("CODEC: no such codec"); process.exitCode = 78;`,
    };
    const launcher = launch(t, obedient("sidecar"), bad);
    assert.deepEqual(await launcher.end(TIMEOUT_MS), { code: 78, signal: null });
    assert.deepEqual(launcher.errorLines, ["CODEC: no such codec"]);
    assert.deepEqual(await launcher.left(), []);
  });

  it("says once, with the last error of its log, that a half keeps ending", async (t) => {
    const log = join(await temporaryDirectory(t), "sidecar.log");
    const script = `
      console.error(JSON.stringify({ level: "error", message: "cannot start", err: { message: "no GStreamer" } }));
      process.exitCode = 3;`;
    const launcher = launch(t, { name: "sidecar", script, log });
    const line = await launcher.line(/keeps ending/, TIMEOUT_MS);
    assert.match(
      line,
      /^sidecar keeps ending \(exit code 3\): cannot start: no GStreamer; its log: /,
    );
    assert.equal((await readFile(log, "utf8")).trim().split("\n").length, 3);
    launcher.signal("SIGINT");
    // It was waiting for the next try.
    assert.deepEqual(await launcher.end(TIMEOUT_MS), { code: 0, signal: null });
  });

  it("says what is wrong when a half cannot be started at all", async (t) => {
    const launcher = launch(t, { name: "sidecar", script: "", program: "/no/such/python" });
    assert.match(
      await launcher.line(/ended/, TIMEOUT_MS),
      /^sidecar ended \(spawn \/no\/such\/python ENOENT\)/,
    );
    launcher.signal("SIGINT");
    assert.deepEqual(await launcher.end(TIMEOUT_MS), { code: 0, signal: null });
  });

  it("appends to the log of a half rather than overwriting it", async (t) => {
    const log = join(await temporaryDirectory(t), "sidecar.log");
    await writeFile(log, "before\n");
    const script = `console.log("now"); process.stdin.resume().on("end", () => process.exit(0));`;
    const launcher = launch(t, { name: "sidecar", script, log });
    await until(
      "the log",
      TIMEOUT_MS,
      async () => (await readFile(log, "utf8")) === "before\nnow\n",
    );
    launcher.signal("SIGINT");
    await launcher.end(TIMEOUT_MS);
  });
});
