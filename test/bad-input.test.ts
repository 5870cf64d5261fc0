import assert from "node:assert/strict";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  CameraLostReason,
  FailureReason,
  OutputFailedReason,
} from "../src/agent/sidecar/gen/slipstream/v1/state.js";
import { cameraIn, outputIn, stateOf, untilState } from "./support/contract.js";
import { openDoor } from "./support/door.js";
import { copyOfModel } from "./support/models.js";
import { type LogLine, type Product, startProduct, troublesIn } from "./support/product.js";
import { freePorts, temporaryDirectory, until } from "./support/scope.js";
import { count, playVp8, view } from "./support/video.js";

const TIMEOUT_MS = 30_000;
const TEST_CAMERA = "test://ball?width=320&height=184&rate=10";

interface BadCamera {
  readonly uri: (t: TestContext) => Promise<string>;
  readonly reason: CameraLostReason;
  /** What the line says beside the address. */
  readonly advice: RegExp;
}

const BAD_CAMERAS: Readonly<Record<string, BadCamera>> = {
  "a path that the camera does not have": {
    uri: async (t) => `${(await count(t)).uri}/none`,
    reason: CameraLostReason.CAMERA_LOST_REASON_NOT_FOUND,
    advice: /no such stream.*check the address.*404/,
  },
  "an address where nobody is": {
    uri: async () => `rtsp://127.0.0.1:${(await freePorts(1))[0]}/camera`,
    reason: CameraLostReason.CAMERA_LOST_REASON_UNREACHABLE,
    advice: /nobody answers; check the address/,
  },
  "a name that no machine has": {
    uri: () => Promise.resolve("rtsp://camera.invalid/live"),
    reason: CameraLostReason.CAMERA_LOST_REASON_UNREACHABLE,
    advice: /check the address/,
  },
  "a codec that cannot be decoded": {
    uri: async (t) => (await playVp8(t)).uri,
    reason: CameraLostReason.CAMERA_LOST_REASON_UNSUPPORTED_CODEC,
    advice: /cannot be decoded here; H\.264, H\.265 and JPEG can be.*VP8/,
  },
  "a device that is missing": {
    uri: () => Promise.resolve("/dev/video77"),
    reason: CameraLostReason.CAMERA_LOST_REASON_NOT_FOUND,
    advice: /no such .*device.*check/,
  },
  "a file that is missing": {
    uri: async (t) => `file://${join(await temporaryDirectory(t), "none.mp4")}`,
    reason: CameraLostReason.CAMERA_LOST_REASON_NOT_FOUND,
    advice: /no such .*file.*check the address/,
  },
  "a file that is no video": {
    uri: textFile,
    reason: CameraLostReason.CAMERA_LOST_REASON_UNSUPPORTED_CODEC,
    advice: /cannot be decoded/,
  },
};

describe("a camera with", () => {
  for (const [what, { uri, reason, advice }] of Object.entries(BAD_CAMERAS)) {
    it(`${what} is told in one line and in its state, and tried again`, async (t) => {
      const address = await uri(t);
      const product = await startProduct(t, { RTSPINPUT: `bad=${address}` });
      // Once more than the line that tells it.
      const lost = await untilState(product.runDir, "a second attempt", TIMEOUT_MS, (state) => {
        const status = cameraIn(state, "bad")?.state;
        return status?.$case === "lost" && status.value.attempts >= 2 && status.value;
      });
      assert.equal(lost.reason, reason);
      assert.ok(lost.nextAttempt !== undefined);
      const line = await onlyTrouble(product);
      assert.equal(line.message, "camera lost");
      assert.equal(line["camera"], "bad");
      for (const detail of [line.detail ?? "", lost.detail]) {
        assert.ok(detail.startsWith(`${address}: `), detail);
        assert.match(detail, advice);
      }
      assert.equal((await stateOf(product.runDir))?.pipeline?.state?.$case, "running");
    });
  }

  it("a wrong password is told, and not tried again soon: accounts lock", async (t) => {
    const login = { user: "eve", password: "s3cret-word" };
    const camera = await count(t, { login });
    const door = await openDoor(t, Number(new URL(camera.uri).port));
    const [closed] = await freePorts(1);
    const behindDoor = `127.0.0.1:${door.port}/camera`;
    const product = await startProduct(t, {
      RTSPINPUT: `locked=rtsp://eve:wrong-word@${behindDoor},gone=rtsp://127.0.0.1:${closed}/x`,
    });
    const lost = await untilState(
      product.runDir,
      "some attempts at another",
      TIMEOUT_MS,
      (state) => {
        const [locked, gone] = ["locked", "gone"].map((id) => cameraIn(state, id)?.state);
        const tried = gone?.$case === "lost" && gone.value.attempts >= 4;
        const since = cameraIn(state, "locked")?.since;
        return tried && locked?.$case === "lost" && { ...locked.value, since };
      },
    );
    assert.equal(lost.reason, CameraLostReason.CAMERA_LOST_REASON_AUTH_FAILED);
    assert.match(lost.detail, /refused the user name and password; check them/);
    assert.equal(lost.attempts, 1);
    assert.ok((lost.nextAttempt?.getTime() ?? 0) > (lost.since?.getTime() ?? Number.NaN) + 15_000);
    assert.equal(door.visits(), 1);
    const told = troublesIn(product.agent).filter(({ camera }) => camera === "locked");
    assert.deepEqual(
      told.map(({ reason }) => reason),
      ["login refused"],
    );
  });

  it("no power is live as soon as it has some", async (t) => {
    const [port] = await freePorts(1);
    assert.ok(port !== undefined);
    const product = await startProduct(t, { RTSPINPUT: `late=rtsp://127.0.0.1:${port}/camera` });
    await product.agent.line(/"camera lost"/, TIMEOUT_MS);
    await count(t, { port });
    await product.agent.line(/"camera live".*"camera":"late"/, TIMEOUT_MS);
    await product.agent.line(/"output ready"/, TIMEOUT_MS);
    await view(t, product.url, { frames: 3 });
  });
});

