// The package's files agree with the product and with each other.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import test from "node:test";
import { AGREEMENTS } from "../../src/agent/trial/service-version.js";
import { FAILURE_SPAN_MS } from "../../src/agent/trial/version-marker.js";
import { parseDocument } from "../../src/common/json/document.js";
import { projectVariables } from "../../src/common/json/variables.js";
import { loadConfig } from "../../src/common/settings/config.js";
import { lint } from "../../src/fleet/definition/lint.js";
import { EMPTY, withProperties } from "../../src/fleet/node-policy/policy-file.js";
import { BOARDS, propertiesOf } from "../../src/fleet/node-policy/properties.js";
import { archOf, place } from "../../src/fleet/policy/placement.js";
import { PolicyFiles } from "../../src/fleet/policy/policy-files.js";
import { userInputs, withUserInputs } from "../../src/fleet/publish/user-input.js";

const VARIABLES = { HZN_ORG_ID: "myorg", PREVIOUS_VERSION: "0.0.9" };

function read(file: string, arch: string) {
  const lookup = projectVariables(file, { ...VARIABLES, ARCH: arch });
  return parseDocument(file, readFileSync(file, "utf8"), lookup);
}

function containers() {
  const { value } = read("service.definition.json", "amd64");
  return (value as { deployment: { services: Record<string, Record<string, unknown>> } }).deployment
    .services; // the lint below holds its shape
}

test("the userInput is that of the settings; `make user-input` writes it anew", () => {
  const definition = readFileSync("service.definition.json", "utf8");
  const plain = (text: string): unknown => JSON.parse(text);
  assert.deepEqual(plain(definition), plain(withUserInputs(definition, userInputs())));
});

test("with every default of the definition the agent runs as with no setting at all", () => {
  const defaults = Object.fromEntries(
    userInputs().map(({ name, defaultValue }) => [name, defaultValue]),
  );
  const { given: _, ...config } = loadConfig({ ...defaults, RTSPINPUT: "test://" }, "/");
  const { given: __, ...plain } = loadConfig({ RTSPINPUT: "test://" }, "/");
  assert.deepEqual(config, plain);
});

for (const arch of ["amd64", "arm64"]) {
  test(`definition, policies and pattern are without a fault on ${arch}`, () => {
    const files = [
      "service.definition.json",
      "deployment.policy.json",
      "horizon/service.policy.json",
      "horizon/pattern.json",
      ...readdirSync("horizon")
        .filter((name) => name.startsWith("node.policy."))
        .map((name) => join("horizon", name)),
    ];
    const findings = lint(files.map((file) => read(file, arch)));
    const told = findings.map(({ file, path, code }) => `${file} ${path} ${code}`);
    assert.deepEqual(told, []);
  });
}

test("no container asks for privilege, a device or the host's network", () => {
  for (const container of Object.values(containers())) {
    for (const key of ["privileged", "network", "devices", "cap_add", "pid", "ipc", "user"]) {
      assert.equal(container[key], undefined);
    }
  }
});

test("the volumes lie where the settings say, and no half can write what belongs to the other", () => {
  const { socketPath, modelsDir, stateDir } = loadConfig({ RTSPINPUT: "test://" }, "/");
  const { agent, sidecar } = containers();
  assert.deepEqual(agent?.["binds"], [
    `slipstream-run:${dirname(socketPath)}:ro`,
    `slipstream-models:${modelsDir}`,
    `slipstream-agent:${stateDir}`,
  ]);
  assert.deepEqual(sidecar?.["binds"], [
    `slipstream-run:${dirname(socketPath)}`,
    `slipstream-models:${modelsDir}:ro`,
    "slipstream-data:/var/lib/slipstream",
  ]);
});

test("each container has a limit of memory and cannot gain privileges", () => {
  for (const container of Object.values(containers())) {
    assert.deepEqual(container["security_opt"], ["no-new-privileges"]);
    assert.ok(Number(container["max_memory_mb"]) > 0);
  }
});

