import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { TrialStore } from "./store.js";

/** Records one start after the other, and prints each once it is durable. */
const WRITER = `
  const [{ TrialStore }, { recordStart }] = await Promise.all([
    import(${JSON.stringify(new URL("./store.js", import.meta.url).href)}),
    import(${JSON.stringify(new URL("./record.js", import.meta.url).href)}),
  ]);
  const store = new TrialStore({ directory: process.argv[1], onEvent: () => process.exit(9) });
  for (;;) {
    store.save(recordStart(store.record, "x"));
    process.stdout.write(store.record.ongoing.starts + "\\n");
    await new Promise(setImmediate);
  }
`;

describe("a trial record whose process is killed", () => {
  it("is never cut short, and holds everything that was printed as durable", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipstream-"));
    try {
      for (let round = 0; round < 5; round++) {
        const args = ["--input-type=module", "-e", WRITER, directory];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
        const ended = once(child, "exit");
        let printed = 0;
        let lines = 0;
        for await (const line of createInterface({ input: child.stdout })) {
          printed = Number(line);
          lines++;
          if (lines === 3 + round) child.kill("SIGKILL");
        }
        assert.deepEqual(await ended, [null, "SIGKILL"]);
        const store = new TrialStore({ directory, onEvent: () => assert.fail("it is readable") });
        assert.ok((store.record.ongoing?.starts ?? 0) >= printed);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
