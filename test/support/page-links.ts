/** Checks the links of Markdown pages: the file must exist, and the page must have the heading that an #anchor names. */

import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Directories that hold no pages of our own. */
const NOT_OURS = new Set([".git", ".venv", "build", "dist", "node_modules"]);
const FENCED_CODE = /^(```|~~~)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm;
const INLINE_CODE = /`[^`\n]*`/g;
const INLINE_LINK = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
const REFERENCE = /^\[[^\]]+\]:\s+<?([^\s>]+)>?/gm;
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/gm;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/** Every broken link below a directory, as "page: link: reason". Links to other sites are not followed. */
export async function brokenLinks(root: string): Promise<string[]> {
  const broken: string[] = [];
  for (const page of await markdownFiles(root)) {
    for (const link of linksOf(await readFile(page, "utf8"))) {
      const reason = await whyBroken(root, page, link);
      if (reason !== undefined) broken.push(`${relative(root, page)}: ${link}: ${reason}`);
    }
  }
  return broken;
}

async function markdownFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : await markdownFiles(path);
      return entry.isFile() && entry.name.endsWith(".md") ? [path] : [];
    }),
  );
  return found.flat().sort();
}

/** The targets of a page's links, except those to other sites. */
function linksOf(markdown: string): string[] {
  const text = markdown.replace(FENCED_CODE, "").replace(INLINE_CODE, "");
  return [INLINE_LINK, REFERENCE]
    .flatMap((pattern) => [...text.matchAll(pattern)].map(([, target = ""]) => target))
    .filter((target) => !SCHEME.test(target));
}

async function whyBroken(root: string, page: string, link: string): Promise<string | undefined> {
  const [path = "", anchor] = decodeURI(link).split("#", 2);
  const file = path === "" ? page : resolve(dirname(page), path);
  if (relative(root, file).startsWith("..")) return "is outside the repository";
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return "no such file";
  if (anchor === undefined || !file.endsWith(".md")) return undefined;
  const anchors = anchorsOf(await readFile(file, "utf8"));
  return anchors.has(anchor) ? undefined : "no such heading";
}

/** The anchors that GitHub gives the headings of a page; a repeated heading is numbered. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of markdown.replace(FENCED_CODE, "").matchAll(HEADING)) {
    const name = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = name;
    for (let number = 1; anchors.has(anchor); number++) anchor = `${name}-${number}`;
    anchors.add(anchor);
  }
  return anchors;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const broken = await brokenLinks(process.cwd());
  for (const line of broken) console.error(line);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