test("a version that fails its trial gives way after no more failures than a trial makes", () => {
  const { value } = read("deployment.policy.json", "amd64");
  const { service } = value as { service: { serviceVersions: { priority: object }[] } }; // linted above
  for (const { priority } of service.serviceVersions) {
    const { retries, retry_durations: seconds } = { retries: 0, retry_durations: 0, ...priority };
    assert.ok(retries >= 1 && retries <= AGREEMENTS, `retries is ${retries}`);
    assert.equal(seconds * 1000, FAILURE_SPAN_MS);
  }
});

test("hzn.json has the version of package.json", () => {
  const { MetadataVars: variables } = JSON.parse(readFileSync("horizon/hzn.json", "utf8"));
  const { name, version } = JSON.parse(readFileSync("package.json", "utf8"));
  assert.deepEqual([variables.SERVICE_NAME, variables.SERVICE_VERSION], [name, version]);
});

test("the links are relative: hzn finds its files from the top and from horizon/", () => {
  assert.equal(readlinkSync("hzn.json"), "horizon/hzn.json");
  assert.equal(readlinkSync("horizon/service.definition.json"), "../service.definition.json");
  assert.equal(readlinkSync("horizon/deployment.policy.json"), "../deployment.policy.json");
});

for (const [board, facts] of Object.entries(BOARDS)) {
  test(`the node policy of ${board} is what the probe writes there`, () => {
    const policy = JSON.parse(readFileSync(`horizon/node.policy.${board}.json`, "utf8"));
    const { label, ...rest } = policy;
    assert.match(label, /./);
    assert.deepEqual(rest, withProperties(EMPTY, propertiesOf(facts).properties, 2));
  });
}

const { version: ours } = JSON.parse(readFileSync("package.json", "utf8"));
for (const [board, arch, version] of [
  ["t4", "amd64", ours],
  ["nano", "arm64", ours],
  ["orin-nano", "arm64", undefined],
] as const) {
  test(`a ${board} gets ${version ?? "nothing, for the image of its architecture is a Nano's"}`, () => {
    const files = new PolicyFiles(VARIABLES);
    const node = files.node(`horizon/node.policy.${board}.json`, arch);
    const [deployment] = files.deployments(
      ["deployment.policy.json"],
      [
        { arch: "amd64", file: "service.definition.json" },
        { arch: "arm64", file: "service.definition.json" },
      ],
      [{ arch: undefined, file: "horizon/service.policy.json" }],
    );
    files.finish();
    assert.ok(deployment !== undefined);
    const placement = place(deployment, node, archOf(node));
    assert.equal(placement.t === "none" ? undefined : placement.variant.version, version);
  });
}

test("the Dockerfiles of the two architectures differ in the defaults of their arguments alone", () => {
  const lines = (arch: string) => readFileSync(`Dockerfile.${arch}`, "utf8").split("\n").slice(1);
  const [amd64, arm64] = [lines("amd64"), lines("arm64")];
  assert.equal(amd64.length, arm64.length);
  const argument = (line = "") => /^ARG (\w+)=/.exec(line)?.[1];
  const differing = amd64.flatMap((line, i) => (line === arm64[i] ? [] : [[line, arm64[i]]]));
  assert.deepEqual(
    differing.map(([one, other]) => [argument(one), argument(other)]),
    [["REQUIREMENTS", "REQUIREMENTS"]],
  );
});

test("every test that a Dockerfile names exists", () => {
  const dockerfile = readFileSync("Dockerfile.amd64", "utf8");
  const names = [
    ...dockerfile.matchAll(/\btest_\w+\.py\b|(?<=-name )[\w-]+\.test(?=\.js)/g),
  ].flat();
  assert.ok(names.length > 10);
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" }).map((file) =>
    basename(file),
  );
  for (const name of names) {
    assert.ok(sources.includes(name.endsWith(".py") ? name : `${name}.ts`), name);
  }
});

test("every file that an image copies is let through by the ignore file", () => {
  const rules = readFileSync(".dockerignore", "utf8").split("\n").slice(1);
  const sources = ["amd64", "arm64"].flatMap((arch) =>
    [...readFileSync(`Dockerfile.${arch}`, "utf8").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, files = ""]) => files.split(" "),
    ),
  );
  for (const source of sources) {
    const isLetThrough = rules.some(
      (rule) => rule.startsWith("!") && source.startsWith(rule.slice(1)),
    );
    assert.ok(isLetThrough, `${source} is ignored`);
  }
});
