import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { loadConfig } from "../../common/settings/config.js";
import { eventually } from "../../common/testing/eventually.js";
import { FakeClock } from "../../common/testing/fake-clock.js";
import { NodeStore } from "./node-store.js";

describe("NodeStore", () => {
  let root: string;
  let clock: FakeClock;
  let errors: string[];
  let stop: AbortController;
  let store: NodeStore;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "node-store-"));
    mkdirSync(join(root, "shipped", "street"), { recursive: true });
    writeFileSync(join(root, "shipped", "street", "config_infer.txt"), "[property]\n");
    clock = new FakeClock();
    errors = [];
    stop = new AbortController();
    const env = {
      RTSPINPUT: "rtsp://cam/1",
      STATE_DIR: join(root, "state"),
      MODELS_DIR: join(root, "models"),
    };
    store = new NodeStore({
      config: loadConfig(env, root),
      shipped: join(root, "shipped"),
      board: () => undefined,
      clock,
      onEvent: () => {},
      onError: ({ message }) => errors.push(message),
      onOpen: () => errors.push("none"),
    });
  });

  afterEach(() => {
    stop.abort();
    rmSync(root, { recursive: true });
  });

  it("opens in directories that it creates", async () => {
    await store.load();
    assert.ok(await store.opened(stop.signal));
    assert.deepEqual(errors, []);
  });

  /** What may stand in the way, and where. */
  const obstacles = [
    ["the directory of models", "models"],
    ["the agent's state", "state"],
    ["the ledger of models", "state/hub/model-ledger.json/folder"],
    ["the documents", "state/hub/settings.json/folder"],
  ] as const;
  for (const [name, place] of obstacles) {
    it(`finds the shipped models while ${name} cannot be used, and opens once it can`, async () => {
      mkdirSync(join(root, place, ".."), { recursive: true });
      writeFileSync(join(root, place), "in the way");
      await store.load();
      const opening = store.opened(stop.signal);
      const street = join(root, "shipped", "street");
      assert.deepEqual(store.resolve("street"), {
        ...{ t: "found", path: street, name: "street", version: "" },
      });
      const absent = store.resolve("sea");
      assert.match(absent.t === "absent" ? absent.detail : "", /no model sea.*cannot be used: E/);

      const tryAgain = async () => {
        await eventually(() => clock.nextMs !== undefined, "it waits");
        clock.advance((clock.nextMs ?? 0) - clock.now());
      };
      await tryAgain();
      await tryAgain();
      await eventually(() => clock.nextMs !== undefined, "it waits again");
      assert.equal(errors.length, 1, "the same error is reported once");
      rmSync(join(root, place.split("/").slice(0, 3).join("/")), { recursive: true });
      await tryAgain();
      assert.ok(await opening);
      assert.equal(errors[1], "none");
      assert.deepEqual(store.resolve("street"), {
        ...{ t: "found", path: street, name: "street", version: "" },
      });
    });
  }

  it("stops waiting when it is told to", async () => {
    writeFileSync(join(root, "models"), "in the way");
    await store.load();
    const opening = store.opened(stop.signal);
    stop.abort();
    assert.equal(await opening, undefined);
  });
});
