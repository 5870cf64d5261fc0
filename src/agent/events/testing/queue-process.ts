/**
 * A process that appends numbers to a queue for ever, for tests that kill it or fill its disk: queue-process.js DIRECTORY
 * FIRST. It prints each number once it is accepted, and what the queue says.
 */

import { DEFAULT_QUEUE } from "../../../common/settings/events.js";
import { systemClock } from "../../../common/time/clock.js";
import { EventQueue } from "../queue.js";

const [directory = "", first = "0"] = process.argv.slice(2);

const queue = new EventQueue(
  {
    ...{ directory, clock: systemClock, wallClock: Date.now },
    onEvent: (event) => process.stdout.write(`${event.t}\n`),
    onAppend: () => {},
  },
  DEFAULT_QUEUE,
);
await queue.load();
queue.setSinks(["sink"]);
void queue.run(new AbortController().signal);
for (let number = Number(first); ; number += 10) {
  const texts = Array.from({ length: 10 }, (_, index) => String(number + index).padEnd(500));
  const state = { name: "camera front", text: () => String(number + 9) };
  queue.append(texts, state);
  await queue.saved();
  process.stdout.write(`${number + 9}\n`);
}
