import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDocument } from "../../common/json/document.js";
import { parseImageName } from "./container.js";
import { displayWithCode, kindOf, lint } from "./lint.js";

/** The problems of documents, given as JSON values, as `code path`. */
function problemsIn(...values: object[]): string[] {
  const documents = values.map((value, i) =>
    parseDocument(`${i}.json`, JSON.stringify(value), () => undefined),
  );
  return lint(documents).map(({ code, path }) => `${code} ${path}`);
}

const version = (number: string, priority?: object): object => ({
  version: number,
  ...(priority && { priority }),
});
const priority = (value: number, retries = 2, seconds = 3600): object => ({
  priority_value: value,
  retries,
  retry_durations: seconds,
});

function deployment(versions: object[], changes: object = {}): object {
  const service = { name: "slipstream", org: "myorg", arch: "*", serviceVersions: versions };
  return { label: "", service, constraints: ["slipstream.ring <= 1"], ...changes };
}

function definition(changes: object = {}, container: object = {}): object {
  return {
    org: "myorg",
    url: "slipstream",
    version: "2.0.0",
    arch: "amd64",
    deployment: { services: { agent: { image: "agent:2.0.0", ...container } } },
    ...changes,
  };
}

describe("the kind of a document", () => {
  it("is recognized by its keys", () => {
    assert.equal(kindOf(definition()), "service definition");
    assert.equal(kindOf(deployment([])), "deployment policy");
    assert.equal(kindOf({ services: [] }), "pattern");
    assert.equal(kindOf({ properties: [] }), "policy");
    assert.equal(kindOf({ deployment: { properties: [] } }), "policy");
    assert.equal(kindOf({ other: 1 }), undefined);
    assert.equal(kindOf([]), undefined);
  });
});

