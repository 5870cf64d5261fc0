// Requested changes of the settings while everything runs.
import { type FaultKind, lasts } from "./fault.js";

const CHANGE = { hits: ["agent"], reasons: [] } as const;

export const SETTINGS_FAULTS: readonly FaultKind[] = [
  {
    ...CHANGE,
    changes: 2,
    name: "camera added and removed",
    story: "the settings add a camera and then remove it",
    begin: async ({ world }) => {
      world.guests.push("guest=test://ball?width=320&height=184&rate=5");
      await world.agent.replace(world.settings());
    },
    until: {
      t: "noticed",
      patienceMs: 0,
      when: ({ world }) => world.isWell(),
    },
    heal: async ({ world }) => {
      world.guests.pop();
      await world.agent.replace(world.settings());
    },
  },
  {
    ...CHANGE,
    changes: 1,
    name: "bit rate changed",
    story: "the settings change the bit rate",
    begin: async ({ world, random }) => {
      world.bitrate = Math.round(400_000 + random() * 400_000);
      await world.agent.replace(world.settings());
    },
    until: lasts(1000),
  },
];
