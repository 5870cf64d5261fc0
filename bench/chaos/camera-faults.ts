// What cameras do, and what networks do to them.
import { setTimeout as delay } from "node:timers/promises";
import type { CameraState } from "../../src/agent/sidecar/state.js";
import { until } from "../../test/support/scope.js";
import { type FaultKind, type Noticed, type Stage, saysLost } from "./fault.js";
import { between } from "./random.js";
import type { Looks } from "./victim.js";
import { SECRET } from "./world.js";

/** What a camera that goes away looks like, whichever is seen first. */
const GONE = ["ended", "unreachable", "broken stream", "timeout"];
/** The product is patient for so long with a camera that says nothing. */
const SILENCE_MS = 1500;
/** FROZEN_AFTER of the bench, and the span between two looks. */
const FROZEN_MS = 3500;
/** It waits so long for the first frame of a connection. */
const FIRST_FRAME_MS = 10_000;
/** Longer than the longest pause between two attempts. */
const VISIT_LIMIT_MS = 45_000;

const OF_CAMERA = { hits: [], isOfCamera: true } as const;

export const CAMERA_FAULTS: readonly FaultKind[] = [
  {
    ...OF_CAMERA,
    name: "camera killed",
    story: "a camera loses its power, and has it again",
    reasons: GONE,
    begin: ({ victim }) => victim.end("SIGKILL"),
    until: saysLost(0),
    heal: ({ victim }) => victim.comeBack(),
  },
  {
    ...OF_CAMERA,
    name: "camera stops",
    story: "a camera shuts down as it should, and comes back",
    reasons: GONE,
    begin: ({ victim }) => victim.end("SIGTERM"),
    until: saysLost(0),
    heal: ({ victim }) => victim.comeBack(),
  },
  {
    ...OF_CAMERA,
    name: "camera hangs",
    story: "a camera's program hangs with its connections open",
    reasons: GONE,
    begin: signalled("SIGSTOP"),
    until: saysLost(SILENCE_MS, "timeout"),
    heal: signalled("SIGCONT"),
  },
  {
    ...OF_CAMERA,
    name: "camera reboots slowly",
    story: "a camera is away for many seconds, and its address refuses",
    reasons: GONE,
    begin: async ({ victim }) => {
      await victim.door.behave("closed");
      await victim.end("SIGKILL");
    },
    until: saysLost(0),
    heal: async ({ victim, random }) => {
      await delay(between(random, 3000, 6000));
      await victim.comeBack();
      await victim.door.behave("open");
    },
  },
  {
    ...OF_CAMERA,
    name: "cable pulled",
    story: "nothing comes through any more, and connections stay open",
    reasons: GONE,
    begin: ({ victim }) => victim.door.behave("mute"),
    until: saysLost(SILENCE_MS, "timeout"),
    heal: async ({ victim }) => {
      await victim.door.behave("closed");
      await victim.door.behave("open");
    },
  },
  {
    ...OF_CAMERA,
    name: "TCP reset",
    story: "the connection is reset in the middle of the stream",
    reasons: GONE,
    begin: ({ victim }) => victim.door.reset(),
    until: saysLost(0),
  },
  {
    ...OF_CAMERA,
    name: "garbage in the stream",
    story: "media packets arrive whose contents are garbage",
    reasons: [...GONE, "unsupported codec"],
    begin: ({ victim }) => victim.door.behave("garble"),
    until: saysLost(SILENCE_MS, "timeout", "broken stream", "unsupported codec"),
    heal: ({ victim }) => victim.door.behave("open"),
  },
  {
    ...OF_CAMERA,
    name: "garbage on the port",
    story: "something that does not speak RTSP answers at a camera's address",
    reasons: GONE,
    begin: async ({ victim: { door } }) => {
      await door.behave("noise");
      const { visits } = door;
      await until("it was tried", VISIT_LIMIT_MS, () => door.visits > visits);
      await delay(500);
    },
    until: saysLost(FIRST_FRAME_MS),
    heal: async ({ victim }) => {
      await victim.door.behave("closed");
      await victim.door.behave("open");
    },
  },
  {
    ...OF_CAMERA,
    name: "picture frozen",
    story: "a camera sends the same picture again and again",
    reasons: ["frozen"],
    begin: ({ victim }) => victim.process.tell("freeze"),
    until: saysLost(FROZEN_MS, "frozen"),
    heal: ({ victim }) => victim.process.tell("thaw"),
  },
  {
    ...OF_CAMERA,
    name: "no such stream",
    story: "a camera comes back with another path",
    reasons: [...GONE, "not found"],
    begin: comesBack({ path: "/elsewhere" }),
    until: saysLost(0, "not found"),
    heal: comesBack({}),
  },
  {
    ...OF_CAMERA,
    name: "codec that nobody knows",
    story: "a camera comes back with VP8",
    reasons: [...GONE, "unsupported codec"],
    begin: comesBack({ codec: "vp8" }),
    until: saysLost(0, "unsupported codec"),
    heal: comesBack({}),
  },
  {
    ...OF_CAMERA,
    name: "codec changed",
    story: "a camera comes back with H.265",
    reasons: GONE,
    begin: comesBack({ codec: "h265" }),
    until: showsCodec("H265"),
    heal: comesBack({}),
    healed: showsCodec("H264").when,
  },
  {
    ...OF_CAMERA,
    name: "resolution changed",
    story: "a camera changes the size of its picture in the middle of the stream",
    reasons: GONE,
    begin: ({ victim }) => victim.process.tell("size 480 272"),
    until: showsSize(480, 272),
    heal: ({ victim }) => victim.process.tell("size 320 184"),
    healed: showsSize(320, 184).when,
  },
  {
    ...OF_CAMERA,
    name: "password changed",
    story: "a camera wants another password, and the settings follow",
    hits: ["agent"],
    changes: 1,
    reasons: [...GONE, "login refused"],
    begin: async (stage) => {
      await stage.victim.end("SIGKILL");
      await stage.victim.comeBack({ password: `${SECRET}${Math.floor(stage.random() * 1e9)}` });
    },
    until: saysLost(0, "login refused"),
    heal: async ({ world }) => {
      await world.agent.replace(world.settings());
    },
  },
];

function signalled(signal: NodeJS.Signals): (stage: Stage) => Promise<void> | void {
  return ({ victim }) => victim.process.signal(signal);
}

function comesBack(looks: Looks): (stage: Stage) => Promise<void> | void {
  return async ({ victim }) => {
    await victim.end("SIGKILL");
    await victim.comeBack(looks);
  };
}

/** The product is to say of the victim that it is live, with a size. */
function showsSize(width: number, height: number): Noticed {
  return shows((live) => live.width === width && live.height === height);
}

function showsCodec(encoding: string): Noticed {
  return shows((live) => live.encoding === encoding);
}

function shows(isRight: (live: Extract<CameraState, { t: "live" }>) => boolean): Noticed {
  return {
    t: "noticed",
    patienceMs: 0,
    when: ({ world, victim }) => {
      const camera = world.status.state?.cameras.find(({ id }) => id === victim.id)?.state;
      return camera?.t === "live" && isRight(camera);
    },
  };
}