describe("a service definition", () => {
  it("needs no org, which hzn takes from -o", () => {
    assert.deepEqual(problemsIn(definition({ org: undefined })), []);
    assert.deepEqual(problemsIn(definition({ url: undefined })), ["missing-key "]);
  });

  const inContainer: ReadonlyArray<readonly [string, object, string[]]> = [
    [
      "a volume and a tmpfs at one place",
      { binds: ["shm:/dev/shm"], tmpfs: { "/dev/shm": "" } },
      ["mount-clash deployment.services.agent.binds[0]"],
    ],
    ["a named volume", { binds: ["slipstream-run:/run/slipstream"] }, []],
    [
      "a path of the host",
      { binds: ["/etc/localtime:/etc/localtime:ro"] },
      ["host-path deployment.services.agent.binds[0]"],
    ],
    [
      "a variable of the agent",
      { environment: ["HZN_ARCH=arm64"] },
      ["environment-over-agent deployment.services.agent.environment[0]"],
    ],
    [
      "one port for tcp and udp",
      { ports: [{ HostPort: "8554/tcp" }, { HostPort: "8554/udp" }] },
      [],
    ],
    [
      "a secret with its value",
      { secrets: { rtsp: { value: "x" } } },
      ["unsupported-key deployment.services.agent.secrets.rtsp.value"],
    ],
  ];
  for (const [what, container, expected] of inContainer) {
    it(`with ${what} gives ${expected.length === 0 ? "nothing" : expected.join(", ")}`, () => {
      assert.deepEqual(problemsIn(definition({}, container)), expected);
    });
  }

  it("whose environment sets an input by a variable has two problems", () => {
    const userInput = [{ name: "CODEC", type: "string", defaultValue: "H264" }];
    const source = JSON.stringify(definition({ userInput }, { environment: ["CODEC=$CODEC"] }));
    const found = lint([parseDocument("d.json", source, () => "H265")]);
    assert.deepEqual(
      found.map(({ code }) => code),
      ["environment-variable", "environment-over-input"],
    );
    assert.match(
      found[0]?.message ?? "",
      /\$CODEC is replaced when this is published, here by 'H265'/,
    );
  });

  it("must require services of its own architecture", () => {
    const requiredServices = [{ url: "other", org: "o", arch: "arm64", versionRange: "[1.0,2.0" }];
    assert.deepEqual(problemsIn(definition({ requiredServices })), [
      "required-arch requiredServices[0].arch",
      "version-range requiredServices[0].versionRange",
    ]);
  });

  it("with a container key that is no host name gives a warning", () => {
    const changes = { deployment: { services: { My_agent: { image: "a:1" } } } };
    assert.deepEqual(problemsIn(definition(changes)), [
      "container-key deployment.services.My_agent",
    ]);
  });

  it("must declare a secret in every container or in none", () => {
    const secrets = { rtsp: { description: "" } };
    const services = (agent: object, sidecar: object) => ({
      deployment: {
        services: { agent: { image: "a:1", ...agent }, sidecar: { image: "s:1", ...sidecar } },
      },
    });
    assert.deepEqual(problemsIn(definition(services({ secrets }, {}))), [
      "secret-in-one-container deployment.services.agent.secrets.rtsp",
    ]);
    const other = { secrets: { mqtt: {} } };
    assert.deepEqual(problemsIn(definition(services({ secrets }, other))), [
      "secret-in-one-container deployment.services.agent.secrets.rtsp",
      "secret-in-one-container deployment.services.sidecar.secrets.mqtt",
    ]);
    assert.deepEqual(problemsIn(definition(services({ secrets }, { secrets }))), []);
  });

  it("that is already signed needs its signature", () => {
    assert.deepEqual(problemsIn(definition({ deployment: '{"services":{}}' })), [
      "not-signed deployment",
    ]);
    assert.deepEqual(problemsIn(definition({ deployment: "{}", deploymentSignature: "x" })), []);
  });

  it("has its problems printed with file, line, path, severity and code", () => {
    const source =
      '{\n"org": "o", "url": "s", "version": "1.0.0", "arch": "amd64",\n"deployment": {"services": {"a": {\n"image": "a:1",\n"runtim": "nvidia"}}}}';
    assert.deepEqual(
      lint([parseDocument("d.json", source, () => undefined)]).map(displayWithCode),
      [
        "d.json:5: deployment.services.a.runtim: is not part of a container, and is silently dropped [error unknown-key]",
      ],
    );
  });
});

