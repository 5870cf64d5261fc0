// Faults of where events go.
import { type FaultKind, lasts, type Stage, signalTo } from "./fault.js";
import { shuffled } from "./random.js";
import type { Manners } from "./sinks.js";

const NONE = { hits: [], reasons: [] } as const;
const MANNERS: readonly Manners[] = ["silent", "cuts", "busy"];

export const SINK_FAULTS: readonly FaultKind[] = [
  {
    ...NONE,
    name: "broker killed",
    story: "the MQTT broker is killed, loses everything, and comes back after two seconds",
    begin: ({ world }) => world.sinks.broker.kill(),
    until: lasts(2000),
    heal: ({ world }) => world.sinks.broker.start(),
    healed: isToldAll,
  },
  {
    ...NONE,
    hits: ["agent"],
    name: "broker and agent killed",
    story: "the MQTT broker and the agent are killed, and the broker comes back after two seconds",
    begin: async (stage) => {
      signalTo(stage, "agent", "SIGKILL");
      await stage.world.sinks.broker.kill();
    },
    until: lasts(2000),
    heal: ({ world }) => world.sinks.broker.start(),
    healed: isToldAll,
  },
  {
    ...NONE,
    name: "webhook misbehaves",
    story:
      "the server of the webhook does not answer, cuts connections or is busy for three seconds",
    begin: ({ world, random }) => {
      const [manners = "silent"] = shuffled(MANNERS, random);
      world.sinks.behave(manners);
    },
    until: lasts(3000),
    heal: ({ world }) => world.sinks.behave("well"),
    healed: isToldAll,
  },
];

/** No event is missing, and the broker knows that the node is online. */
async function isToldAll({ world }: Stage): Promise<boolean> {
  const missing = await world.sinks.missing(world.stateDir);
  return missing.length === 0 && (await world.sinks.isOnline());
}
