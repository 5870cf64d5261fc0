// `make bench-page`: measures how long a camera's frame takes until the page shows it in Chromium, with WebCodecs and
// with JPEG images, and what a browser costs the agent. SECONDS=n: how long each is measured, 20 by default.
import { setTimeout as delay } from "node:timers/promises";
import { startBrowser } from "../test/support/browser.js";
import { freePorts } from "../test/support/scope.js";
import { count } from "../test/support/video.js";
import { cpuTimes, startProduct } from "./product.js";
import { withScope } from "./scope.js";
import { percentile } from "./statistics.js";

const WARM_UP_MS = 4000;
const [WIDTH, HEIGHT, RATE] = [640, 360, 15];

/** A counter that the page has drawn, and when, in milliseconds since 1970. */
interface Shown {
  readonly counter: number;
  readonly at: number;
}

/** Runs in the page: reads the counter of test/support/counter.py before each repaint. */
const WATCH = `
  window.shown = [];
  const read = () => {
    const canvas = document.querySelector("canvas");
    const { width, height } = canvas;
    const row = canvas.getContext("2d").getImageData(0, Math.round(height * (1 / 4 + 1 / 24)), width, 1).data;
    const level = (cell) => row[4 * Math.round((width / 24) * (cell + 0.5))];
    const limit = (level(0) + level(1)) / 2;
    let counter = 0;
    for (let cell = 2; cell < 18; cell++) counter = 2 * counter + (level(cell) > limit ? 1 : 0);
    if (window.shown.at(-1)?.counter !== counter) {
      window.shown.push({ counter, at: performance.timeOrigin + performance.now() });
    }
    requestAnimationFrame(read);
  };
  requestAnimationFrame(read);
`;

const seconds = Number(process.env["SECONDS"] ?? 20);
for (const kind of ["WebCodecs", "JPEG images"]) {
  await withScope(async (scope) => {
    const camera = await count(scope, { width: WIDTH, height: HEIGHT, rate: RATE });
    const [port] = await freePorts(1);
    const product = await startProduct(scope, {
      RTSPINPUT: `camera=${camera.uri}`,
      HTTP_ADDRESS: `127.0.0.1:${port}`,
      OUTPUT_WIDTH: String(WIDTH),
      OUTPUT_HEIGHT: String(HEIGHT),
    });
    await delay(WARM_UP_MS);
    const before = await cpuTimes(product);
    await delay(seconds * 1000);
    const alone = await cpuTimes(product);
    const browser = await startBrowser(scope);
    const page = await browser.newPage();
    if (kind !== "WebCodecs") await page.evaluateOnNewDocument("delete window.VideoDecoder");
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.waitForSelector("figcaption:empty");
    await page.evaluate(WATCH);
    await delay(WARM_UP_MS);
    const began = await cpuTimes(product);
    const fromMs = Date.now();
    await delay(seconds * 1000);
    const ended = await cpuTimes(product);
    // In the page, where the script above has left it.
    const shown = (await page.evaluate("window.shown")) as Shown[];
    // Departures are on the monotonic clock.
    const offsetMs = Date.now() - Number(process.hrtime.bigint()) / 1e6;
    const departures = await camera.departures();
    const latencies = shown
      .filter(({ at }) => at >= fromMs)
      .flatMap(({ counter, at }) => {
        const left = departures.get(counter);
        return left === undefined ? [] : [at - offsetMs - left / 1e6];
      });
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) =>
      percentile(latencies, share).toFixed(0),
    );
    const percent = (name: "agent" | "worker") =>
      ((ended[name] - began[name] - (alone[name] - before[name])) / (10 * seconds)).toFixed(1);
    console.log(
      `${kind}: ${latencies.length} of ${RATE * seconds} frames, camera to page p50 ${p50} / p95 ${p95} / p99 ${p99} ms; ` +
        `a browser costs the agent ${percent("agent")} % and the worker ${percent("worker")} % of a core`,
    );
  });
}
