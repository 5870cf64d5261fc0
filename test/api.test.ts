import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { start } from "./support/processes.js";
import { startPicture } from "./support/product.js";
import { freePorts } from "./support/scope.js";

const SEED = "1";
/** Requests to each operation. */
const EXAMPLES = "50";

describe("the API of a running product", () => {
  it("answers a fuzzer as its description says, whatever the fuzzer sends", async (t) => {
    const [port = 0] = await freePorts(1);
    const { runDir } = await startPicture(t, {
      RTSPINPUT: "front=test://",
      HTTP_ADDRESS: `127.0.0.1:${port}`,
    });
    const args = ["--config-file", "test/schemathesis.toml", "run"];
    args.push(`http://127.0.0.1:${port}/api/v1/openapi.json`);
    args.push("--seed", SEED, "--max-examples", EXAMPLES, "--continue-on-failure");
    const fuzzer = start(t, "build/fuzz/bin/schemathesis", args, {
      // Its database of earlier findings would make runs differ.
      env: { HYPOTHESIS_STORAGE_DIRECTORY: runDir, NO_COLOR: "1" },
    });
    const { code } = await fuzzer.ended;
    const text = [...fuzzer.lines, ...fuzzer.errorLines].join("\n");
    assert.equal(code, 0, text);
    const [, selected, all] = /^ *Operations: +(\d+) selected \/ (\d+) total$/m.exec(text) ?? [];
    assert.ok(selected === all && Number(all) >= 16, text);
  });
});
