// Our package against what the real `hzn` made of it: as recorded always, and as an installed `hzn` does if there is one.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConstraint } from "../../policy/constraint-parser.js";
import type { Question } from "../../policy/golden/cases.js";
import { findHzn } from "../../policy/golden/hzn.js";
import { makeDeployment, place } from "../../policy/placement.js";
import {
  type ReadContext,
  readDeploymentPolicy,
  readNodePolicy,
  readService,
  readServicePolicy,
} from "../../policy/policies.js";
import { COMMANDS, inputsOf, performWith, readPublication } from "./publication.js";
import { askAll, questions, readVerdicts } from "./verdicts.js";

const AGAIN =
  "the package's files have changed since the real hzn was asked about them: run dist/src/fleet/publish/golden/record.js again";

const publication = readPublication();
const verdicts = readVerdicts();

describe("what hzn was given when its answers were recorded", () => {
  for (const [i, command] of COMMANDS.entries()) {
    const run = publication.runs[i];
    // Where nothing was sent, hzn was given nothing.
    if (run === undefined || Object.keys(run.inputs).length === 0) continue;
    it(`is what make ${command.join(" ")} gives it now`, async () => {
      assert.equal(run.command, command.join(" "), AGAIN);
      assert.deepEqual(await inputsOf(command), run.inputs, AGAIN);
    });
  }

  it("is what the policies and the definition say now", () => {
    const asked = verdicts.placements.map(({ answer: _, ...question }) => question);
    assert.deepEqual(plain(questions()), asked, AGAIN);
  });
});

describe("what hzn said of our files", () => {
  it("is no word against the definition, except that it does not know a key that the agent knows", () => {
    const warning = (container: string) =>
      `Warning: service '${container}' defined under 'deployment.services' has unrecognized field 'security_opt'.`;
    for (const { exit, text } of Object.values(verdicts.verify)) {
      const lines = text.split("\n").map((line) => line.replace(/ See https:\S+$/, ""));
      assert.deepEqual([exit, ...lines.sort()], [0, warning("agent"), warning("sidecar")]);
    }
  });

  for (const { board, service, ring, rings, question, answer } of verdicts.placements) {
    const gets = answer.compatible ? "gets" : "does not get";
    it(`is what we say: a ${board} of ring ${ring} ${gets} ${service} for rings ${rings}`, () => {
      assert.equal(answer.exit, 0);
      assert.equal(isPlaced(question), answer.compatible);
    });
  }

  it("gives every ring to one of the two policies of a rollout", () => {
    const split = verdicts.placements.filter(({ rings }) => rings !== ">= 0");
    assert.deepEqual(
      split.map(({ ring, rings, answer }) => [ring, rings, answer.compatible]),
      [
        [1, "<= 1", true],
        [1, "> 1", false],
        [2, "<= 1", false],
        [2, "> 1", true],
      ],
    );
  });

  it("brings one service to each board", () => {
    const placed = verdicts.placements.filter(
      ({ answer, rings }) => answer.compatible && rings === ">= 0",
    );
    assert.deepEqual(
      placed.map(({ board, service }) => [board, service]),
      [
        ["t4", "slipstream"],
        ["nano", "slipstream"],
        ["orin-nano", "slipstream-orin-nano"],
      ],
    );
  });
});

describe("what hzn sent to the Exchange", () => {
  const runOf = (words: string) => publication.runs.find(({ command }) => command.includes(words));

  it("was taken by an Exchange that refuses what the real one refuses", () => {
    const refused = publication.runs.filter(({ exit }) => exit !== 0).map(({ command }) => command);
    assert.deepEqual(refused, ["publish-service ARCH=amd64 SERVICE_VERSION=99.0.0"]);
  });

  it("names images by digest, and binds the secrets that the container has", () => {
    const requests = runOf("SECRETS=")?.requests ?? [];
    const text = (path: RegExp) =>
      JSON.stringify(requests.find((request) => path.test(request.path))?.body);
    const service = text(/services$/);
    assert.equal(service.match(/@sha256:[0-9a-f]{64}/g)?.length, 2);
    for (const secret of ["cam-login", "viewers"]) {
      assert.match(service, new RegExp(`secrets.*${secret}`));
    }
    assert.match(
      text(/policies/),
      /"secrets":\[\{"cam-login":"cam-login"\},\{"viewers":"lobby"\}\]/,
    );
  });

  it("was nothing where the same was published already, and nothing where other content was refused", () => {
    const [same, other] = publication.runs.slice(5, 7);
    assert.deepEqual([same?.exit, same?.requests], [0, []]);
    assert.deepEqual(other?.requests, []);
    const asked = runOf("OVERWRITE=yes");
    assert.deepEqual(
      asked?.requests.map(({ method }) => method),
      ["PUT", "PUT"],
    );
  });
});

describe("the real hzn", () => {
  const hzn = findHzn(process.env);
  const skip = hzn === undefined ? "no hzn on PATH and HZN_BIN is not set" : false;

  it("still publishes our package as recorded", { skip }, async () => {
    assert.ok(hzn !== undefined);
    assert.deepEqual(plain(await performWith(hzn)), publication.runs);
  });

  it("still says of our files what was recorded", { skip }, async () => {
    assert.ok(hzn !== undefined);
    const { verify, placements } = await askAll(hzn);
    assert.deepEqual(plain({ verify, placements }), {
      verify: verdicts.verify,
      placements: verdicts.placements,
    });
  });
});

/** As JSON holds it: what is undefined is not there. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function isPlaced({ node, deployment, services, servicePolicy, arch }: Question): boolean {
  const messages: string[] = [];
  const context: ReadContext = {
    report: (_, message) => messages.push(message),
    parse: (text) => parseConstraint(text),
  };
  const policy = readDeploymentPolicy("deployment", deployment, context);
  const terms = readServicePolicy(servicePolicy, context);
  const definitions = services.map((service) => readService(service, context));
  const nodePolicy = readNodePolicy("node", node, context);
  assert.deepEqual(messages, []);
  const made = makeDeployment(policy, {
    services: definitions,
    servicePolicies: new Map([[undefined, terms]]),
  });
  return place(made, nodePolicy, arch).t === "placed";
}
