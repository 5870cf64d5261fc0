// `make bench`: measures the product on this machine, prints a table, and writes build/bench.json.
// SECONDS=n: how long to measure each case, 20 by default.
import { mkdir, writeFile } from "node:fs/promises";
import { measureCommands } from "./commands.js";
import { measureDeepstream } from "./deepstream.js";
import { measureFirstPicture } from "./first-picture.js";
import { measureHub } from "./hub.js";
import { measureIdle } from "./idle.js";
import { type LiveCase, type LiveResult, measureLive } from "./live.js";
import { measureModels } from "./models.js";
import { asTable, machine } from "./report.js";
import { measureViewer } from "./viewer.js";

const FIRST_PICTURES = 5;
const CASES: readonly LiveCase[] = [
  { name: "640x360@15", width: 640, height: 360, rate: 15 },
  { name: "1280x720@30", width: 1280, height: 720, rate: 30 },
  {
    name: "640x360@15 ssd",
    width: 640,
    height: 360,
    rate: 15,
    settings: { MODEL: "models/ssd-street" },
  },
  // Detection is far slower than the camera, so a queue would show as latency.
  { name: "320x184@60 slow", width: 320, height: 184, rate: 60, layers: 20 },
];

const seconds = Number(process.env["SECONDS"] ?? 20);
if (!(seconds >= 1)) throw new Error(`SECONDS is "${process.env["SECONDS"]}"; a number from 1 on`);

console.error("bench: first picture");
const firstPictureMs = await measureFirstPicture(FIRST_PICTURES);
const live: LiveResult[] = [];
for (const one of CASES) {
  console.error(`bench: ${one.name}, ${seconds} s`);
  live.push(await measureLive(one, seconds));
}
console.error("bench: viewers");
const viewer = await measureViewer();
console.error("bench: idle processes and hostile texts");
const idle = await measureIdle();
console.error("bench: model bundles");
const models = await measureModels();
console.error("bench: engine deepstream on stand-ins");
const deepstream = await measureDeepstream();
console.error("bench: commands");
const commands = await measureCommands();
console.error("bench: the hub");
const hub = await measureHub();
const results = {
  machine: machine(),
  firstPictureMs,
  live,
  viewer,
  idle,
  models,
  deepstream,
  commands,
  hub,
};
await mkdir("build", { recursive: true });
await writeFile("build/bench.json", `${JSON.stringify(results, undefined, 2)}\n`);
console.log(`${asTable(results)}\n\nthe same as JSON: build/bench.json`);
