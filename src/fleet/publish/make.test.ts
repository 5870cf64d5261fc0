// The make targets with scripts in place of `hzn` and `docker` that record their arguments.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { isObject } from "../../common/json/document.js";
import { ExchangeDouble } from "../rollout/testing/exchange-double.js";
import {
  DIGEST,
  DOCKER,
  HZN,
  makeTestWorkspace,
  type TestWorkspace,
} from "./testing/test-workspace.js";

function workspace(
  t: TestContext,
  programs?: Parameters<typeof makeTestWorkspace>[0],
): TestWorkspace {
  const made = makeTestWorkspace(programs);
  t.after(made.remove);
  return made;
}

const exchange = [
  "HZN_ORG_ID=myorg",
  "HZN_EXCHANGE_URL=http://127.0.0.1:9/v1",
  "HZN_EXCHANGE_USER_AUTH=me:pw",
];

/** A double of the hub, for targets that need its answers. */
async function hub(t: TestContext): Promise<string[]> {
  const double = await ExchangeDouble.start();
  t.after(() => double.stop());
  return [
    `HZN_ORG_ID=${double.org}`,
    `HZN_EXCHANGE_URL=${double.url}`,
    `HZN_EXCHANGE_USER_AUTH=${double.user}`,
    `HZN_FSS_CSSURL=${double.cssUrl}`,
  ];
}

function servicesOf(definition: Record<string, unknown>): Record<string, { image: string }> {
  const { deployment } = definition;
  // Written by the code under test from a definition that the lint holds in shape.
  return (isObject(deployment) ? deployment["services"] : {}) as Record<string, { image: string }>;
}

test("the service is published with variables replaced and images by digest", async (t) => {
  const { make, calls, file } = workspace(t);
  const { code, err } = await make(
    "publish-service",
    "ARCH=arm64",
    "DOCKER_HUB_ID=me",
    ...exchange,
  );
  assert.equal(code, 0, err);
  const hzn = calls().filter((call) => !call.startsWith("docker"));
  assert.deepEqual(hzn, [
    "exchange service list myorg/slipstream_0.1.0_arm64",
    "exchange service publish -O -f build/horizon/arm64/service.definition.json",
  ]);
  const { org, url, version, arch } = file();
  assert.deepEqual([org, url, version, arch], ["myorg", "slipstream", "0.1.0", "arm64"]);
  const images = Object.values(servicesOf(file())).map(({ image }) => image);
  assert.deepEqual(images, [
    `me/slipstream-agent_arm64@sha256:${DIGEST}`,
    `me/slipstream-sidecar_arm64@sha256:${DIGEST}`,
  ]);
});

test("a service that is published with the same content is left alone; other content is refused unless OVERWRITE is set", async (t) => {
  const { make, calls, file, record } = workspace(t);
  await make("publish-service", "ARCH=amd64", ...exchange);
  const there = file();
  const publish = (service: object) =>
    writeFileSync(
      join(record, "published"),
      `Warning: chatter\n${JSON.stringify({ "myorg/slipstream_0.1.0_amd64": service })}`,
    );
  const publications = () => calls().filter((call) => call.includes(" publish ")).length;
  const asStored = (deployment: unknown) => ({
    ...there,
    documentation: "",
    deployment: JSON.stringify(deployment),
  });

  publish(asStored(there["deployment"]));
  const same = await make("publish-service", "ARCH=amd64", ...exchange);
  assert.deepEqual([same.code, publications()], [0, 1], same.err);

  const services = servicesOf(there);
  const other = { ...services["agent"], image: `me/agent@sha256:${"0".repeat(64)}` };
  publish(asStored({ services: { ...services, agent: other } }));
  const refused = await make("publish-service", "ARCH=amd64", ...exchange);
  assert.notEqual(refused.code, 0);
  assert.match(
    refused.err,
    /published with other content \(image of the container agent\): raise the version/,
  );
  assert.equal(publications(), 1);

  const asked = await make("publish-service", "ARCH=amd64", "OVERWRITE=yes", ...exchange);
  assert.deepEqual([asked.code, publications()], [0, 2], asked.err);
});

