import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { policyCommand } from "./command.js";
import { readFleetFile } from "./policy-files.js";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "policy-"));
});
after(() => rmSync(folder, { recursive: true }));

function write(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 1));
  return file;
}

async function run(...args: string[]): Promise<{ out: string; err: string; exit: number }> {
  const result = { out: "", err: "", exit: 0 };
  const command = policyCommand({
    environment: { VERSION: "2.0.0" },
    out: (text) => {
      result.out += text;
    },
    err: (text) => {
      result.err += text.replaceAll(`${folder}/`, "");
    },
    exit: (code) => {
      result.exit = code;
    },
  });
  await command.parseAsync(args, { from: "user" });
  return { ...result, out: result.out.replaceAll(`${folder}/`, "") };
}

function deployment(ring: string, ...constraints: string[]) {
  return {
    service: { name: "s", org: "o", arch: "*", serviceVersions: [{ version: "$VERSION" }] },
    constraints: [ring, ...constraints],
  };
}

function node(id: string, ring?: number, ...more: object[]): string {
  const properties =
    ring === undefined ? more : [{ name: "slipstream.ring", value: ring }, ...more];
  return `${JSON.stringify({ id, properties })}\n`;
}

const nvidia = { name: "runtime", value: "nvidia" };

describe("policy explain", () => {
  it("shows what a node gets", async () => {
    const policy = write("d.json", deployment("slipstream.ring <= 1"));
    const good = write("n.json", { properties: [{ name: "slipstream.ring", value: 1 }] });
    const { out, exit } = await run(
      "explain",
      "--node",
      good,
      "--deployment",
      policy,
      "--arch",
      "amd64",
    );
    assert.equal(out, "d.json: gets 2.0.0\n");
    assert.equal(exit, 0);
  });

  it("shows which clauses fail, with what was found and where they are written, and exits with 1", async () => {
    const policy = write("d.json", deployment("slipstream.ring <= 1", "runtime == nvidia"));
    const bad = write("n.json", { properties: [{ name: "slipstream.ring", value: 2 }] });
    const { out, exit } = await run("explain", "--node", bad, "--deployment", policy);
    assert.equal(
      out,
      [
        "d.json: gets nothing",
        "  not 2.0.0:",
        "    the node must have slipstream.ring <= 1, and it is 2 (d.json:13)",
        "    the node must have runtime == nvidia, and it is absent (d.json:14)",
        "",
      ].join("\n"),
    );
    assert.equal(exit, 1);
  });

  it("reports every problem of every file and prints nothing else", async () => {
    const policy = write("d.json", {
      service: { name: "s", org: "o", serviceVersions: [{ version: "$MISSING" }] },
      constraints: ["a = = b"],
    });
    const bad = write(
      "n.json",
      '{"properties": [\n{"name": "a", "value": null},\n{"name": "b", "value": 1, "type": "text"}]}',
    );
    const { out, err, exit } = await run("explain", "--node", bad, "--deployment", policy);
    assert.equal(out, "");
    assert.equal(exit, 2);
    assert.match(err, /^n\.json:2: properties\[0\]\.value: the value of a must be/m);
    assert.match(err, /^n\.json:3: properties\[1\]\.type: must be one of/m);
    assert.match(
      err,
      /^d\.json:7: service\.serviceVersions\[0\]\.version: the variable \$MISSING is not set/m,
    );
    assert.match(
      err,
      /^d\.json:12: constraints\[0\]: expected a value .*\(column 5 of "a = = b"\)/m,
    );
  });

  it("warns of what Horizon accepts although nobody means it", async () => {
    const policy = write("d.json", deployment(" slipstream.ring <= 1"));
    const { err } = await run("explain", "--node", write("n.json", {}), "--deployment", policy);
    assert.match(err, /^d\.json:13: constraints\[0\]: the leading blank makes this test false/);
  });
});

describe("the policy commands", () => {
  it("refuse to run without their required options", async () => {
    await assert.rejects(run("explain", "--node", "n.json"), {
      code: "commander.missingMandatoryOptionValue",
    });
    await assert.rejects(run("plan", "--deployment", "d.json"), {
      code: "commander.missingMandatoryOptionValue",
    });
  });
});

describe("a definition", () => {
  it("that no policy places is reported", async () => {
    const policy = write("d.json", deployment("slipstream.ring >= 0"));
    const other = write("s.json", { org: "o", url: "s", version: "1.0.0", arch: "amd64" });
    const { err, out } = await run(
      "explain",
      "--node",
      write("n.json", {}),
      "--deployment",
      policy,
      "--service",
      other,
    );
    assert.match(err, /^s\.json:1: is placed by none of the deployment policies/);
    assert.match(out, /the node is of an unknown architecture, and there is no definition of it/);
  });
});

