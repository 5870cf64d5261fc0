import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, KeyInput, Page } from "puppeteer-core";
import { selfSigned } from "../src/agent/hub/testing/certificate.js";
import { readSettingsDocument } from "../src/common/settings/settings-document.js";
import { barriers, screenshot, startBrowser } from "./support/browser.js";
import { startPicture } from "./support/product.js";
import { freePorts, temporaryDirectory, until } from "./support/scope.js";

/** Generous: the machine may have other work. */
const TIMEOUT_MS = 60_000;

describe("the page", () => {
  const cleaners: (() => Promise<void>)[] = [];
  let browser: Browser;
  before(async () => {
    browser = await startBrowser({ after: (clean) => cleaners.push(clean) });
  });
  const newPage = async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    return page;
  };
  after(async () => {
    for (const clean of cleaners.reverse()) await clean();
  });

  it("asks for a login over TLS where it is open to the network, and goes on when the worker is killed", async (t) => {
    const [http, nobody] = await freePorts(2);
    const secrets = await temporaryDirectory(t);
    const { certificate, key } = selfSigned();
    const files = {
      ops: { key: "ops", value: "hunter2" },
      tls: { key: "", value: certificate + key },
    };
    for (const [name, secret] of Object.entries(files)) {
      await writeFile(join(secrets, name), JSON.stringify(secret));
    }
    const product = await startPicture(t, {
      RTSPINPUT: `yard=test://ball,gate=rtsp://127.0.0.1:${nobody}/live`,
      OUTPUT_LAYOUT: "per-camera",
      HTTP_ADDRESS: `0.0.0.0:${http}`,
      HTTP_USERS: "secret:ops",
      HTTP_CERTIFICATE: "secret:tls",
      SECRETS_DIR: secrets,
    });
    const page = await newPage();
    const at = `https://127.0.0.1:${http}/`;
    await assert.rejects(page.goto(at), /ERR_INVALID_AUTH_CREDENTIALS/);
    await page.authenticate({ username: "ops", password: "hunter2" });
    await page.goto(at);
    await says(page, "#connection", /^Connected$/);
    await moves(page);
    // Its own stream has had no frame yet.
    await says(page, "figure:nth-child(2) figcaption", /^gate is lost: .*nobody answers/);
    const snapshot = page.waitForRequest((request) => request.url().includes("/api/v1/snapshot"));
    await press(page, "#snapshot");
    assert.match((await snapshot).url(), /output=rtsp&camera=yard$/);

    const processes = await product.sidecar.descendants();
    const worker = processes.find(({ command }) => command.endsWith("sidecar.worker"));
    process.kill(worker?.pid ?? 0, "SIGKILL");
    await says(page, "figcaption", /^(?:No video|yard is)/);
    await moves(page);
  });

  it("shows live video, every camera's state and why, and says when the agent is away", async (t) => {
    const [http, nobody] = await freePorts(2);
    const product = await startPicture(t, {
      RTSPINPUT: `yard=test://ball,gate=rtsp://127.0.0.1:${nobody}/live`,
      HTTP_ADDRESS: `127.0.0.1:${http}`,
      // Until a person confirms it.
      TRIAL_TIME: "60m",
    });
    const page = await newPage();
    const troubles: string[] = [];
    page.on("pageerror", (error) => troubles.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") troubles.push(message.text());
    });
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.setViewport({ width: 1280, height: 900 });
    await page.goto(`http://127.0.0.1:${http}/`);

    await says(page, "#connection", /^Connected$/);
    await says(page, "#camera-table", /yardRestart\s*live for/);
    await says(page, "#camera-table", /gateRestart\s*lost for .*unreachable: .*next attempt in/s);
    await says(page, "#readiness", /^Not ready: camera gate: lost: unreachable/);
    await moves(page);
    await screenshot(page, "desktop");
    assert.deepEqual(troubles, []);
    // As it is, not as JPEG images.
    assert.ok(asked.includes("/api/v1/video") && !asked.includes("/api/v1/preview"));

    // What a person does.
    await press(page, "#confirm");
    await says(page, "#facts", /Trial\s*passed/);
    await press(page, 'button[aria-label="Restart gate"]');
    await says(page, "#camera-table", /gate.*restarted/s);
    await press(page, "summary");
    await page.type("#camera-address", `rtsp://127.0.0.1:${nobody}/live`);
    await page.keyboard.press("Enter");
    await says(page, "#camera-test-result", /nothing answers/);
    await page.select("#view", "yard");
    await moves(page);
    await says(page, "#camera-table", /Frames a second of yard in the last hour/);
    await screenshot(page, "one-camera");

    // Zones, by keyboard alone, and what the settings would refuse.
    await press(page, "#draw");
    await page.type("#shape-id", "drive");
    await page.focus(".overlay");
    const draw = async (...keys: KeyInput[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await draw("Enter", "ArrowRight", "Enter");
    await press(page, "#shape button");
    await says(page, "#shape-outcome", /a zone has three points or more/);
    await page.focus(".overlay");
    await draw("ArrowDown", "Enter");
    await press(page, "#shape button");
    await says(page, "#shape-outcome", /zone drive added/);
    const drawn = await page.$eval("#shape-document", (found) => found.textContent ?? "");
    const uri = "test://ball";
    const text = JSON.stringify({ cameras: [{ id: "yard", uri, ...JSON.parse(drawn) }] });
    assert.equal(readSettingsDocument(text, "the page's document").t, "document");
    assert.deepEqual(JSON.parse(drawn), {
      zones: [
        {
          id: "drive",
          points: [
            [0.5, 0.5],
            [0.51, 0.5],
            [0.51, 0.51],
          ],
        },
      ],
    });
    await press(page, "#shape-apply");
    await says(page, "#shape-outcome", /^applied on this node$/);
    const applied = await (await fetch(`http://127.0.0.1:${http}/api/v1/settings`)).json();
    const [yard] = (applied as { cameras: { zones?: { id: string }[] }[] }).cameras;
    assert.deepEqual(
      yard?.zones?.map(({ id }) => id),
      ["drive"],
    );
    await screenshot(page, "editor");

    // For everybody.
    assert.deepEqual(await barriers(page), []);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    assert.deepEqual(await barriers(page), []);
    await screenshot(page, "dark");
    await page.setViewport({ width: 360, height: 740, isMobile: true, hasTouch: true });
    const width = await page.$eval("html", ({ scrollWidth }) => scrollWidth);
    assert.ok(width <= 360, `the page is ${width} wide on a phone`);
    const places = await page.$$eval("section", (sections) =>
      sections
        .map((section) => section.getBoundingClientRect())
        .map(({ top, bottom }) => [top, bottom]),
    );
    const isStacked = places.every(([top = 0], index) => top >= (places[index - 1]?.[1] ?? 0));
    assert.ok(isStacked, `the sections overlap on a phone: ${places.join(" ")}`);
    assert.deepEqual(await barriers(page), []);
    await screenshot(page, "phone");
    assert.deepEqual(troubles, []);

    // Where a browser has no WebCodecs, as without TLS.
    const other = await newPage();
    await other.evaluateOnNewDocument("delete window.VideoDecoder");
    const preview = other.waitForRequest((request) => request.url().includes("/api/v1/preview"));
    await other.goto(`http://127.0.0.1:${http}/`);
    await preview;
    await moves(other);
    await other.close();

    product.sidecar.signal("SIGTERM");
    await says(page, "#readiness", /^Not ready: sidecar: no worker answers/);
    product.agent.signal("SIGTERM");
    await says(page, "#connection", /^The agent is away/);
    await screenshot(page, "away");
  });
});

async function says(page: Page, selector: string, expected: RegExp): Promise<void> {
  let text = "";
  await until(`${selector} says ${expected}`, TIMEOUT_MS, async () => {
    text = await page.$eval(selector, (found) => found.textContent ?? "");
    return expected.test(text);
  }).catch((error: unknown) => {
    throw new Error(`${selector} says: ${text}`, { cause: error });
  });
}

/** Presses a button as a keyboard does, once it is there. */
async function press(page: Page, selector: string): Promise<void> {
  await page.waitForSelector(selector, { visible: true });
  await page.focus(selector);
  await page.keyboard.press("Enter");
}

/** Waits until the first canvas has shown three different frames. */
async function moves(page: Page): Promise<void> {
  const seen = new Set<string>();
  await until("the video moves", TIMEOUT_MS, async () => {
    seen.add(await page.$eval("canvas", (canvas) => (canvas as unknown as HTMLCanvas).toDataURL()));
    return seen.size >= 3;
  });
}

/** The part of a browser's canvas that is used here, where no type of a browser is known. */
interface HTMLCanvas {
  toDataURL(): string;
}