test("an image that holds another version than it is published as is refused, since it would never be on trial", async (t) => {
  const older = DOCKER.replace('echo "${last##*:}"', "echo 0.0.9");
  const { make, calls } = workspace(t, { hzn: HZN, docker: older });
  const { code, err } = await make("publish-service", "SERVICE_VERSION=0.3.0", ...exchange);
  assert.notEqual(code, 0);
  assert.match(
    err,
    /slipstream-agent_\w+:0\.3\.0 holds version 0\.0\.9, but is to be published as 0\.3\.0: make version VERSION=0\.3\.0/,
  );
  assert.deepEqual(
    calls().filter((call) => !call.startsWith("docker")),
    [],
  );
});

test("make build gives the images the version of package.json", async (t) => {
  const { make, calls } = workspace(t);
  await make("build");
  assert.equal(calls().filter((call) => call.includes("--build-arg VERSION=0.1.0 ")).length, 2);
});

test("an error in the definition is reported by file, line and path, and nothing is published", async (t) => {
  const { make, folder, record } = workspace(t);
  const file = join(folder, "service.definition.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"log_driver"', '"log_drivers"'));
  const { code, err } = await make("publish-service", ...exchange);
  assert.notEqual(code, 0);
  assert.match(err, /service\.definition\.json:\d+: .*deployment\.services\.agent\.log_drivers/);
  assert.throws(() => readFileSync(join(record, "calls")));
});

test("a service whose image is in no registry is not published", async (t) => {
  const nowhere = DOCKER.replace(/\[ "\$1[^\n]*/, "exit 1");
  const { make, calls } = workspace(t, { hzn: HZN, docker: nowhere });
  const { code, err } = await make("publish-service", ...exchange);
  assert.notEqual(code, 0);
  assert.match(err, /-(?:agent|sidecar)_\w+:0\.1\.0 is not on this machine: make build, make push/);
  assert.deepEqual(
    calls().filter((call) => call.startsWith("exchange")),
    [],
  );
});

test("while a rollout's second policy is active, publishing the first one is refused", async (t) => {
  const rolling = HZN.replace(
    'listpolicy "*) exit 8',
    `listpolicy "*) echo '{"myorg/policy-slipstream-b": {}}'`,
  );
  const { make, calls } = workspace(t, { hzn: rolling, docker: DOCKER });
  const { code, err } = await make("publish-deployment-policy", ...exchange);
  assert.notEqual(code, 0);
  assert.match(err, /policy-slipstream-b is active, made by a rollout: .* make canary/);
  assert.deepEqual(calls(), ["exchange deployment listpolicy myorg/policy-slipstream-b"]);
});

test("the deployment policy has the version to fall back to, if there is one", async (t) => {
  const { make, file, calls } = workspace(t);
  const versions = () => {
    const { service } = file();
    const list = isObject(service) ? service["serviceVersions"] : [];
    return Array.isArray(list) ? list.map(({ version }) => version) : [];
  };
  const first = await make("publish-deployment-policy", ...exchange);
  assert.equal(first.code, 0, first.err);
  assert.match(first.err, /PREVIOUS_VERSION is not set/);
  assert.deepEqual(versions(), ["0.1.0"]);
  const second = await make(
    "publish-deployment-policy",
    "PREVIOUS_VERSION=0.0.9",
    "ROLLOUT_RINGS=<= 3",
    ...exchange,
  );
  assert.equal(second.code, 0, second.err);
  assert.deepEqual(versions(), ["0.1.0", "0.0.9"]);
  assert.ok(JSON.stringify(file()["constraints"]).includes("slipstream.ring <= 3"));
  assert.match(calls().at(-1) ?? "", /^exchange deployment addpolicy -f \S+ policy-slipstream$/);
});

for (const [target, call] of [
  [
    "publish-service-policy",
    "exchange service addpolicy -f horizon/service.policy.json myorg/slipstream_0.1.0_amd64",
  ],
  ["publish-pattern", "exchange pattern publish -f horizon/pattern.json -p pattern-slipstream"],
  ["remove-service", "exchange service remove -f myorg/slipstream_0.1.0_amd64"],
  ["remove-service-policy", "exchange service removepolicy -f myorg/slipstream_0.1.0_amd64"],
  ["remove-pattern", "exchange pattern remove -f myorg/pattern-slipstream"],
  ["remove-settings", "mms object delete -t slipstream-settings -i settings"],
  ["agent-stop", "unregister -f -r"],
  ["agent-stop KEEP_NODE=yes", "unregister -f"],
  ["dev-hzn", "dev service start -S -f horizon/userinput.json"],
] as const) {
  test(`make ${target} runs hzn ${call}`, async (t) => {
    const { make, calls } = workspace(t);
    const mms = "HZN_FSS_CSSURL=http://127.0.0.1:9";
    const { code, err } = await make(...target.split(" "), "ARCH=amd64", mms, ...exchange);
    assert.equal(code, 0, err);
    assert.deepEqual(calls(), [call]);
  });
}

test("a settings document that a node would refuse is not sent, and one that it accepts is sent to the rings", async (t) => {
  const { make, folder, calls, file } = workspace(t);
  const target = [...(await hub(t)), "FILE=settings.json"];
  writeFileSync(join(folder, "settings.json"), '{ "camera": [] }');
  const refused = await make("publish-settings", ...target);
  assert.notEqual(refused.code, 0);
  assert.match(
    `${refused.out}${refused.err}`,
    /settings\.json:1: .*camera[\s\S]*nothing was published/,
  );
  writeFileSync(join(folder, "settings.json"), "{}");
  const sent = await make("publish-settings", ...target, "OBJECT=night", "ROLLOUT_RINGS=<= 1");
  assert.equal(sent.code, 0, sent.err);
  assert.deepEqual(calls(), [
    "mms object publish -m build/horizon/amd64/slipstream-settings.json -f settings.json",
  ]);
  assert.deepEqual(file(), {});
});

test("each version of a model is published as an object of its own", async (t) => {
  const { make, folder, calls } = workspace(t);
  const archive = join(folder, "model.tar.gz");
  const cli = join(folder, "dist/src/cli/main.js");
  const pack = ["model", "pack", "models/nanodet-coco", "-o", archive, "--version", "1.2.0"];
  execFileSync(process.execPath, [cli, ...pack], { stdio: "ignore" });
  const target = [...(await hub(t)), "MODEL=model.tar.gz"];
  const { code, err } = await make("publish-model", "BOARD=orin-nano", ...target);
  assert.equal(code, 0, err);
  const object = join("build/horizon/arm64", "slipstream-model.json");
  assert.deepEqual(calls(), [`mms object publish -m ${object} -f model.tar.gz`]);
  const { objectID, version, description, destinationPolicy } = JSON.parse(
    readFileSync(join(folder, object), "utf8"),
  );
  assert.deepEqual([objectID, version], ["nanodet-coco-1.2.0", "1.2.0"]);
  assert.match(description, /^sha256:[0-9a-f]{64}$/);
  const names = destinationPolicy.services.map(
    (service: { serviceName: string }) => service.serviceName,
  );
  assert.deepEqual(names, ["slipstream", "slipstream-orin-nano"]);
});

test("the deployment policy that a rollout has left is removed, whichever it is", async (t) => {
  const left = HZN.replace('listpolicy "*) exit 8', 'listpolicy "*-b) ;;\n*listpolicy*) exit 8');
  const { make, calls } = workspace(t, { hzn: left });
  const { code, err } = await make("remove-deployment-policy", ...exchange);
  assert.equal(code, 0, err);
  assert.deepEqual(
    calls().filter((call) => call.includes("removepolicy")),
    ["exchange deployment removepolicy -f myorg/policy-slipstream-b"],
  );
});

const RUNNING = `case "$*" in "agreement list") echo '[{
  "name": "myorg/policy-slipstream", "current_agreement_id": "a1",
  "agreement_finalized_time": "now", "agreement_execution_start_time": "now",
  "workload_to_run": { "url": "slipstream", "version": "0.1.0", "arch": "arm64" }
}]' ;; esac`;

test("make agent-run registers the board's own service, and reports until it runs", async (t) => {
  const input = 'case "$*" in register*) echo "$SERVICE_NAME" >>"$RECORD/calls" ;; esac';
  const { make, calls } = workspace(t, { hzn: `${HZN}${input}\n${RUNNING}\n`, docker: DOCKER });
  const { code, out, err } = await make("agent-run", "BOARD=orin-nano", "HZN_ORG_ID=myorg");
  assert.equal(code, 0, err);
  assert.deepEqual(calls(), [
    "register --policy build/horizon/node.policy.json --input-file horizon/userinput.json",
    "slipstream-orin-nano",
    "agreement list",
  ]);
  assert.match(out, /^\d s: slipstream 0\.1\.0 arm64 by \S+: all containers started$/m);
});

test("make agent-run ends without an agreement, with the node's last events", async (t) => {
  const nothing = `case "$*" in "agreement list") echo '[]' ;; "eventlog list") echo '["so far so good"]' ;; esac`;
  const { make } = workspace(t, { hzn: `${HZN}${nothing}\n`, docker: DOCKER });
  const { code, out, err } = await make("agent-run", "AGENT_WAIT=0", "HZN_ORG_ID=myorg");
  assert.notEqual(code, 0);
  assert.match(out, /^0 s: no agreement\n {2}so far so good$/m);
  assert.match(
    err,
    /the service does not run after 0 s: see make deploy-check and hzn eventlog list/,
  );
});

test("make pre-pull pulls the images that a version was published with", async (t) => {
  const { make, calls, record } = workspace(t);
  const absent = await make("pre-pull", "ARCH=arm64", "VERSION=0.2.0", ...exchange);
  assert.notEqual(absent.code, 0);
  assert.match(absent.err, /myorg\/slipstream_0\.2\.0_arm64 is not published/);
  const services = {
    agent: { image: "me/agent@sha256:1" },
    sidecar: { image: "me/sidecar@sha256:2" },
  };
  const service = { deployment: JSON.stringify({ services }) };
  writeFileSync(
    join(record, "published"),
    JSON.stringify({ "myorg/slipstream_0.2.0_arm64": service }),
  );
  const { code, err } = await make("pre-pull", "ARCH=arm64", "VERSION=0.2.0", ...exchange);
  assert.equal(code, 0, err);
  assert.deepEqual(calls().slice(-2), [
    "docker pull me/agent@sha256:1",
    "docker pull me/sidecar@sha256:2",
  ]);
});

test("make hzn-env gives hzn the values that make uses", async (t) => {
  const { make } = workspace(t);
  const { code, out, err } = await make(
    "hzn-env",
    "DOCKER_HUB_ID=registry.example.com/me",
    "ARCH=arm64",
  );
  assert.equal(code, 0, err);
  const said = execFileSync(
    "sh",
    ["-c", `${out}\necho "$DOCKER_IMAGE_BASE $ARCH $SERVICE_VERSION"`],
    { encoding: "utf8", env: {} },
  );
  assert.equal(said, "registry.example.com/me/slipstream arm64 0.1.0\n");
});

test("make node-policy with NODE_BOARD describes the board, for many identical nodes", async (t) => {
  const { make, folder } = workspace(t);
  const { code, err } = await make("node-policy", "NODE_BOARD=nano", "NODE_RING=3");
  assert.equal(code, 0, err);
  const file = join(folder, "build/horizon/node.policy.nano.json");
  assert.match(readFileSync(file, "utf8"), /"slipstream.board",\s+"value": "nano"/);
});

test("build and push name both images for each architecture", async (t) => {
  const { make, calls } = workspace(t);
  const { code, err } = await make(
    "build-all-arches",
    "push",
    "ARCH=arm64",
    "DOCKER_HUB_ID=me",
    "BUILD_ARGS=--pull",
  );
  assert.equal(code, 0, err);
  const said = calls().map((call) => call.replace(/--(platform|file|build-arg) \S+ /g, ""));
  assert.deepEqual(said, [
    ...["amd64", "arm64"].flatMap((arch) =>
      ["agent", "sidecar"].map(
        (half) =>
          `docker build --target ${half} --tag me/slipstream-${half}_${arch}:0.1.0 --pull .`,
      ),
    ),
    "docker push me/slipstream-agent_arm64:0.1.0",
    "docker push me/slipstream-sidecar_arm64:0.1.0",
  ]);
});

test("an Orin Nano has images and a service of its own: the T4's DeepStream, for arm64", async (t) => {
  const { make, calls } = workspace(t);
  const { code, err } = await make("build", "BOARD=orin-nano", "DOCKER_HUB_ID=me");
  assert.equal(code, 0, err);
  const [agent, sidecar] = calls();
  assert.match(agent ?? "", /--platform linux\/arm64 --file Dockerfile\.amd64 --target agent/);
  assert.match(
    sidecar ?? "",
    /--tag me\/slipstream-orin-nano-sidecar_arm64:0\.1\.0 .*--build-arg PYDS=\S+_aarch64\.whl \.$/,
  );
  const published = await make("publish-service-policy", "BOARD=orin-nano", ...exchange);
  assert.equal(published.code, 0, published.err);
  assert.equal(
    calls().at(-1),
    "exchange service addpolicy -f horizon/service.policy.orin-nano.json myorg/slipstream-orin-nano_0.1.0_arm64",
  );
});

test("an unknown board is refused", async (t) => {
  const { code, err } = await workspace(t).make("build", "BOARD=orin");
  assert.notEqual(code, 0);
  assert.match(err, /BOARD is "orin": orin-nano, or empty for a T4 or a Nano/);
});

test("make run starts both containers as Horizon would, and make stop stops them", async (t) => {
  const { make, calls } = workspace(t);
  const { code, err } = await make("run", "ARCH=amd64", "RTSPINPUT=test://");
  assert.equal(code, 0, err);
  assert.deepEqual(
    calls().map((call) => call.split(" ").slice(0, 5).join(" ")),
    [
      "docker rm --force --volumes slipstream-agent",
      "docker network rm slipstream",
      "docker network create slipstream",
      "docker run --detach --name slipstream-agent",
      "docker run --detach --name slipstream-sidecar",
    ],
  );
  await make("stop");
  assert.equal(calls().at(-1), "docker network rm slipstream");
});

test("make run without a camera names the missing setting", async (t) => {
  const { code, err } = await workspace(t).make("run");
  assert.notEqual(code, 0);
  assert.match(err, /RTSPINPUT must be set/);
});

test("make check-package prints every variable, and the definition with all of them replaced", async (t) => {
  const { code, out, err } = await workspace(t).make(
    "check-package",
    "HZN_ORG_ID=myorg",
    "ARCH=arm64",
  );
  assert.equal(code, 0, err);
  assert.match(out, /^SERVICE_VERSION=0\.1\.0$/m);
  assert.match(out, /^ {2}"org": "myorg",$/m);
  assert.match(out, /"image": "slipstream\/slipstream-sidecar_arm64:0\.1\.0"/);
  assert.doesNotMatch(out, /\$\w/);
});

test("make deploy-check shows that a T4, a Nano and an Orin Nano get the version", async (t) => {
  const { code, out, err } = await workspace(t).make("deploy-check");
  assert.equal(code, 0, err);
  for (const board of ["t4", "nano", "orin-nano"]) {
    assert.match(out, new RegExp(`^${board}:\\n.*gets 0\\.1\\.0`, "m"));
  }
});

for (const [target, args, sentence] of [
  [
    "publish",
    [],
    "HZN_ORG_ID is not set: the organisation in the Exchange, as in HZN_ORG_ID=myorg",
  ],
  ["publish-service", ["HZN_ORG_ID=myorg"], "HZN_EXCHANGE_URL is not set: the URL of the Exchange"],
  [
    "publish-deployment-policy",
    [...exchange, "SECRETS=cam"],
    "HZN_AGBOT_URL is not set: hzn looks for the secrets at the agreement bot",
  ],
  [
    "publish-model",
    exchange,
    "HZN_FSS_CSSURL is not set: the URL of the hub's Model Management Service",
  ],
  [
    "remove-model",
    [...exchange, "HZN_FSS_CSSURL=x"],
    "OBJECT is not set: the model, as in OBJECT=nanodet-coco-1.0.0",
  ],
  [
    "publish-pattern",
    exchange.slice(0, 2),
    "HZN_EXCHANGE_USER_AUTH is not set: user:password in the Exchange",
  ],
] as const) {
  test(`make ${target} ${args.join(" ")} reports in one sentence what is missing`, async (t) => {
    const { code, err } = await workspace(t).make(target, ...args);
    assert.notEqual(code, 0);
    assert.equal(err.split("\n")[0], sentence);
  });
}

test("make targets report that hzn is not installed", async (t) => {
  const { code, err } = await workspace(t, {}).make("agent-stop");
  assert.notEqual(code, 0);
  assert.match(err, /^hzn is not installed: it comes with the Horizon agent's packages\n/);
});
