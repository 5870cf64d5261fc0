/** Reads the text of an nvinfer configuration file: groups of KEY=VALUE lines, as GLib's key files are. */

import { type Problem, problem } from "../../../common/problem.js";

export interface Setting {
  readonly group: string;
  readonly key: string;
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

export interface Group {
  readonly name: string;
  readonly line: number;
}

export interface KeyFile {
  readonly groups: readonly Group[];
  /** In the order of the file. A key that is given twice is in it twice. */
  readonly settings: readonly Setting[];
}

export function parseKeyFile(
  text: string,
  file: string,
): { readonly keyFile: KeyFile; readonly problems: readonly Problem[] } {
  const groups: Group[] = [];
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const path = `${file}:${line}`;
    const header = /^\[([^[\]]+)\]$/.exec(content)?.[1];
    if (header !== undefined) {
      groups.push({ name: header, line });
      continue;
    }
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(content) ?? [];
    const group = groups.at(-1);
    if (key === undefined || value === undefined) {
      problems.push(problem("config-syntax", path, badLine(content)));
    } else if (group === undefined) {
      const message = `${key} stands before any group: begin the file with [property]`;
      problems.push(problem("config-syntax", path, message));
    } else {
      settings.push({ group: group.name, key, value, line });
    }
  }
  return { keyFile: { groups, settings }, problems };
}

function badLine(content: string): string {
  const shown = content.length > 60 ? `${content.slice(0, 60)}...` : content;
  if (content.startsWith(";")) return "a comment begins with #, not with ;";
  if (content.startsWith("["))
    return `"${shown}" is no group: write [property] or [class-attrs-all]`;
  if (/^[\w-]+:/.test(content))
    return `"${shown}" is YAML: write KEY=VALUE in groups such as [property]`;
  return `"${shown}" is no KEY=VALUE line`;
}