describe("a deployment policy", () => {
  const cases: ReadonlyArray<readonly [string, object, string[]]> = [
    [
      "that rolls back",
      deployment([version("2.0.0", priority(1)), version("1.0.0", priority(2))]),
      [],
    ],
    ["with one version and no priority", deployment([version("2.0.0")]), []],
    [
      "with two versions of one priority",
      deployment([version("2.0.0", priority(1)), version("1.0.0", priority(1))]),
      ["dead-version service.serviceVersions[1]"],
    ],
    [
      "with a version without a priority beside others",
      deployment([version("2.0.0", priority(1)), version("1.0.0")]),
      ["dead-version service.serviceVersions[0]"],
    ],
    [
      "with a version twice",
      deployment([version("2.0.0", priority(1)), version("2.0.0", priority(2))]),
      ["version-twice service.serviceVersions[1]"],
    ],
    [
      "that can never fail often enough",
      deployment([version("2.0.0", priority(1, 3, 60))]),
      ["retry-duration service.serviceVersions[0].priority.retry_durations"],
    ],
    [
      "with a priority without retries",
      deployment([version("2.0.0", priority(1, 0))]),
      ["priority service.serviceVersions[0].priority"],
    ],
    [
      "with retries without a priority",
      deployment([version("2.0.0", priority(0))]),
      ["priority service.serviceVersions[0].priority"],
    ],
    ["without a version", deployment([]), ["no-version service.serviceVersions"]],
    [
      "with a candidate's version",
      deployment([version("2.0.0-rc1")]),
      ["version-form service.serviceVersions[0].version"],
    ],
    [
      "without constraints",
      deployment([version("2.0.0")], { constraints: [" "] }),
      ["no-constraints constraints"],
    ],
    [
      "with a constraint that is no constraint",
      deployment([version("2.0.0")], { constraints: ["ring = = 1"] }),
      ["constraint constraints[0]"],
    ],
    [
      "with a constraint that never holds",
      deployment([version("2.0.0")], { constraints: [" ring == 1"] }),
      ["constraint-meaning constraints[0]"],
    ],
    [
      "with a property that Horizon does not have",
      deployment([version("2.0.0")], { constraints: ["openhorizon.storage > 5"] }),
      ["unknown-property constraints[0]"],
    ],
    ["with an owner", deployment([version("2.0.0")], { owner: "me" }), ["unsupported-key owner"]],
    [
      "with a misspelt key",
      deployment([version("2.0.0")], { constraint: [] }),
      ["unknown-key constraint"],
    ],
    [
      "with a property of the wrong type",
      deployment([version("2.0.0")], { properties: [{ name: "a", value: "1", type: "int" }] }),
      ["property-value properties[0].value"],
    ],
    [
      "with a property twice",
      deployment([version("2.0.0")], {
        properties: [
          { name: "a", value: 1 },
          { name: "a", value: 2 },
        ],
      }),
      ["property-twice properties[1]"],
    ],
  ];
  for (const [what, policy, expected] of cases) {
    it(`${what} gives ${expected.length === 0 ? "nothing" : expected.join(", ")}`, () => {
      assert.deepEqual(problemsIn(policy), expected);
    });
  }
});

describe("the userInput of a policy", () => {
  const input = { serviceOrgid: "myorg", serviceUrl: "slipstream", inputs: [] };
  for (const [what, change, expected] of [
    ["for every architecture", {}, []],
    ["for one architecture", { serviceArch: "amd64" }, []],
    ["for a star", { serviceArch: "*" }, ["input-arch userInput[0].serviceArch"]],
    ["for many versions", { serviceVersionRange: "[1.0.0,INFINITY)" }, []],
    ["from a version on", { serviceVersionRange: "1.0.0" }, []],
    [
      "for a single version",
      { serviceVersionRange: "[1.2.3,1.2.3]" },
      ["input-version-range userInput[0].serviceVersionRange"],
    ],
  ] as const) {
    it(`${what} gives ${expected.length === 0 ? "nothing" : expected.join(", ")}`, () => {
      const userInput = [{ ...input, ...change }];
      assert.deepEqual(problemsIn(deployment([version("2.0.0")], { userInput })), expected);
      const place = { serviceUrl: "slipstream", serviceOrgid: "myorg", serviceArch: "amd64" };
      const services = [{ ...place, serviceVersions: [version("2.0.0")] }];
      assert.deepEqual(problemsIn({ label: "", services, userInput }), expected);
    });
  }

  it("has a message that says what to write instead", () => {
    const value = deployment([version("2.0.0")], {
      userInput: [{ ...input, serviceVersionRange: "[1.2.3,1.2.3]" }],
    });
    const [found] = lint([parseDocument("d.json", JSON.stringify(value), () => undefined)]);
    assert.match(found?.message ?? "", /end it later, as in \[1\.2\.3,1\.2\.4\)$/);
  });
});

