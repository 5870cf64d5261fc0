import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { loadConfig } from "../../common/settings/config.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { Kept } from "./kept.js";

describe("Kept", () => {
  let root: string;
  let clock: FakeClock;
  let troubles: string[];
  let stop: AbortController;
  let kept: Kept;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kept-"));
    mkdirSync(join(root, "shipped", "street"), { recursive: true });
    writeFileSync(join(root, "shipped", "street", "config_infer.txt"), "[property]\n");
    clock = new FakeClock();
    troubles = [];
    stop = new AbortController();
    const env = {
      RTSPINPUT: "rtsp://cam/1",
      STATE_DIR: join(root, "state"),
      MODELS_DIR: join(root, "models"),
    };
    kept = new Kept({
      config: loadConfig(env, root),
      shipped: join(root, "shipped"),
      board: () => undefined,
      clock,
      trace: () => {},
      unusable: ({ message }) => troubles.push(message),
      usable: () => troubles.push("none"),
    });
  });

  afterEach(() => {
    stop.abort();
    rmSync(root, { recursive: true });
  });

  it("opens in directories that it makes", async () => {
    await kept.load();
    assert.ok(await kept.opened(stop.signal));
    assert.deepEqual(troubles, []);
  });

  /** What may stand in the way, and where. */
  const obstacles = [
    ["the directory of models", "models"],
    ["the agent's state", "state"],
    ["the notes on models", "state/hub/model-ledger.json/folder"],
    ["the documents", "state/hub/settings.json/folder"],
  ] as const;
  for (const [name, place] of obstacles) {
    it(`finds the models that ship while ${name} cannot be used, and opens when it can`, async () => {
      mkdirSync(join(root, place, ".."), { recursive: true });
      writeFileSync(join(root, place), "in the way");
      await kept.load();
      const opening = kept.opened(stop.signal);
      const street = join(root, "shipped", "street");
      assert.deepEqual(kept.resolve("street"), {
        ...{ t: "found", path: street, name: "street", version: "" },
      });
      const absent = kept.resolve("sea");
      assert.match(absent.t === "absent" ? absent.detail : "", /no model sea.*cannot be used: E/);

      const tryAgain = async () => {
        await eventually(() => clock.nextMs !== undefined, "it waits");
        clock.advance((clock.nextMs ?? 0) - clock.now());
      };
      await tryAgain();
      await tryAgain();
      await eventually(() => clock.nextMs !== undefined, "it waits again");
      assert.equal(troubles.length, 1, "the same trouble is told once");
      rmSync(join(root, place.split("/").slice(0, 3).join("/")), { recursive: true });
      await tryAgain();
      assert.ok(await opening);
      assert.equal(troubles[1], "none");
      assert.deepEqual(kept.resolve("street"), {
        ...{ t: "found", path: street, name: "street", version: "" },
      });
    });
  }

  it("waits no longer than it is told to", async () => {
    writeFileSync(join(root, "models"), "in the way");
    await kept.load();
    const opening = kept.opened(stop.signal);
    stop.abort();
    assert.equal(await opening, undefined);
  });
});
