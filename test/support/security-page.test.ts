// The page on security is true: every test and fault that it names exists.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "node:test";

interface Claim {
  readonly file: string;
  readonly titles: readonly string[];
}

/** The last column of the attacks' table: `file`: title; title, `file` */
function claims(): Claim[] {
  const page = readFileSync("docs/security.md", "utf8");
  const rows = page.slice(page.indexOf("| attack |")).split("\n").slice(2);
  const cells = rows
    .filter((row) => row.startsWith("|"))
    .map((row) => row.split(" | ").at(-1) ?? "");
  return cells.flatMap((cell) =>
    [
      ...cell.matchAll(
        /`([\w./-]+\.(?:py|test\.ts))`(?:: ([^`|]+?))?(?=,? `| \||;? chaos|;? `|$)/g,
      ),
    ].map(([, file = "", titles = ""]) => ({ file, titles: titles.split("; ").filter(Boolean) })),
  );
}

const SOURCES = ["src", "test"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
);

function textOf(file: string): string {
  const found = existsSync(file) ? file : SOURCES.find((one) => basename(one) === file);
  assert.ok(found !== undefined, `${file} does not exist`);
  return readFileSync(found, "utf8");
}

test("every test that the page on security names exists", () => {
  const all = claims();
  assert.ok(all.length > 20);
  for (const { file, titles } of all) {
    const text = textOf(file);
    for (const title of titles) {
      const name = file.endsWith(".py")
        ? `def test_${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_")}`
        : title;
      assert.ok(text.includes(name), `${file} has no test "${title}"`);
    }
  }
});

test("every fault of chaos that the page on security names exists", () => {
  const page = readFileSync("docs/security.md", "utf8");
  const faults = readdirSync("bench/chaos")
    .filter((file) => file.endsWith("-faults.ts"))
    .map((file) => readFileSync(join("bench/chaos", file), "utf8"))
    .join("\n");
  const named = [...page.matchAll(/; chaos: ([^|]+) \|/g)].map(([, name = ""]) => name);
  assert.ok(named.length > 0);
  for (const name of named) assert.ok(faults.includes(`name: "${name}"`), name);
});
