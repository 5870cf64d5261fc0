/** `slipstream events`: prints the events of the agent on this node while they happen. */

import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { Command, Option } from "commander";
import { type CloudEvent, typeOf } from "../../common/events/cloud-event.js";
import { eventSocketPath } from "../../common/events/socket.js";
import { EVENT_TYPES } from "../../common/events/types.js";
import { plainText } from "../../common/plain-text.js";
import { settings } from "../../common/settings/environment-settings.js";
import { processTerminal, type Terminal } from "../../common/terminal.js";

interface EventsOptions {
  readonly json?: true;
  readonly camera?: readonly string[];
  readonly type?: readonly string[];
  readonly stateDir?: string;
}

const EXIT_NO_AGENT = 1;

export function eventsCommand(terminal: Terminal = processTerminal()): Command {
  return new Command("events")
    .description("follow the events of the agent on this node")
    .option("--camera <id...>", "only events of these cameras")
    .addOption(new Option("--type <type...>", "only events of these types").choices(EVENT_TYPES))
    .option("--json", "print CloudEvents, one line of JSON each")
    .option("--state-dir <directory>", "directory of the agent's state (default: STATE_DIR)")
    .addHelpText(
      "after",
      "\nExit status: 0 stopped, 1 no agent runs here or it has ended, 2 wrong usage.",
    )
    .action((options: EventsOptions) => follow(options, terminal));
}

async function follow(options: EventsOptions, terminal: Terminal): Promise<void> {
  const { environment, out, err, exit } = terminal;
  const { env, default: usual } = settings.stateDir;
  const path = eventSocketPath(options.stateDir ?? (environment[env] || usual));
  const socket = createConnection(path);
  let why = "the agent has ended";
  // Passed on by the iterator below.
  socket.on("error", () => {});
  try {
    for await (const line of createInterface({ input: socket })) {
      // Only the agent writes there.
      const event = JSON.parse(line) as CloudEvent;
      if (isWanted(event, options)) out(options.json ? `${line}\n` : `${asText(event)}\n`);
    }
  } catch (reason) {
    const isForeign = reason instanceof Error && "code" in reason && reason.code === "EACCES";
    why = isForeign ? "is not yours; run this as the agent's user" : "no agent runs here";
  }
  err(`${path}: ${why}\n`);
  exit(EXIT_NO_AGENT);
}

function isWanted(event: CloudEvent, { camera, type }: EventsOptions): boolean {
  const { data } = event;
  if (type?.includes(typeOf(event)) === false) return false;
  return camera === undefined || ("camera" in data && camera.includes(data.camera ?? ""));
}

/** 12:00:00.000 front zone.entered zones/door class=person track=7 */
function asText(event: CloudEvent): string {
  const { time, data, subject = "" } = event;
  const camera = "camera" in data ? (data.camera ?? "") : "";
  const facts = Object.entries(data).flatMap(([name, value]): string[] => {
    if (name === "object") return objectFacts(value as { class: string; track: string });
    const isShown = ["string", "number"].includes(typeof value) && !HEAD.has(name);
    return isShown ? [`${name}=${value}`] : [];
  });
  const words = [time.slice(11, 23), camera, typeOf(event), subject, ...facts];
  return plainText(words.filter((word) => word !== "").join(" "));
}

/** Shown without their names. */
const HEAD: ReadonlySet<string> = new Set(["camera", "zone", "line", "output"]);

function objectFacts(object: { readonly class: string; readonly track: string }): string[] {
  return [`class=${object.class}`, `track=${object.track}`];
}
