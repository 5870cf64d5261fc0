import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { eventually } from "../../common/testing/eventually.js";
import { ExchangeDouble } from "../rollout/testing/exchange-double.js";
import { FakeFleet } from "../rollout/testing/fake-fleet.js";
import { fleetCommand } from "./command.js";
import { pageHtml } from "./page.js";

const ROW = {
  ...{ id: "node-1", ring: "1", version: "2.0.0", target: "2.0.0", state: "proven" },
  ...{ model: "street@1.0.0", settings: "a1b2c3d4", cameras: "2/3", reason: "", at: "" },
};
const PAGE = { org: "myorg", service: "slipstream", at: "2026-11-30T12:00:00Z", summary: "s" };

async function scene(t: TestContext) {
  const double = await ExchangeDouble.start();
  t.after(() => double.stop());
  const fleet = new FakeFleet(double, Date.now() - 300_000);
  fleet.publish("1.0.0", ["amd64"]);
  double.policies.set("myorg/policy-slipstream", {
    label: "one",
    service: {
      ...{ name: "slipstream", org: "myorg", arch: "*" },
      serviceVersions: [{ version: "1.0.0", priority: {} }],
    },
    constraints: ["slipstream.ring >= 0"],
  });
  fleet.add("front-door", "amd64", 1);
  fleet.says.set("front-door", { reason: 'no <b>picture</b> & "nothing"' });
  fleet.pass(5);
  const folder = mkdtempSync(join(tmpdir(), "fleet-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const said: string[] = [];
  const codes: number[] = [];
  const environment = {
    ...{ HZN_ORG_ID: double.org, HZN_EXCHANGE_URL: double.url, HZN_FSS_CSSURL: double.cssUrl },
    HZN_EXCHANGE_USER_AUTH: double.user,
  };
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = environment) => {
    const write = (text: string) => void said.push(text);
    const exit = (code: number) => void codes.push(code);
    const command = fleetCommand({ environment: env, out: write, err: write, exit });
    return command.parseAsync(args, { from: "user" });
  };
  return { double, folder, run, said, codes };
}

describe("the fleet page", () => {
  it("shows every node with what it reports, and escapes everything that would be HTML", () => {
    const html = pageHtml({
      ...PAGE,
      rows: [{ ...ROW, reason: '<script>alert(1)</script> & "x"' }],
    });
    assert.match(html, /<th scope="row">node-1<\/th><td>1<\/td><td>2\.0\.0<\/td>/);
    assert.match(html, /&lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; &quot;x&quot;/);
    assert.equal(html.match(/<script>/g)?.length, 1);
  });

  it("loads nothing from anywhere", () => {
    const html = pageHtml({ ...PAGE, rows: [ROW] });
    assert.doesNotMatch(html, /(?:src|href|url\()\s*=?\s*["']?(?:https?:)?\/\//);
    assert.match(html, /Content-Security-Policy" content="default-src 'none'; style-src/);
  });

  it("is written by the command from what the hub knows", async (t) => {
    const { folder, run, codes } = await scene(t);
    const file = join(folder, "fleet.html");
    await run(["export", "--out", file]);
    assert.deepEqual(codes, []);
    const html = readFileSync(file, "utf8");
    assert.match(
      html,
      /front-door<\/th><td>1<\/td><td>1\.0\.0<\/td><td>1\.0\.0<\/td><td class="good">proven</,
    );
    assert.match(html, /no &lt;b&gt;picture/);
  });

  it("is served read-only, and returns 502 while the hub fails", async (t) => {
    const { double, run, said } = await scene(t);
    const running = run(["serve", "--port", "0"]);
    await eventually(() => said.length > 0, "it listens");
    const url = said[0]?.trim() ?? "";
    double.fails = () => true;
    assert.equal((await fetch(url)).status, 502);
    double.fails = () => false;
    const page = await fetch(url);
    assert.deepEqual([page.status, (await page.text()).includes("front-door")], [200, true]);
    assert.equal((await fetch(url, { method: "POST" })).status, 405);
    assert.equal((await fetch(`${url}x`)).status, 404);
    process.emit("SIGTERM");
    await running;
  });

  it("names the variables that are missing", async (t) => {
    const { run, said, codes } = await scene(t);
    await run(["export", "--out", "x"], {});
    assert.match(said.join(""), /HZN_ORG_ID, HZN_EXCHANGE_URL, HZN_EXCHANGE_USER_AUTH must be set/);
    assert.deepEqual(codes, [2]);
  });
});
