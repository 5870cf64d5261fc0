import assert from "node:assert/strict";
import test from "node:test";
import { volumesOf } from "../../test/support/volumes.js";
import { containersOf, DefinitionError, detachedArguments } from "./containers.js";

const definition = {
  org: "myorg",
  userInput: [
    { name: "RTSPINPUT", type: "string" },
    { name: "BITRATE", type: "int", defaultValue: "4000000" },
  ],
  deployment: {
    services: {
      agent: {
        image: "agent:1",
        security_opt: ["no-new-privileges"],
        max_memory_mb: 512,
        binds: ["run:/run/slipstream", "/etc/hosts:/hosts:ro"],
      },
      sidecar: {
        image: "sidecar:1",
        log_driver: "local",
        binds: ["run:/run/slipstream"],
        tmpfs: { "/dev/shm": "size=1g" },
        ports: [{ HostPort: "8554:8554/tcp", HostIP: "0.0.0.0" }],
      },
    },
  },
};

const agreement = { id: "a1", arch: "amd64", inputs: { RTSPINPUT: "rtsp://u:secret@camera" } };

test("each container is run as Horizon's agent runs it", () => {
  const [agent, sidecar] = containersOf(definition, agreement).map((container) =>
    detachedArguments({ ...container, environment: {} }),
  );
  const common = ["--restart", "always", "--network", "a1", "--network-alias"];
  assert.deepEqual(agent, [
    ...["run", "--detach", "--name", "a1-agent", ...common, "agent"],
    ...["--log-driver", "json-file", "--memory", "512m", "--security-opt", "no-new-privileges"],
    ...["--volume", "run:/run/slipstream", "--volume", "/etc/hosts:/hosts:ro", "agent:1"],
  ]);
  assert.deepEqual(sidecar, [
    ...["run", "--detach", "--name", "a1-sidecar", ...common, "sidecar"],
    ...["--log-driver", "local", "--volume", "run:/run/slipstream"],
    ...["--tmpfs", "/dev/shm:size=1g", "--publish", "0.0.0.0:8554:8554/tcp", "sidecar:1"],
  ]);
});

test("all containers get the same environment: the variables of Horizon's agent and every userInput", () => {
  const [agent, sidecar] = containersOf(definition, agreement);
  assert.deepEqual(agent?.environment, sidecar?.environment);
  const { RTSPINPUT, BITRATE, HZN_AGREEMENTID, HZN_ARCH } = agent?.environment ?? {};
  assert.deepEqual(
    [RTSPINPUT, BITRATE, HZN_AGREEMENTID, HZN_ARCH],
    ["rtsp://u:secret@camera", "4000000", "a1", "amd64"],
  );
});

test("a camera's login is not on the command line", () => {
  for (const container of containersOf(definition, agreement)) {
    const args = detachedArguments(container);
    assert.ok(args.includes("RTSPINPUT"));
    assert.equal(args.at(-1), container.image);
    assert.doesNotMatch(args.join(" "), /secret/);
  }
});

test("a userInput without a value or default is named", () => {
  const without = { ...agreement, inputs: {} };
  assert.throws(() => containersOf(definition, without), {
    name: "DefinitionError",
    message: "RTSPINPUT must be set",
  });
});

test("volumes are listed once, and directories of the host are not volumes", () => {
  assert.deepEqual(volumesOf(definition), ["run"]);
});

for (const wrong of [null, {}, { deployment: {} }, { deployment: { services: { agent: {} } } }]) {
  test(`${JSON.stringify(wrong)} is not a definition that can run`, () => {
    assert.throws(() => containersOf(wrong, agreement), DefinitionError);
  });
}
