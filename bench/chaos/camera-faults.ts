// Faults of cameras and of the network between camera and node.
import { setTimeout as delay } from "node:timers/promises";
import type { CameraState } from "../../src/agent/sidecar/state.js";
import { until } from "../../test/support/scope.js";
import { type FaultKind, type Noticed, type Stage, saysLost } from "./fault.js";
import { between } from "./random.js";
import type { Looks } from "./victim.js";
import { SECRET } from "./world.js";

/** The possible reasons for a camera that goes away, whichever the sidecar detects first. */
const GONE = ["ended", "unreachable", "broken stream", "timeout"];
/** How long the product waits for a silent camera: until it is asked, has not answered in time, and that is observed. */
const SILENCE_MS = 2500;
/** How long it waits for a camera whose packets make no frame, and which is observed as often. */
const GARBAGE_MS = 1750;
/** FROZEN_AFTER of the bench, plus the interval between two checks. */
const FROZEN_MS = 3500;
/** How long the product waits for the first frame of a connection. */
const FIRST_FRAME_MS = 10_000;
/** Longer than the longest pause between two connection attempts. */
const VISIT_LIMIT_MS = 45_000;

const OF_CAMERA = { hits: [], isOfCamera: true } as const;

export const CAMERA_FAULTS: readonly FaultKind[] = [
  {
    ...OF_CAMERA,
    name: "camera killed",
    story: "a camera loses power and gets it back",
    reasons: GONE,
    begin: ({ victim }) => victim.end("SIGKILL"),
    until: saysLost(0),
    heal: ({ victim }) => victim.comeBack(),
  },
  {
    ...OF_CAMERA,
    name: "camera stops",
    story: "a camera shuts down in an orderly way and comes back",
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
    story: "a camera is away for many seconds, and its address refuses connections",
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
    story: "no data gets through, and connections stay open",
    reasons: GONE,
    begin: ({ victim }) => victim.door.behave("mute"),
    until: saysLost(SILENCE_MS, "timeout"),
    heal: opensAgain,
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
    story: "media packets arrive with garbage as contents",
    reasons: [...GONE, "unsupported codec"],
    begin: ({ victim }) => victim.door.behave("garble"),
    until: saysLost(GARBAGE_MS, "timeout", "broken stream", "unsupported codec"),
    heal: ({ victim }) => victim.door.behave("open"),
  },
  {
    ...OF_CAMERA,
    name: "garbage on the port",
    story: "something that does not speak RTSP answers at a camera's address",
    reasons: GONE,
    begin: answersItself("noise"),
    until: saysLost(FIRST_FRAME_MS),
    heal: opensAgain,
  },
  {
    ...OF_CAMERA,
    name: "an answer without end",
    story: "something at a camera's address answers with gigabytes",
    reasons: GONE,
    begin: answersItself("flood"),
    until: saysLost(FIRST_FRAME_MS),
    heal: opensAgain,
  },
  {
    ...OF_CAMERA,
    name: "frames frozen",
    story: "a camera sends the same frame again and again",
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
    name: "unsupported codec",
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
    story: "a camera changes its frame size in the middle of the stream",
    reasons: GONE,
    begin: ({ victim }) => victim.process.tell("size 480 272"),
    until: showsSize(480, 272),
    heal: ({ victim }) => victim.process.tell("size 320 184"),
    healed: showsSize(320, 184).when,
  },
  {
    ...OF_CAMERA,
    name: "password changed",
    story: "a camera requires another password, and the settings follow",
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

/** Returns once the product has had such an answer. */
function answersItself(behaviour: "noise" | "flood"): (stage: Stage) => Promise<void> {
  return async ({ victim: { door } }) => {
    await door.behave(behaviour);
    const { visits } = door;
    await until("a connection attempt", VISIT_LIMIT_MS, () => door.visits > visits);
    await delay(500);
  };
}

async function opensAgain({ victim }: Stage): Promise<void> {
  await victim.door.behave("closed");
  await victim.door.behave("open");
}

function comesBack(looks: Looks): (stage: Stage) => Promise<void> | void {
  return async ({ victim }) => {
    await victim.end("SIGKILL");
    await victim.comeBack(looks);
  };
}

/** Waits until the state reports the victim as live with a size. */
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
