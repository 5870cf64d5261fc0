import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { brokenLinks } from "./page-links.js";

/** What the check reports about some pages, given by path. */
async function check(pages: Record<string, string>): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), "page-links-"));
  try {
    for (const [path, text] of Object.entries(pages)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return await brokenLinks(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

describe("the check of links between pages", () => {
  it("accepts links to files, directories and headings", async () => {
    const broken = await check({
      "README.md":
        "[a](docs/a.md) [b](docs/a.md#how-it-works-really) [c](docs/) [d](#top)\n\n# Top\n",
      "docs/a.md": "# How it `works`, really\n\n[up](../README.md)\n\n[ref]: ../README.md#top\n",
    });
    assert.deepEqual(broken, []);
  });

  it("reports a link to a file that does not exist, with its page", async () => {
    assert.deepEqual(await check({ "docs/a.md": "See [that](gone.md)." }), [
      "docs/a.md: gone.md: no such file",
    ]);
  });

  it("reports an anchor without a heading, on the same and on another page", async () => {
    const broken = await check({ "a.md": "# One\n\n[x](#two) [y](b.md#one)", "b.md": "# Two" });
    assert.deepEqual(broken, ["a.md: #two: no such heading", "a.md: b.md#one: no such heading"]);
  });

  it("reports a broken reference definition and a link that leaves the repository", async () => {
    const broken = await check({ "a.md": "[x](../b.md)\n\n[ref]: gone.md\n" });
    assert.deepEqual(broken, [
      "a.md: ../b.md: is outside the repository",
      "a.md: gone.md: no such file",
    ]);
  });

  it("numbers headings that repeat", async () => {
    const page = "# A\n\n# A\n\n[1](#a) [2](#a-1) [3](#a-2)\n";
    assert.deepEqual(await check({ "a.md": page }), ["a.md: #a-2: no such heading"]);
  });

  it("does not follow links in code, to other sites or in installed packages", async () => {
    const broken = await check({
      "a.md":
        "`[x](gone.md)`\n\n```\n[x](gone.md)\n# Not a heading\n```\n\n[y](https://example.com/gone.md)\n",
      "node_modules/b/README.md": "[x](gone.md)",
    });
    assert.deepEqual(broken, []);
  });
});
