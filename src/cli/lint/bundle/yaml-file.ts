/** The YAML form of an nvinfer configuration file, which nvinfer expects in files named .yml and .yaml. */

import { isMap, isScalar, LineCounter, type Node, parseAllDocuments } from "yaml";
import { type Problem, problem } from "../../../common/problem.js";
import {
  type ConfigReading,
  floatOf,
  type Group,
  type Setting,
  type ValueReader,
} from "./key-file.js";

export function isYaml(file: string): boolean {
  return /\.ya?ml$/.test(file);
}

export function parseYamlFile(text: string, file: string): ConfigReading {
  const groups: Group[] = [];
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  const lines = new LineCounter();
  const lineOf = (node: Node | null | undefined) => lines.linePos(node?.range?.[0] ?? 0).line;
  const refuse = (line: number, message: string) =>
    problems.push(problem("config-syntax", { file, line, path: "" }, message));
  // Every scalar stays the text that it is: nvinfer converts it by its key. Like yaml-cpp, nvinfer takes a key that is given
  // twice, and reads the first document.
  const [document] = parseAllDocuments(text, {
    lineCounter: lines,
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const root = document !== undefined && "contents" in document ? document.contents : undefined;
  for (const error of document?.errors ?? []) {
    refuse(lines.linePos(error.pos[0]).line, `it is not YAML: ${error.message}`);
  }
  if (problems.length === 0 && !isMap(root)) {
    refuse(1, "it is not a YAML map: begin it with property: and indent the keys below");
  }
  for (const { key, value } of isMap<Node, Node | null>(root) ? root.items : []) {
    const group = textOf(key) ?? "";
    groups.push({ name: group, line: lineOf(key) });
    if (!isMap<Node, Node | null>(value)) continue;
    for (const pair of value.items) {
      const name = textOf(pair.key);
      const content = textOf(pair.value);
      const line = lineOf(pair.key);
      if (name === undefined || content === undefined) {
        refuse(line, `${name ?? "a key"} is not one value: write a list as 3;416;416`);
      } else {
        settings.push({ group, key: name, raw: content, value: content, line });
      }
    }
  }
  return { config: { form: "YAML", groups, settings, values: YAML_CPP }, problems };
}

/** Undefined: not a scalar. */
function textOf(node: Node | null | undefined): string | undefined {
  if (node === null || node === undefined) return "";
  return isScalar(node) ? String(node.value ?? "") : undefined;
}

const INTEGER = /^[+-]?(?:0x[\da-f]+|\d+)$/i;
const FLOAT = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|\.inf)$|^\.nan$/i;

/** Conversions of yaml-cpp and of std::stoi; nvinfer ends the process where they throw. */
const YAML_CPP: ValueReader = {
  integer(raw) {
    if (!INTEGER.test(raw)) return undefined;
    const value = raw.startsWith("-") ? -Number(raw.slice(1)) : Number(raw);
    return Math.abs(value) < 2 ** 31 ? value : undefined;
  },
  float: (raw) => (FLOAT.test(raw) ? floatOf(raw.replace(".inf", "inf")) : undefined),
  /** nvinfer reads it as an integer: the words true and false end the process. */
  boolean: (raw) => (/^[+-]?\d+$/.test(raw) ? Number(raw) !== 0 : undefined),
  text: (raw) => raw,
  items: (raw) => raw.split(";"),
};
