import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import type { Log } from "../../src/agent/log/log.js";
import { SidecarReport } from "../../src/agent/log/sidecar-report.js";
import { fromWatchResponse } from "../../src/agent/sidecar/from-contract.js";
import type { WatchResponse } from "../../src/agent/sidecar/gen/slipstream/v1/pipeline.js";
import {
  CameraLostReason,
  CameraStatus,
  FailureReason,
  OutputFailedReason,
  OutputStatus,
  PipelineStatus,
} from "../../src/agent/sidecar/gen/slipstream/v1/state.js";

/** From the repository's root, which is where tests run. */
const PAGE = "docs/operations.md";

const REASONS = {
  camera: {
    names: CameraLostReason,
    message: "camera lost",
    event: (reason: CameraLostReason) => {
      const lost = { reason, detail: "", attempts: 1, nextAttempt: undefined };
      const value = CameraStatus.create({ state: { $case: "lost", value: lost } });
      return { $case: "camera", value } as const;
    },
  },
  pipeline: {
    names: FailureReason,
    message: "pipeline failed",
    event: (reason: FailureReason) => {
      const failed = { reason, detail: "", nextAttempt: undefined };
      const value = PipelineStatus.create({ state: { $case: "failed", value: failed } });
      return { $case: "pipeline", value } as const;
    },
  },
  output: {
    names: OutputFailedReason,
    message: "output failed",
    event: (reason: OutputFailedReason) => {
      const failed = { reason, detail: "", nextAttempt: undefined };
      const value = OutputStatus.create({ state: { $case: "failed", value: failed } });
      return { $case: "output", value } as const;
    },
  },
};

describe("the page of operations", () => {
  for (const [of, { names, message, event }] of Object.entries(REASONS)) {
    for (const [name, number] of Object.entries(names)) {
      // The numbers' own names, and what the generated code has for numbers that it does not know.
      if (typeof number !== "number" || number < 0) continue;
      it(`tells what to do about ${name}, as the agent prints it`, async () => {
        // The number is one of the enum that the event is made for.
        const said = printed(event(number as never));
        assert.equal(said.message, message, of);
        const page = await readFile(PAGE, "utf8");
        const row = page.split("\n").find((line) => line.includes(`| \`${name}\` |`));
        assert.ok(row !== undefined, `${PAGE} has no row for ${name}`);
        const [, word, , what, cure] = row.split("|").map((cell) => cell.trim());
        assert.equal(word, `\`${said.reason}\``);
        assert.ok((what?.length ?? 0) > 20 && (cure?.length ?? 0) > 10, row);
        assert.ok(page.includes(`\`${message}\``), `${PAGE} does not name the line ${message}`);
      });
    }
  }
});

/** What the agent prints when it is told. */
function printed(event: NonNullable<WatchResponse["event"]>): { message: string; reason: unknown } {
  const lines: { message: string; reason: unknown }[] = [];
  const note = (message: string, fields: Record<string, unknown> = {}) => {
    lines.push({ message, reason: fields["reason"] });
  };
  const log: Log = { error: note, warn: note, info: note, debug: note };
  const response = { sequence: 1n, time: undefined, event };
  new SidecarReport(log, "").onEvent({ t: "update", event: fromWatchResponse(response).event });
  const [line] = lines;
  assert.ok(line !== undefined && lines.length === 1);
  return line;
}
