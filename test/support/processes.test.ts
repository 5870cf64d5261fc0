import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cpuMs, residentBytes, runs } from "./proc.js";
import { start } from "./processes.js";
import { freePorts, temporaryDirectory, until } from "./scope.js";

/** A scope that a test ends itself. */
class TestScope {
  readonly #cleaners: (() => Promise<void>)[] = [];

  after(clean: () => Promise<void>): void {
    this.#cleaners.push(clean);
  }

  async end(): Promise<void> {
    for (const clean of this.#cleaners) await clean();
  }
}

describe("start", () => {
  it("reads what a process says, and how it ends", async (t) => {
    const process = start(t, "sh", ["-c", "echo out; echo err >&2; exit 3"]);
    assert.deepEqual(await process.end(5000), { code: 3, signal: null });
    assert.deepEqual([process.lines, process.errorLines], [["out"], ["err"]]);
  });

  it("waits for a line", async (t) => {
    const process = start(t, "sh", ["-c", "read line; echo got it; exec cat"]);
    const line = process.line(/^got/, 5000);
    process.endInput();
    assert.equal(await line, "got it");
  });

  it("fails to wait for a line that never comes, with what was said instead", async (t) => {
    const ended = start(t, "sh", ["-c", "echo something else"]);
    await assert.rejects(ended.line(/^got/, 5000), /ended without saying[\s\S]*something else/);
    const silent = start(t, "sleep", ["100"]);
    await assert.rejects(silent.line(/^got/, 50), /did not say/);
  });

  it("says that a program is missing", async (t) => {
    const process = start(t, "/no/such/program", []);
    assert.equal((await process.end(5000)).code, 127);
    assert.match(process.errorLines.join(), /ENOENT/);
    assert.throws(() => process.pid, /was not started/);
  });

  it("stops a process that hears, and kills one that does not", async (t) => {
    const hears = start(t, "sleep", ["100"]);
    assert.deepEqual(await hears.stop(), { code: null, signal: "SIGTERM" });
    const deaf = start(t, "sh", ["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]);
    await deaf.line(/up/, 5000);
    assert.deepEqual(await deaf.stop(50), { code: null, signal: "SIGKILL" });
  });

  it("lists the processes that it started, and orphans among them", async (t) => {
    const process = start(t, "sh", ["-c", "sleep 100 & (sleep 200 &) ; echo up; wait"]);
    await process.line(/up/, 5000);
    const commands = (all: { command: string }[]) => all.map(({ command }) => command).sort();
    assert.deepEqual(commands(await process.descendants()), ["sleep 100"]);
    const left = await until("the orphan", 5000, async () => {
      const found = commands(await process.left());
      return found.includes("sleep 200") && found;
    });
    assert.deepEqual(left.slice(-2), ["sleep 100", "sleep 200"]);
    assert.equal(left.length, 3);
  });

  it("leaves nothing at the end of its scope, not even a deaf orphan in a session of its own", async () => {
    const scope = new TestScope();
    const process = start(scope, "sh", [
      "-c",
      "setsid sh -c 'trap \"\" TERM HUP; echo $$; exec sleep 100' & wait",
    ]);
    const orphan = Number(await process.line(/^\d+$/, 5000));
    process.signal("SIGKILL");
    assert.ok(await runs(orphan));
    await scope.end();
    assert.equal(await runs(orphan), false);
    assert.deepEqual(await process.left(), []);
  });
});

describe("proc", () => {
  it("tells the CPU time and the memory of a process", async (t) => {
    const process = start(t, "sh", ["-c", "while :; do :; done"]);
    await until("some CPU time", 5000, async () => ((await cpuMs(process.pid)) ?? 0) >= 50);
    assert.ok(((await residentBytes(process.pid)) ?? 0) > 100_000);
    await process.stop();
    assert.equal(await cpuMs(process.pid), undefined);
  });
});

describe("the scope", () => {
  it("takes a temporary directory away with what is in it", async () => {
    const scope = new TestScope();
    const path = await temporaryDirectory(scope);
    await writeFile(join(path, "file"), "");
    await scope.end();
    assert.equal(existsSync(path), false);
  });

  it("finds free ports, each a different one", async () => {
    const ports = await freePorts(3);
    assert.equal(new Set(ports).size, 3);
    for (const port of ports) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(port, "127.0.0.1", resolve);
      });
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
