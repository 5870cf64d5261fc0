import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Command } from "commander";
import type { ApiState } from "../../common/api/schema.js";
import { recordingTerminal } from "../../common/testing/recording-terminal.js";
import { completionCommand } from "../completion.js";
import { STATE } from "../doctor/testing/healthy.js";
import { snapshotCommand } from "./snapshot.js";
import { statusCommand } from "./status.js";
import { versionCommand } from "./version.js";

describe("commands that ask the agent", () => {
  let folder: string;
  let server: Server;
  let state: ApiState;
  let asked: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "slipstream-"));
    [state, asked] = [STATE, []];
    server = createServer((request, response) => {
      const { url = "" } = request;
      asked.push(url);
      if (url === "/api/v1/state") response.end(JSON.stringify(state));
      else if (url === "/api/v1/snapshot?output=rtsp") response.end("jpeg");
      else response.writeHead(404).end('{"error":"there is no such output"}');
    });
    server.listen(join(folder, "agent.sock"));
    await once(server, "listening");
  });

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  async function run(command: (terminal: never) => Command, args: readonly string[]) {
    const { terminal, result } = recordingTerminal({
      STATE_DIR: folder,
    });
    await command(terminal as never).parseAsync(args, { from: "user" });
    return result;
  }

  it("show the state, and exit with 0 when frames flow", async () => {
    const { out, exit } = await run(statusCommand, []);
    assert.equal(exit, 0);
    assert.match(out, /^READY: frames flow$/m);
    assert.match(out, /^CAMERA +STATE/m);
    assert.match(out, /^front +live +- +25\.0 +10000 +10 +0/m);
  });

  it("name what does not work, and exit with 1", async () => {
    const reasons = [{ subject: "camera front", reason: "lost: timeout: no frame" }];
    const [camera] = STATE.cameras;
    assert.ok(camera !== undefined);
    state = {
      ...STATE,
      readiness: { ready: false, reasons },
      pipeline: { state: "loading", phase: "engine", progress: 0.25 },
      cameras: [
        {
          ...camera,
          ...{ state: "lost", reason: "timeout", detail: "no frame" },
          nextAttempt: "2026-11-30T12:34:56.000Z",
        },
      ],
    };
    const { out, exit } = await run(statusCommand, []);
    assert.equal(exit, 1);
    assert.match(out, /^NOT READY\n {2}camera front: lost: timeout: no frame$/m);
    assert.match(out, /^pipeline loading: engine 25 %$/m);
    assert.match(out, /timeout: no frame; next attempt 12:34:56$/m);
  });

  it("print JSON, or nothing", async () => {
    const { out } = await run(statusCommand, ["--json"]);
    assert.deepEqual(JSON.parse(out), STATE);
    const quiet = await run(statusCommand, ["--quiet"]);
    assert.deepEqual([quiet.out, quiet.exit], ["", 0]);
  });

  it("show the state again and again until they are stopped", async () => {
    const controller = new AbortController();
    const { terminal, result } = recordingTerminal({
      STATE_DIR: folder,
    });
    const watching = statusCommand(
      {
        ...terminal,
        out: (text) => {
          terminal.out(text);
          if (asked.length === 2) controller.abort();
        },
      },
      controller.signal,
    ).parseAsync(["--watch", "0.5"], { from: "user" });
    await watching;
    assert.equal(result.out.split("READY: frames flow").length, 3);
  });

  it("write a snapshot, or say why there is none", async () => {
    const file = join(folder, "a.jpg");
    const { out, exit } = await run(snapshotCommand, [file, "--output", "rtsp"]);
    assert.equal(exit, 0);
    assert.match(out, /a\.jpg: 4 bytes$/m);
    assert.equal(readFileSync(file, "utf8"), "jpeg");
    const none = await run(snapshotCommand, [file, "--output", "no"]);
    assert.deepEqual([none.exit, none.err], [1, "no snapshot: there is no such output\n"]);
  });

  it("show the versions of all, or only their own where no agent answers", async () => {
    const { out } = await run(versionCommand, ["--json"]);
    const { agent, sidecar } = JSON.parse(out) as { agent: string; sidecar: string };
    assert.deepEqual([agent, sidecar], ["1.2.3", "1.2.3"]);
    const alone = await run(versionCommand, ["--agent", join(folder, "none.sock")]);
    assert.match(alone.out, /^slipstream \d+\.\d+\.\d+\nnode \d+/);
    assert.equal(alone.exit, 0);
  });

  it("exit with 3 where no agent answers, or something else does", async () => {
    const none = await run(statusCommand, ["--agent", join(folder, "none.sock")]);
    assert.equal(none.exit, 3);
    assert.match(none.err, /^the agent does not answer at .*none\.sock: .*ENOENT/);
    state = {} as ApiState;
    const other = await run(statusCommand, []);
    assert.equal(other.exit, 3);
    assert.match(other.err, /different versions/);
  });
});

describe("slipstream completion", () => {
  async function script(shell: string): Promise<string> {
    const { terminal, result } = recordingTerminal();
    const all = [statusCommand(terminal), snapshotCommand(terminal)];
    const command = completionCommand(() => Promise.resolve(all), terminal);
    await command.parseAsync([shell], { from: "user" });
    return result.out;
  }

  async function completed(...words: string[]): Promise<string[]> {
    const set = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}`;
    const text = `${await script("bash")}\n${set}; _slipstream; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", text], { encoding: "utf8" }).trim().split("\n");
  }

  it("completes commands and options in bash", async () => {
    assert.deepEqual(await completed("slipstream", ""), ["status", "snapshot"]);
    assert.deepEqual(await completed("slipstream", "st"), ["status"]);
    assert.deepEqual(await completed("slipstream", "status", "--q"), ["--quiet"]);
    assert.deepEqual(await completed("slipstream", "snapshot", "--json", "--ou"), ["--output"]);
  });

  it("has scripts for zsh and fish", async () => {
    assert.match(await script("zsh"), /^autoload -U bashcompinit/);
    assert.match(await script("fish"), /complete -c slipstream .*'status snapshot'/);
  });
});
