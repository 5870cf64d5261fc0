import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { InputError, quote } from "../problem.js";
import { type Config, type Environment, loadConfig, secretsOf } from "./config.js";

function load(env: Environment = {}): Config {
  return loadConfig({ RTSPINPUT: "rtsp://cam/1", ...env }, "/work");
}

function faults(env: Environment): string[] {
  try {
    load(env);
  } catch (err) {
    assert.ok(err instanceof InputError, String(err));
    return err.message.split("\n");
  }
  throw new Error("it was accepted");
}

const PUBLIC_KEY = generateKeyPairSync("ed25519").publicKey;

describe("loadConfig", () => {
  it("needs nothing but a camera", () => {
    assert.deepEqual(load(), {
      cameras: [{ id: "cam1", name: "cam1", uri: "rtsp://cam/1", credentials: undefined }],
      transport: "tcp",
      engine: "auto",
      acceptAnyCertificate: false,
      frozenAfterMs: 60_000,
      silentAfterMs: 10_000,
      stillIntervalMs: 0,
      latencyMs: 100,
      model: "/work/models/nanodet-coco",
      overlay: new Set(["boxes", "labels", "counts", "names", "zones"]),
      output: "rtsp",
      outputFile: "slipstream.mkv",
      outputFileDuration: 600_000,
      outputFileMaxBytes: 10_000_000_000,
      layout: "tiled",
      codec: "H264",
      bitrate: 4_000_000,
      outputWidth: 1280,
      outputHeight: 720,
      outputFrameRate: 25,
      outputPort: 8554,
      outputPath: "/ds",
      settingsFile: undefined,
      hub: "auto",
      trial: true,
      trialMs: 60_000,
      secretsDir: "/open-horizon-secrets",
      stateDir: "/var/lib/slipstream-agent",
      modelsDir: "/var/lib/slipstream-models",
      modelsMaxBytes: 4_000_000_000,
      requireSignedModels: false,
      allowNativeCode: false,
      showFrames: false,
      socketPath: "/run/slipstream/worker.sock",
      httpAddress: "127.0.0.1:8080",
      lifeline: "none",
      logLevel: "info",
      logFormat: "auto",
      given: new Set(["cameras"]),
    });
  });

  it("reads every setting", () => {
    const config = load({
      RTSP_TRANSPORT: "UDP",
      RTSP_LATENCY: "2s",
      MODEL: "/models/x",
      DETECTION_THRESHOLD: ".35",
      DETECTION_INTERVAL: "0",
      DETECTION_CLASSES: "person, traffic light,",
      OVERLAY: "Boxes, counts",
      OUTPUT: "File",
      OUTPUT_FILE: "north/yard.mkv",
      OUTPUT_FILE_DURATION: "30s",
      OUTPUT_FILE_MAX_BYTES: "5000000",
      OUTPUT_LAYOUT: "per-camera",
      CODEC: "h265",
      BITRATE: " 800000 ",
      OUTPUT_WIDTH: "640",
      OUTPUT_HEIGHT: "360",
      OUTPUT_FRAME_RATE: "12",
      RTSPOUTPUTPORTNUM: "554",
      RTSPOUTPUTPATH: "/site/north",
      RTSP_USERS: "secret:viewers, secret:desk",
      SETTINGS_FILE: "settings.json",
      HUB: "off",
      TRIAL: "off",
      TRIAL_TIME: "2m",
      SECRETS_DIR: "/run/secrets",
      STATE_DIR: "build/state",
      MODELS_DIR: "build/models",
      MODELS_MAX_BYTES: "2000000",
      REQUIRE_SIGNED_MODELS: "yes",
      ALLOW_NATIVE_CODE: "yes",
      MODEL_KEYS: PUBLIC_KEY.export({ type: "spki", format: "der" }).toString("base64"),
      SHOW_FRAMES: "YES",
      SLIPSTREAM_SOCKET: "build/worker.sock",
      HTTP_ADDRESS: "[::]:8443",
      HTTP_USERS: "secret:ops",
      HTTP_CERTIFICATE: "secret:tls",
      SLIPSTREAM_LIFELINE: "stdin",
      LOG_LEVEL: "debug",
      LOG_FORMAT: "json",
    });
    assert.deepEqual(
      { ...config, cameras: [], given: config.given.size },
      {
        cameras: [],
        given: 40,
        transport: "udp",
        engine: "auto",
        acceptAnyCertificate: false,
        frozenAfterMs: 60_000,
        silentAfterMs: 10_000,
        stillIntervalMs: 0,
        latencyMs: 2000,
        model: "/models/x",
        threshold: 0.35,
        interval: 0,
        classes: ["person", "traffic light"],
        overlay: new Set(["boxes", "counts"]),
        output: "file",
        outputFile: "north/yard.mkv",
        outputFileDuration: 30_000,
        outputFileMaxBytes: 5_000_000,
        layout: "per-camera",
        codec: "H265",
        bitrate: 800_000,
        outputWidth: 640,
        outputHeight: 360,
        outputFrameRate: 12,
        outputPort: 554,
        outputPath: "/site/north",
        outputUsers: [{ secret: "viewers" }, { secret: "desk" }],
        settingsFile: "/work/settings.json",
        hub: "off",
        trial: false,
        trialMs: 120_000,
        secretsDir: "/run/secrets",
        stateDir: "/work/build/state",
        modelsDir: "/work/build/models",
        modelsMaxBytes: 2_000_000,
        requireSignedModels: true,
        allowNativeCode: true,
        modelKeys: [PUBLIC_KEY],
        showFrames: true,
        socketPath: "/work/build/worker.sock",
        httpAddress: "[::]:8443",
        httpUsers: [{ secret: "ops" }],
        httpCertificate: "tls",
        lifeline: "stdin",
        logLevel: "debug",
        logFormat: "json",
      },
    );
  });

  it("treats an empty variable as one that is not set", () => {
    assert.deepEqual(load({ BITRATE: "", CODEC: "  ", DETECTION_THRESHOLD: "" }), load());
  });

  it("reads OVERLAY=none as an empty overlay", () => {
    assert.equal(load({ OVERLAY: "none" }).overlay.size, 0);
  });

  /** Setting, value, and what else the message must say. */
  const wrong: readonly [string, string, RegExp?][] = [
    ["BITRATE", "12abc"],
    ["BITRATE", "1e6"],
    ["BITRATE", "4M", /did you mean 4000000/],
    ["BITRATE", "4_000_000", /did you mean 4000000/],
    ["BITRATE", "-1"],
    ["BITRATE", "9999"],
    ["CODEC", "VP9", /H264 or H265/],
    ["CODEC", "h.264", /did you mean H264/],
    ["OUTPUT_WIDTH", "641", /even.*642/],
    ["OUTPUT_HEIGHT", "8000"],
    ["OUTPUT_FRAME_RATE", "0"],
    ["RTSPOUTPUTPORTNUM", "65536"],
    ["RTSPOUTPUTPATH", "ds", /did you mean \/ds/],
    ["RTSPOUTPUTPATH", "/a b"],
    ["RTSPOUTPUTPATH", "/a/../b"],
    ["SHOW_FRAMES", "maybe", /yes or no/],
    ["RTSP_TRANSPORT", "tpc", /did you mean tcp/],
    ["RTSP_LATENCY", "200", /200ms/],
    ["RTSP_LATENCY", "11s"],
    ["DETECTION_THRESHOLD", "40", /did you mean 0\.4/],
    ["DETECTION_THRESHOLD", "0,4", /did you mean 0\.4/],
    ["DETECTION_INTERVAL", "-1"],
    ["DETECTION_CLASSES", ","],
    ["OUTPUT_LAYOUT", "per_camera", /did you mean per-camera/],
    ["OUTPUT", "screen"],
    ["OUTPUT", "windwo", /did you mean window/],
    ["OUTPUT_FILE", "/recordings/yard.mkv", /did you mean yard\.mkv/],
    ["OUTPUT_FILE", "yard.mp4", /did you mean yard\.mkv/],
    ["OUTPUT_FILE", "a/../yard.mkv"],
    ["OUTPUT_FILE", `${"y".repeat(200)}.mkv`],
    ["OUTPUT_FILE_MAX_BYTES", "0"],
    ["SLIPSTREAM_SOCKET", `/${"x".repeat(107)}`, /107 bytes/],
    ["MODEL", "two words", /name of a model/],
    ["LOG_LEVEL", "verbose", /error, warn, info or debug/],
    ["LOG_FORMAT", "xml"],
  ];
  for (const [setting, value, rest] of wrong) {
    it(`refuses ${setting}=${value.slice(0, 20)}`, () => {
      const [line, ...others] = faults({ [setting]: value });
      assert.ok(line?.startsWith(`environment: ${setting}: is ${quote(value)}; allowed: `), line);
      if (rest !== undefined) assert.match(line ?? "", rest);
      assert.deepEqual(others, []);
    });
  }

  it("names the wrong item of a list", () => {
    const [line] = faults({ OVERLAY: "boxes,label" });
    assert.ok(
      line?.startsWith(
        'environment: OVERLAY: is "label"; allowed: none, or a comma-separated list',
      ),
      line,
    );
    assert.match(line ?? "", /did you mean labels\?/);
  });

  it("reports all problems at once", () => {
    const lines = faults({ RTSPINPUT: "rtsp://,ftp://x", BITRATE: "x", OUTPUT_WIDTH: "1" });
    assert.deepEqual(
      lines.map((line) => line.split(" ")[1]),
      ["RTSPINPUT:", "RTSPINPUT:", "BITRATE:", "OUTPUT_WIDTH:"],
    );
  });

  it("requires a camera, and notices a misspelt variable", () => {
    const [missing] = faults({ RTSPINPUT: undefined });
    assert.match(
      missing ?? "",
      /^environment: RTSPINPUT: is not set; allowed: a comma-separated list/,
    );
    const [misspelt] = faults({ RTSPINPUT: "", RTSP_INPUT: "rtsp://u:secret@cam/1" });
    assert.match(misspelt ?? "", /RTSP_INPUT is set: did you mean that one\?/);
    assert.doesNotMatch(misspelt ?? "", /secret/);
  });

  it("requires no camera if a settings document may list cameras", () => {
    const none = { RTSPINPUT: undefined };
    const hub = { ...none, HZN_ESS_API_ADDRESS: "/var/run/horizon/essapi.sock" };
    for (const env of [{ ...none, SETTINGS_FILE: "settings.json" }, hub]) {
      assert.deepEqual(load(env).cameras, []);
    }
    assert.deepEqual(loadConfig({}, "/work", true).cameras, []);
    const [fault] = faults({ ...hub, HUB: "off" });
    assert.match(
      fault ?? "",
      /^environment: RTSPINPUT: is not set; .*in a settings document of the hub or of SETTINGS_FILE/,
    );
  });

  it("keeps the name of a model, and resolves a directory", () => {
    assert.equal(load({ MODEL: "people@1.2.0" }).model, "people@1.2.0");
    assert.equal(load({ MODEL: "./people" }).model, "/work/people");
  });

  it("refuses what is not a reference to a secret without showing it", () => {
    for (const setting of ["RTSP_USERS", "HTTP_USERS", "HTTP_CERTIFICATE", "MODEL_KEYS"]) {
      const [line] = faults({ [setting]: "viewer:hunter2-and-more" });
      assert.match(line ?? "", new RegExp(`^environment: ${setting}: is refused; allowed: `));
      assert.doesNotMatch(line ?? "", /hunter2/);
    }
  });

  it("refuses an HTTP address that is open to the network without logins", () => {
    for (const HTTP_ADDRESS of ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:80"]) {
      assert.match(
        faults({ HTTP_ADDRESS }).join(),
        /^environment: HTTP_USERS: is not set, and HTTP_ADDRESS is open to the network; allowed: /,
      );
      assert.equal(load({ HTTP_ADDRESS, HTTP_USERS: "secret:ops" }).httpAddress, HTTP_ADDRESS);
    }
    for (const HTTP_ADDRESS of ["off", "127.0.0.2:80", "[::1]:8080"]) load({ HTTP_ADDRESS });
  });

  it("refuses what is no address to listen at, and says what was meant", () => {
    const hints = [
      ["8080", "did you mean 127.0.0.1:8080?"],
      [":8080", "did you mean 127.0.0.1:8080?"],
      ["localhost:8080", "did you mean 127.0.0.1:8080?"],
      ["127.0.0.1", ""],
      ["127.0.0.1:0", ""],
      ["127.0.0.1:65536", ""],
      ["127.0.0.999:80", ""],
      ["::1:80", ""],
    ] as const;
    for (const [HTTP_ADDRESS, hint] of hints) {
      const [line = ""] = faults({ HTTP_ADDRESS });
      assert.match(line, /^environment: HTTP_ADDRESS: is "/, HTTP_ADDRESS);
      assert.ok(line.includes(hint), line);
    }
  });

  it("knows which settings are given and which are defaults", () => {
    assert.deepEqual([...load({ CODEC: "H264", BITRATE: " " }).given], ["cameras", "codec"]);
  });

  it("shows no password of a camera", () => {
    const lines = faults({ RTSPINPUT: "a=rstp://u:hunter2@cam,a=rtsp://u:hunter2@10.0.0.9:0/" });
    assert.doesNotMatch(lines.join("\n"), /hunter2/);
    assert.equal(lines.length, 3);
  });

  it("knows its secrets", () => {
    const config = load({ RTSPINPUT: "rtsp://u:p%40ss@a/,rtsp://b/,rtsp://u@c/" });
    assert.deepEqual(secretsOf(config), ["p@ss"]);
  });
});
