import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { eventually } from "../testing/eventually.js";
import type { Clock } from "../time/clock.js";
import { systemClock } from "../time/clock.js";
import { type SecretEvent, SecretFiles } from "./secret-files.js";

describe("SecretFiles", () => {
  let directory: string;
  let secrets: SecretFiles;
  let events: SecretEvent[];
  let changes: number;
  let stop: AbortController;
  let running: Promise<void> | undefined;

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), "secrets-")), "mount");
    await mkdir(directory);
    events = [];
    changes = 0;
    stop = new AbortController();
    running = undefined;
    make();
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await rm(join(directory, ".."), { recursive: true, force: true });
  });

  function make(clock: Clock = systemClock): void {
    secrets = new SecretFiles({
      directory,
      clock,
      onChange: () => changes++,
      onEvent: (event) => events.push(event),
    });
  }

  function write(name: string, text: string): Promise<void> {
    return writeFile(join(directory, name), text);
  }

  async function start(): Promise<void> {
    await secrets.load();
    running = secrets.run(stop.signal);
  }

  /** The password, the value, or why it is absent. */
  function of(name: string): string {
    const found = secrets.current().find(name);
    if (found.t === "absent") return found.detail;
    return found.secret.t === "login" ? found.secret.password : found.secret.value;
  }

  it("reads what is there at the start, through links, too", async () => {
    await write("cam-front", '{"key":"admin","value":"hunter2"}');
    await write("token", "abc\n");
    await write(".hidden", "x");
    await symlink("token", join(directory, "link"));
    await secrets.load();
    assert.deepEqual(secrets.current().find("cam-front"), {
      t: "found",
      secret: { t: "login", username: "admin", password: "hunter2" },
    });
    assert.equal(of("token"), "abc");
    assert.equal(of("link"), "abc");
    assert.ok(secrets.current().toHide.includes("hunter2"));
    assert.match(of(".hidden"), /made of letters/);
  });

  it("loads a file that is rewritten in place and one that is replaced", async () => {
    await write("a", "one");
    await start();
    await write("a", "two");
    await eventually(() => of("a") === "two", "two");
    await write(".new", "three");
    await rename(join(directory, ".new"), join(directory, "a"));
    await eventually(() => of("a") === "three", "three");
    for (const text of ["one", "two", "three"]) assert.ok(secrets.toHide().includes(text), text);
    assert.deepEqual(
      events,
      [1, 2, 3].map(() => ({ t: "loaded", name: "a" })),
    );
    assert.ok(changes >= 3);
  });

  it("keeps the old secret while a file is incomplete", async () => {
    await write("a", '{"key":"u","value":"old"}');
    await start();
    await write("a", '{"key":"u","val');
    await eventually(() => events.some(({ t }) => t === "unusable"), "it is reported");
    assert.equal(of("a"), "old");
    await write("a", '{"key":"u","value":"new"}');
    await eventually(() => of("a") === "new", "new");
    await write("a", "");
    await eventually(
      () => events.filter(({ t }) => t === "unusable").length === 2,
      "it is reported",
    );
    assert.equal(of("a"), "new");
  });

  it("keeps a secret whose file is removed", async () => {
    await write("a", "one");
    await start();
    await rm(directory, { recursive: true });
    await eventually(() => events.some(({ t }) => t === "unusable"), "it is reported");
    assert.equal(of("a"), "one");
    assert.match(of("b"), /does not exist; declare it/);
  });

  it("finds changes without events", async () => {
    const alarms: (() => void)[] = [];
    make({
      now: () => 0,
      at: (timeMs, callback) => {
        if (timeMs < 1000) return systemClock.at(systemClock.now() + timeMs, callback);
        alarms.push(callback);
        return () => alarms.splice(alarms.indexOf(callback), 1);
      },
    });
    await rm(directory, { recursive: true });
    await start();
    await eventually(() => alarms.length === 1, "it waits");
    assert.match(of("a"), /does not exist/);
    await mkdir(directory);
    await write("a", "one");
    alarms[0]?.();
    await eventually(() => of("a") === "one", "one");
  });

  it("reports why each file cannot be used", async () => {
    await mkdir(join(directory, "folder"));
    await write("large", "x".repeat(20_000));
    execFileSync("mkfifo", [join(directory, "pipe")]);
    await write("empty", "");
    await secrets.load();
    assert.match(of("folder"), /is not a regular file/);
    assert.match(of("large"), /is longer than 16384 bytes/);
    assert.match(of("pipe"), /is not a regular file/);
    assert.match(of("empty"), /is empty; set it again/);
    assert.match(of("other"), /it is not in .*; declare it in the service definition/);
    assert.equal(events.length, 4);
  });

  it("reports a file without read permission", { skip: process.getuid?.() === 0 }, async () => {
    await write("a", "one");
    await chmod(join(directory, "a"), 0);
    await secrets.load();
    assert.match(of("a"), /cannot be read \(EACCES\): its group/);
  });

  it("does not change a snapshot later", async () => {
    await write("a", "one");
    await secrets.load();
    const before = secrets.current();
    await write("a", "two");
    await secrets.load();
    const found = before.find("a");
    assert.ok(found.t === "found" && found.secret.t === "value");
    assert.equal(found.secret.value, "one");
    assert.deepEqual(before.toHide, ["one"]);
  });
});
