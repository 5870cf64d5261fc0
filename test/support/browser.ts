// Debian's Chromium, as a person's browser. One for all tests of a file: it takes its time to start.
import { mkdir } from "node:fs/promises";
import axe, { type AxeResults } from "axe-core";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { type Scope, temporaryDirectory } from "./scope.js";

const CHROMIUM = "/usr/bin/chromium";
/** Where screenshots stay, for people to look at. */
const SCREENSHOTS = "build/page";

const START_TIMEOUT_MS = 60_000;

export async function startBrowser(scope: Scope): Promise<Browser> {
  const userDataDir = await temporaryDirectory(scope);
  const browser = await puppeteer.launch({
    executablePath: CHROMIUM,
    userDataDir,
    timeout: START_TIMEOUT_MS,
    protocolTimeout: START_TIMEOUT_MS,
    // Tests run as root in containers, where the sandbox cannot and /dev/shm is small.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  scope.after(async () => {
    await browser.close();
  });
  return browser;
}

/** What axe finds that is serious or worse, one line each. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  // In the browser, where the script above has left a global of its own.
  const found = (await page.evaluate("axe.run()")) as AxeResults;
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });
}
