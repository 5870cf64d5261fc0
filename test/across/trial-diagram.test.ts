import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { randomLife } from "../../src/agent/testing/random-life.js";
import type { Trial } from "../../src/agent/trial/trial.js";

/** From the repository's root, which is where tests run. */
const PAGE = "docs/trials.md";

const STATES: Readonly<Record<Trial["t"], true>> = {
  none: true,
  checking: true,
  "self-testing": true,
  watching: true,
  passed: true,
  failed: true,
};

/** The arrows of the page's diagram, between the names that a reader sees. */
function arrows(): [string, string][] {
  const diagram = /```mermaid\n(.*?)```/s.exec(readFileSync(PAGE, "utf8"))?.[1] ?? "";
  const names = [...diagram.matchAll(/state "(.+)" as (\w+)/g)].map(([, name, id]) => [id, name]);
  const nameOf = new Map(names as [string, string][]);
  return [...diagram.matchAll(/^ *(\S+) --> (\w+)/gm)].map(([, from = "", to = ""]) => [
    nameOf.get(from) ?? from,
    nameOf.get(to) ?? to,
  ]);
}

describe("the diagram of the trial", () => {
  it("has the states of the code", () => {
    const drawn = new Set(arrows().flat());
    drawn.delete("[*]");
    drawn.delete("candidate");
    assert.deepEqual([...drawn].sort(), Object.keys(STATES).sort());
  });

  it("has every transition that nodes make, and no other", () => {
    const drawn = arrows().filter(([from, to]) => from !== "[*]" && to !== "candidate");
    const made = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      for (const transition of randomLife(seed).transitions) made.add(transition);
    }
    assert.deepEqual(drawn.map((arrow) => arrow.join(" --> ")).sort(), [...made].sort());
  });
});