describe("policy plan", () => {
  const canary = () => write("new.json", deployment("slipstream.ring <= 1", "runtime == nvidia"));
  const rest = () =>
    write("old.json", {
      ...deployment("slipstream.ring > 1"),
      service: { name: "s", org: "o", serviceVersions: [{ version: "1.0.0" }] },
    });

  it("counts which nodes get what, which get nothing and why, by ring", async () => {
    const fleet = write(
      "fleet.jsonl",
      [
        node("a", 0, nvidia),
        node("b", 1, nvidia),
        node("c", 2),
        node("d", 1),
        node("e", 1),
        node("f"),
      ].join(""),
    );
    const { out, exit } = await run(
      "plan",
      "--fleet",
      fleet,
      "--deployment",
      canary(),
      "--deployment",
      rest(),
    );
    assert.equal(exit, 0);
    assert.equal(
      out,
      `6 nodes

o/s
  2.0.0 any arch: 2 nodes, by new.json
  1.0.0 any arch: 1 node, by old.json
  none: 3 nodes
    2 nodes, such as d:
      new.json:
        not 2.0.0:
          the node must have runtime == nvidia, and it is absent (new.json:14)
      old.json:
        not 1.0.0:
          the node must have slipstream.ring > 1, and it is 1 (old.json:12)
    1 node, such as f:
      new.json:
        not 2.0.0:
          the node must have slipstream.ring <= 1, and it is absent (new.json:13)
          the node must have runtime == nvidia, and it is absent (new.json:14)
      old.json:
        not 1.0.0:
          the node must have slipstream.ring > 1, and it is absent (old.json:12)
  ring  2.0.0  1.0.0  none
     0      1      0     0
     1      1      0     2
     2      0      1     0
  none      0      0     1
`,
    );
  });

  it("lists every node on request", async () => {
    const fleet = write("fleet.jsonl", node("a", 2) + node("b"));
    const { out } = await run("plan", "--fleet", fleet, "--deployment", rest(), "--nodes");
    assert.deepEqual(out.split("\n"), ["a\t1.0.0\t\told.json", "b\tnone\t\t", ""]);
  });

  it("counts nodes that fit more than one policy", async () => {
    const fleet = write("fleet.jsonl", node("a", 2) + node("b", 0));
    const both = write("both.json", deployment("slipstream.ring >= 0"));
    const { out } = await run(
      "plan",
      "--fleet",
      fleet,
      "--deployment",
      rest(),
      "--deployment",
      both,
      "--json",
    );
    const { services } = JSON.parse(out);
    assert.equal(services[0].contested, 1);
    assert.deepEqual(services[0].rings, { 0: { "2.0.0": 1 }, 2: { "1.0.0": 1 } });
  });

  it("names the line and the part of a malformed fleet, and prints no plan", async () => {
    const lines = [
      node("a", 0),
      "{oops\n",
      '{"properties": []}\n',
      '{"id": "d", "properties": [{"name": "x"}]}\n',
      '{"id": "e", "propertys": []}\n',
      '{"id": "f", "constraints": ["a = = b"]}\n',
      "[]",
    ];
    const fleet = write("fleet.jsonl", lines.join(""));
    const { out, err, exit } = await run("plan", "--fleet", fleet, "--deployment", rest());
    assert.equal(out, "");
    assert.equal(exit, 2);
    assert.deepEqual(
      err
        .trim()
        .split("\n")
        .map((line) => line.split(": ").slice(0, 2).join(": ")),
      [
        "fleet.jsonl:2: is not JSON",
        "fleet.jsonl:3: id",
        "fleet.jsonl:4: properties[0].value",
        "fleet.jsonl:5: propertys",
        "fleet.jsonl:6: constraints[0]",
        "fleet.jsonl:7: must be an object, a node policy with an id",
      ],
    );
  });

  it("reports a fleet file that is missing", async () => {
    const { err, exit } = await run(
      "plan",
      "--fleet",
      join(folder, "no.jsonl"),
      "--deployment",
      rest(),
    );
    assert.equal(err, "no.jsonl:1: does not exist\n");
    assert.equal(exit, 2);
  });
});

describe("a fleet file", () => {
  it("is read completely, wherever the blocks of the file cut its lines", async () => {
    const long = "é".repeat(300_000);
    const fleet = write(
      "fleet.jsonl",
      Array.from({ length: 12 }, (_, i) => node(`${i}${long}`, i))
        .join("")
        .trimEnd(),
    );
    const ids: string[] = [];
    await readFleetFile(fleet, ({ id }) => ids.push(id));
    assert.deepEqual(
      ids,
      Array.from({ length: 12 }, (_, i) => `${i}${long}`),
    );
  });
});