describe("a policy with the definition of its service", () => {
  const userInput = [
    { name: "CODEC", type: "string", defaultValue: "H264" },
    { name: "BITRATE", type: "int" },
  ];
  const subject = definition({ userInput }, { secrets: { rtsp: {} } });
  const reference = { serviceOrgid: "myorg", serviceUrl: "slipstream" };
  const inputs = (...values: object[]) => [{ ...reference, inputs: values }];
  const bound = { secretBinding: [{ ...reference, secrets: [{ rtsp: "cameras" }] }] };
  const against = (changes: object, number = "2.0.0"): string[] =>
    problemsIn(deployment([version(number)], changes), subject).filter(
      (found) => !found.startsWith("input-without-default"),
    );

  it("gives nothing where both fit", () => {
    assert.deepEqual(
      against({ ...bound, userInput: inputs({ name: "BITRATE", value: 4_000_000 }) }),
      [],
    );
  });

  it("must give inputs that exist, in their type", () => {
    const values = inputs({ name: "BITRATE", value: "4000000" }, { name: "CODEK", value: "H265" });
    assert.deepEqual(against({ ...bound, userInput: values }), [
      "input-value userInput[0].inputs[0].value",
      "unknown-input userInput[0].inputs[1]",
    ]);
  });

  it("gets a warning about an input that nobody sets", () => {
    assert.deepEqual(against(bound), ["input-not-set userInput"]);
  });

  it("must bind the secrets of the service and no others", () => {
    const given = { userInput: inputs({ name: "BITRATE", value: 1 }) };
    assert.deepEqual(against(given), ["secret-not-bound secretBinding"]);
    const other = { secretBinding: [{ ...reference, secrets: [{ rtsp: "a" }, { mqtt: "b" }] }] };
    assert.deepEqual(against({ ...given, ...other }), [
      "unknown-secret secretBinding[0].secrets[1]",
    ]);
  });

  it("gets a warning if it places other versions", () => {
    const values = { ...bound, userInput: inputs({ name: "BITRATE", value: 1 }) };
    assert.deepEqual(against(values, "1.0.0"), ["version-not-placed service.serviceVersions"]);
  });

  it("may give an input to some versions only", () => {
    const elsewhere = [
      { ...reference, serviceVersionRange: "[1.0.0,2.0.0)", inputs: [{ name: "OLD", value: "x" }] },
    ];
    assert.deepEqual(
      against({ ...bound, userInput: [...elsewhere, ...inputs({ name: "BITRATE", value: 1 })] }),
      [],
    );
  });
});

describe("a pattern", () => {
  it("names every architecture and its versions", () => {
    const service = { serviceUrl: "s", serviceOrgid: "o", serviceVersions: [version("1.0")] };
    const services = [
      { ...service, serviceArch: "amd64" },
      { ...service, serviceArch: "*" },
    ];
    assert.deepEqual(problemsIn({ label: "", services }), [
      "version-form services[0].serviceVersions[0].version",
      "version-form services[1].serviceVersions[0].version",
      "pattern-arch services[1].serviceArch",
    ]);
  });
});

describe("a pattern that is public", () => {
  it("is refused in most organisations", () => {
    const service = { serviceUrl: "s", serviceOrgid: "o", serviceArch: "amd64" };
    const services = [{ ...service, serviceVersions: [version("1.0.0")] }];
    assert.deepEqual(problemsIn({ label: "", public: true, services }), ["pattern-public public"]);
  });
});

describe("a node policy", () => {
  it("is checked in all its parts", () => {
    const policy = {
      service: {},
      properties: [{ name: "a" }],
      deployment: { constraints: ["a ="] },
    };
    assert.deepEqual(problemsIn(policy), [
      "unsupported-key service",
      "property-value properties[0]",
      "constraint deployment.constraints[0]",
    ]);
  });
});

describe("the name of an image", () => {
  it("may have a registry, a tag and a digest", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    assert.deepEqual(parseImageName(`registry.example.com:5000/team/agent:1.0.0@${digest}`), {
      repository: "registry.example.com:5000/team/agent",
      tag: "1.0.0",
      digest,
    });
    assert.deepEqual(parseImageName("agent"), {
      repository: "agent",
      tag: undefined,
      digest: undefined,
    });
  });
  for (const text of ["Agent", "a//b", "a:", "a@sha256:12", "a b", "-a", "a:1:2"]) {
    it(`is not '${text}'`, () => {
      assert.equal(parseImageName(text), undefined);
    });
  }
});
