import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { loadConfig } from "../../common/settings/config.js";
import { desiredFrom } from "../../common/settings/testing/desired-from.js";
import { eventually } from "../../common/testing/eventually.js";
import { systemClock } from "../../common/time/clock.js";
import { SidecarClient } from "../sidecar/client.js";
import { ServerDouble, socketDirectory } from "../sidecar/testing/server-double.js";
import { ServerProcess } from "../sidecar/testing/server-process.js";
import { Reconciler, type ReconcilerEvent } from "./reconciler.js";

/** gRPC's status code. */
const OUT_OF_RANGE = 11;

describe("Reconciler over a real socket", () => {
  let directory: Awaited<ReturnType<typeof socketDirectory>>;
  let socketPath: string;
  let events: ReconcilerEvent[];
  let stop: AbortController;
  let running: Promise<void>;
  const cleanups: (() => void)[] = [];
  const desired = desiredFrom(loadConfig({ RTSPINPUT: "rtsp://cam/1" }, "/"));

  beforeEach(async () => {
    directory = await socketDirectory();
    socketPath = join(directory.path, "worker.sock");
    events = [];
    stop = new AbortController();
    const reconciler = new Reconciler({
      open: () => new SidecarClient({ socketPath, agentVersion: "0" }),
      previousWorker: async () => undefined,
      clock: systemClock,
      timing: {
        connectTimeoutMs: 200,
        applyTimeoutMs: 1000,
        checkTimeoutMs: 1000,
        heartbeatMs: 100,
        refusedMs: 1000,
        backoffMs: { first: 10, longest: 50 },
      },
      onEvent: (event) => events.push(event),
    });
    reconciler.setDesired(desired);
    running = reconciler.run(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await running;
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
    await directory.remove();
  });

  async function serve(instanceId: string): Promise<ServerProcess> {
    const sidecar = await ServerProcess.start(socketPath, instanceId);
    cleanups.push(() => sidecar.kill());
    return sidecar;
  }

  /** Returns once this instance has reported the desired generation as active. */
  async function activeAt(instanceId: string): Promise<void> {
    const isActive = () => {
      const connected = events.findLastIndex(({ t }) => t === "connected");
      const { peer } = { peer: undefined, ...events[connected] };
      return (
        peer?.instanceId === instanceId &&
        events.slice(connected).some((event) => {
          if (event.t !== "update" || event.event.t !== "state") return false;
          return event.event.state.generation === desired.generation;
        })
      );
    };
    await eventually(isActive, `the specification is active at ${instanceId}`);
  }

  it("finds a sidecar that comes up later, and the one that replaces it", async () => {
    await eventually(() => events.length >= 3, "some attempts fail");
    const first = await serve("one");
    await activeAt("one");
    first.kill();
    await serve("two");
    await activeAt("two");
  });

  it("disconnects from a frozen sidecar and connects to the one that takes over its socket", async () => {
    const first = await serve("one");
    await activeAt("one");
    first.freeze();
    const isSilent = () => events.some((it) => it.t === "disconnected" && it.why === "silent");
    await eventually(isSilent, "the silence is noticed");
    await serve("two");
    await activeAt("two");
  });

  it("starts a new watch when the sidecar no longer has the events to resume from", async () => {
    let watches = 0;
    const afterSequences: bigint[] = [];
    const server = new ServerDouble({
      watch: (call) => {
        afterSequences.push(call.request.afterSequence);
        watches++;
        if (call.request.afterSequence > 0n) {
          call.emit("error", { code: OUT_OF_RANGE, details: "too old" });
          return;
        }
        const { generation } = desired;
        const value = { generation, pipeline: undefined, cameras: [], outputs: [], processes: [] };
        call.write({ sequence: 5n, time: undefined, event: { $case: "state", value } });
        if (watches === 1) call.end();
      },
    });
    await server.listen(socketPath);
    cleanups.push(() => server.stop());
    await eventually(() => afterSequences.length >= 3, "it watches three times");
    assert.deepEqual(afterSequences.slice(0, 3), [0n, 5n, 0n]);
  });
});
