import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { recordingTerminal } from "../../common/testing/recording-terminal.js";
import { settingsCommand } from "./command.js";

describe("slipstream settings", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "settings-command-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function write(name: string, content: unknown): string {
    const file = join(folder, name);
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 2));
    return file;
  }

  async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const { terminal, result } = recordingTerminal(
      { SECRETS_DIR: join(folder, "none"), STATE_DIR: join(folder, "none"), ...environment },
      (text) => text.replaceAll(`${folder}/`, ""),
    );
    await settingsCommand(terminal).parseAsync(args, { from: "user" });
    return result;
  }

  describe("show", () => {
    it("prints every value and where it came from, and no secret", async () => {
      const file = write("file.json", {
        cameras: [
          { id: "front", uri: "rtsp://u:hunter2@cam/1", latency: "2s" },
          {
            id: "back",
            uri: "rtsp://cam/2?user=a&password=secret:back",
            credentials: "secret:back",
          },
        ],
        rtspServer: { users: [{ username: "v", password: "hunter2" }] },
      });
      const hub = write("hub.json", { outputDefaults: { codec: "H265" }, trial: { time: "2m" } });
      const { out, err, exit } = await run(["show", "--file", file, "--hub", hub], {
        BITRATE: "1000000",
      });
      assert.equal(exit, 0, err);
      for (const line of [
        /^PATH +VALUE +FROM$/m,
        /^cameras\[0\]\.latencyMs +2000 +file$/m,
        /^cameras\[0\]\.credentials +u:\*\*\* +file$/m,
        /^cameras\[0\]\.transport +tcp +default of RTSP_TRANSPORT$/m,
        /^cameras\[1\]\.uri +rtsp:\/\/cam\/2\?user=\*\*\*&password=\*\*\* +file$/m,
        /^cameras\[1\]\.credentials +secret:back:\*\*\* +file$/m,
        /^outputs\[0\]\.encoding\.codec +H265 +hub$/m,
        /^outputs\[0\]\.encoding\.bitrate +1000000 +BITRATE$/m,
        /^outputs\[0\]\.target\.users +\["v:\*\*\*"\] +file$/m,
        /^trial\.timeMs +120000 +hub$/m,
      ]) {
        assert.match(out, line);
      }
      assert.doesNotMatch(out + err, /hunter2/);
    });

    it("prints the same as JSON", async () => {
      const { out } = await run(["show", "--json"], { RTSPINPUT: "rtsp://u:hunter2@cam/1" });
      const { generation, values, warnings } = JSON.parse(out);
      assert.match(generation, /^[0-9a-f]{16}$/);
      const codec = { path: "outputs[0].encoding.codec", from: "default of CODEC", value: "H264" };
      assert.deepEqual(
        values.find(({ path }: { path: string }) => path === codec.path),
        codec,
      );
      assert.equal(warnings[0].code, "output-open");
      assert.doesNotMatch(out, /hunter2/);
    });

    it("reads the document that SETTINGS_FILE names, and the secrets where there are some", async () => {
      const SECRETS_DIR = join(folder, "secrets");
      mkdirSync(SECRETS_DIR);
      writeFileSync(join(SECRETS_DIR, "front"), '{"key": "admin", "value": "hunter2"}');
      const SETTINGS_FILE = write("settings.json", {
        cameras: [
          { uri: "rtsp://cam/1", credentials: "secret:front" },
          { uri: "rtsp://cam/2", credentials: "secret:back" },
        ],
      });
      const { out, err, exit } = await run(["show"], { SETTINGS_FILE, SECRETS_DIR });
      assert.equal(exit, 0);
      assert.match(out, /^cameras\[0\]\.credentials +admin:\*\*\* +file$/m);
      assert.match(err, /^warning: cameras\[1\]\.credentials: secret back is missing: /m);
      assert.doesNotMatch(out + err, /hunter2/);
    });

    it("reads the document of the hub that the agent has", async () => {
      const STATE_DIR = join(folder, "state");
      mkdirSync(join(STATE_DIR, "hub"), { recursive: true });
      const document = { id: "a", version: "1", instance: "1", text: '{"tracker": "iou"}' };
      const kept = JSON.stringify({ format: 1, documents: [document] });
      writeFileSync(join(STATE_DIR, "hub", "settings.json"), kept);
      const env = { RTSPINPUT: "test://", STATE_DIR };
      assert.match((await run(["show"], env)).out, /^tracker +iou +hub$/m);
      assert.match((await run(["show"], { ...env, HUB: "off" })).out, /^tracker +- +default$/m);
    });

    it("prints zones and sinks, and no secret of a sink", async () => {
      const secrets = join(folder, "sink-secrets");
      mkdirSync(secrets);
      for (const name of ["broker", "key", "token"]) {
        const content = name === "broker" ? "u:hunter2-broker" : `hunter2-${name}`;
        writeFileSync(join(secrets, name), content);
      }
      const sinks = [
        { mqtt: { url: "mqtts://b", credentials: "secret:broker" } },
        { webhook: { url: "https://h/?key=secret:key", token: "secret:token" } },
      ];
      const points = [
        [0, 0],
        [1, 0],
        [1, 1],
      ];
      const cameras = [{ id: "front", uri: "test://", zones: [{ id: "door", points }] }];
      const file = write("sinks.json", { cameras, events: { sinks } });
      for (const form of [[], ["--json"]]) {
        const { out } = await run(["show", "--file", file, ...form], { SECRETS_DIR: secrets });
        assert.match(out, /analytics\.front.*door/s);
        assert.match(out, /events\.sinks.*mqtts:\/\/b/s);
        assert.doesNotMatch(out, /hunter2/);
      }
    });

    it("reports why it would be refused", async () => {
      assert.deepEqual(await run(["show"], { CODEC: "VP9", RTSPINPUT: "test://" }), {
        out: "",
        err: 'environment: CODEC: is "VP9"; allowed: H264 or H265\n',
        exit: 1,
      });
      const hub = write("wrong.json", { tracker: "kalman" });
      assert.deepEqual(await run(["show", "--hub", hub], { RTSPINPUT: "test://" }), {
        out: "",
        err: 'wrong.json:2: tracker: is "kalman"; allowed: none, iou, nvsort, nvdcf or nvdeepsort\n',
        exit: 1,
      });
      const { err, exit } = await run(["show", "--hub", write("fleet.json", {})]);
      assert.match(
        err,
        /^environment: RTSPINPUT: is not set; allowed: .*cameras in a settings document/,
      );
      assert.equal(exit, 1);
    });
  });

  describe("lint", () => {
    it("finds nothing wrong with a document of a fleet, which lists no cameras", async () => {
      const file = write("fleet.json", { model: { bundle: "people@1.2.0" } });
      const expected = { out: "fleet.json: nothing wrong\n", err: "", exit: 0 };
      assert.deepEqual(await run(["lint", file]), expected);
    });

    it("reports all problems of all files with their lines", async () => {
      const one = write("one.json", '{\n  "tracker": "iou",\n  "model": { "threshold": 40 }\n}');
      const two = write("two.json", { outputs: [{}, {}] });
      const { out, exit } = await run(["lint", one, two, join(folder, "none.json")]);
      assert.deepEqual(out.split("\n"), [
        "error: one.json:3: model.threshold: is 40; allowed: a number from 0 to 1 (did you mean 0.4?)",
        "error: two.json: outputs[1].target.path: is /ds, which outputs[0] has already; allowed: a different path for " +
          "every stream",
        "error: none.json: cannot be read: there is no such file",
        "",
      ]);
      assert.equal(exit, 1);
    });

    it("reports what a board would not run", async () => {
      const file = write("board.json", { outputDefaults: { codec: "H265" }, tracker: "nvsort" });
      const { out, exit } = await run(["lint", "--target", "all", file]);
      assert.match(
        out,
        /^warning: board\.json: outputs\[0\]\.encoding\.codec: on orin-nano: .*no hardware encoder/m,
      );
      assert.match(out, /^error: board\.json: tracker\.algorithm: on nano: .*has no NvSORT/m);
      assert.equal(exit, 1);
      assert.equal((await run(["lint", "--target", "orin-nano", file])).exit, 0);
      assert.equal((await run(["lint", "--strict", "--target", "orin-nano", file])).exit, 1);
      const json = JSON.parse((await run(["lint", "--json", "--target", "t4", file])).out);
      assert.deepEqual(json, [{ file: "board.json", problems: [] }]);
    });
  });

  it("prints the JSON Schema", async () => {
    const { out } = await run(["schema"]);
    assert.equal(JSON.parse(out).properties.cameras.items.required[0], "uri");
  });
});