interface BadModel {
  readonly bundle: (t: TestContext) => Promise<string>;
  /** What the line says. */
  readonly problem: RegExp;
}

const BAD_MODELS: Readonly<Record<string, BadModel>> = {
  "is missing": {
    bundle: async (t) => join(await temporaryDirectory(t), "none"),
    problem: /no such directory; a model bundle is a directory that holds config_infer\.txt/,
  },
  "has a network that was cut short": {
    bundle: async (t) => {
      const bundle = await copyOfModel(t, "ssd-street");
      await truncate(join(bundle, "network.onnx"), 100_000);
      return bundle;
    },
    problem: /network\.onnx does not load.*is it a whole ONNX file\?/,
  },
  "lacks its network": {
    bundle: async (t) => {
      const bundle = await copyOfModel(t, "ssd-street");
      await rm(join(bundle, "network.onnx"));
      return bundle;
    },
    problem: /cannot be read: No such file/,
  },
  "has a label too many": {
    bundle: async (t) => {
      const bundle = await copyOfModel(t, "ssd-street");
      const labels = join(bundle, "labels.txt");
      await writeFile(labels, `${(await readFile(labels, "utf8")).trimEnd()}\nUnicorn\n`);
      return bundle;
    },
    problem: /has 24 labels, num-detected-classes is 23; write one label a line/,
  },
  "has words for a number": {
    bundle: async (t) => {
      const bundle = await copyOfModel(t, "ssd-street");
      const config = join(bundle, "config_infer.txt");
      const text = await readFile(config, "utf8");
      await writeFile(config, text.replace(/^net-scale-factor=.*$/m, "net-scale-factor=a lot"));
      return bundle;
    },
    problem: /net-scale-factor: 'a lot' is not a number/,
  },
};

describe("a model that", () => {
  for (const [what, { bundle, problem }] of Object.entries(BAD_MODELS)) {
    it(`${what} is told in one line and in the state, and both halves stay`, async (t) => {
      const product = await startProduct(t, { MODEL: await bundle(t), RTSPINPUT: TEST_CAMERA });
      const failed = await untilState(product.runDir, "the failure", TIMEOUT_MS, (state) => {
        const status = state.pipeline?.state;
        return status?.$case === "failed" && status.value;
      });
      assert.equal(failed.reason, FailureReason.FAILURE_REASON_MODEL);
      assert.match(failed.detail, problem);
      const line = await onlyTrouble(product);
      assert.equal(line.message, "specification refused");
      assert.match(line.detail ?? "", problem);
      assert.ok(line["path"]);
      await bothStay(product);
    });
  }
});

describe("an RTSP port in use", () => {
  it("is told, and taken as soon as it is free", async (t) => {
    const [port] = await freePorts(1);
    assert.ok(port !== undefined);
    const other = await listen(t, port);
    const product = await startProduct(t, {
      RTSPINPUT: TEST_CAMERA,
      RTSPOUTPUTPORTNUM: String(port),
    });
    const failed = await untilState(product.runDir, "the failure", TIMEOUT_MS, (state) => {
      const status = outputIn(state)?.state;
      return status?.$case === "failed" && status.value;
    });
    assert.equal(failed.reason, OutputFailedReason.OUTPUT_FAILED_REASON_PORT_IN_USE);
    const line = await onlyTrouble(product);
    assert.equal(line.message, "output failed");
    assert.equal(line.reason, "port in use");
    assert.match(line.detail ?? "", new RegExp(`${port} is in use.*choose another port`));
    await new Promise((resolve) => other.close(resolve));
    await product.agent.line(/"output ready"/, TIMEOUT_MS);
    await view(t, product.url, { frames: 3 });
  });
});

/** The one line that a person has to act on; waits for it, and fails if there is another one. */
async function onlyTrouble({ agent }: Product): Promise<LogLine> {
  const lines = await until("a line about it", TIMEOUT_MS, () => {
    // That everybody may watch is told at every start.
    const troubles = troublesIn(agent).filter(({ reason }) => reason !== "output-open");
    return troubles.length > 0 && troubles;
  });
  assert.equal(lines.length, 1, JSON.stringify(lines));
  const [line] = lines;
  assert.ok(line !== undefined);
  return line;
}

/** The halves still run, are the first of their kind, and talk to each other. */
async function bothStay({ agent, sidecar, runDir }: Product): Promise<void> {
  assert.ok((await stateOf(runDir)) !== undefined);
  assert.equal((await sidecar.descendants()).length, 2);
  assert.ok(!sidecar.errorLines.some((line) => line.includes("child exited")));
  assert.equal((await agent.left()).length, 1);
}

async function listen(t: TestContext, port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, resolve));
  t.after(() => server.close());
  return server;
}

async function textFile(t: TestContext): Promise<string> {
  const path = join(await temporaryDirectory(t), "clip.mp4");
  await writeFile(path, "These are words, and no video.\n".repeat(100));
  return `file://${path}`;
}
