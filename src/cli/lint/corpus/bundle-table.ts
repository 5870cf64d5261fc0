/** Small bundles that both halves are held against: test/bundles/README.md says what is in them. */

import { readFileSync } from "node:fs";
import { network } from "./networks.js";

interface TableBundle {
  readonly name: string;
  readonly base?: string;
  readonly change?: Readonly<Record<string, string | null>>;
  readonly lines?: readonly string[];
  readonly text?: string;
  readonly encoding?: "latin1";
  readonly files?: Readonly<Record<string, Content>>;
  /** By targets, separated by blanks. */
  readonly expected: Readonly<Record<string, readonly string[]>>;
}

type Content = string | { readonly latin1: string } | { readonly network: string };

interface Table {
  readonly bases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bundles: readonly TableBundle[];
}

/** Models that run together. */
interface TableCascade {
  readonly name: string;
  readonly models: readonly Omit<TableBundle, "name" | "expected">[];
  readonly tracked?: true;
  /** Of each model. */
  readonly classes?: readonly (readonly string[])[];
  readonly expected: readonly string[];
}

const FOLDER = new URL("../../../../../test/bundles/", import.meta.url);
const TABLE: Table = JSON.parse(readFileSync(new URL("bundles.json", FOLDER), "utf8"));
const CASCADES: { readonly cascades: readonly TableCascade[] } = JSON.parse(
  readFileSync(new URL("cascades.json", FOLDER), "utf8"),
);

export const BUNDLE_TABLE = TABLE.bundles;
export const CASCADE_TABLE = CASCADES.cascades;

/** The files of a bundle of the table. */
export function filesOf(
  one: Omit<TableBundle, "name" | "expected">,
): readonly (readonly [string, Buffer])[] {
  const files = {
    "labels.txt": "person\ncar\n",
    "network.onnx": { network: "any number of pictures" },
    ...one.files,
  };
  const config = Buffer.from(configOf(one), one.encoding ?? "utf8");
  const others = Object.entries<Content>(files).map(
    ([name, content]) => [name, bytesOf(content)] as const,
  );
  return [["config_infer.txt", config], ...others];
}

function configOf({
  text,
  base = "",
  change = {},
  lines = [],
}: Parameters<typeof filesOf>[0]): string {
  if (text !== undefined) return text;
  const settings = Object.entries({ ...TABLE.bases[base], ...change });
  const own = settings.flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`]));
  return `${["[property]", ...own, ...lines].join("\n")}\n`;
}

function bytesOf(content: Content): Buffer {
  if (typeof content === "string") return Buffer.from(content);
  if ("network" in content) return network(content.network);
  return Buffer.from(content.latin1, "latin1");
}
