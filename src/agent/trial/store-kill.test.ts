import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { TrialStore } from "./store.js";

/** Remembers one start after the other, and says each once it is durable. */
const WRITER = `
  const [{ TrialStore }, { tried }] = await Promise.all([
    import(${JSON.stringify(new URL("./store.js", import.meta.url).href)}),
    import(${JSON.stringify(new URL("./memory.js", import.meta.url).href)}),
  ]);
  const store = new TrialStore({ directory: process.argv[1], trace: () => process.exit(9) });
  for (;;) {
    store.keep(tried(store.memory, "x"));
    process.stdout.write(store.memory.trying.starts + "\\n");
    await new Promise(setImmediate);
  }
`;

describe("a memory whose process is killed", () => {
  it("is never cut short, and holds everything that was said to be in it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    try {
      for (let round = 0; round < 5; round++) {
        const args = ["--input-type=module", "-e", WRITER, directory];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
        const ended = once(child, "exit");
        let said = 0;
        let lines = 0;
        for await (const line of createInterface({ input: child.stdout })) {
          said = Number(line);
          lines++;
          if (lines === 3 + round) child.kill("SIGKILL");
        }
        assert.deepEqual(await ended, [null, "SIGKILL"]);
        const store = new TrialStore({ directory, trace: () => assert.fail("it is readable") });
        assert.ok((store.memory.trying?.starts ?? 0) >= said);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
