/** Small networks that both halves are held against: test/networks/make.py says what is in them. */

import { readFileSync } from "node:fs";

export interface Network {
  readonly name: string;
  /** The last TensorRT that refuses it, or always, and what is told: CODE and operator or type. */
  readonly refused: { readonly until: string; readonly told: readonly string[] } | null;
  /** Base64. */
  readonly onnx: string;
}

/** What a real parser said. */
export interface Verdicts {
  readonly tensorrt: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Whether TensorRT's plugin library was loaded. */
  readonly plugins: boolean;
  /** How it was done, and what was not. */
  readonly shows: string;
  readonly networks: readonly Verdict[];
}

export interface Verdict {
  readonly network: string;
  /** The first 16 digits of the hash of the network's bytes. */
  readonly sha256: string;
  readonly verdict: "accepted" | "refused" | "crashed";
  /** The parser's, or its function that refused. */
  readonly words?: string;
  /** Why the linter rightly says something else. */
  readonly unlike?: string;
}

const FOLDER = new URL("../../../../../test/networks/", import.meta.url);

export const NETWORKS: readonly Network[] = read("networks.json");

export const VERDICTS: readonly Verdicts[] = read("verdicts.json");

// biome-ignore lint/suspicious/noExplicitAny: what it is, its callers say.
function read(name: string): any {
  return JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
}

/** The bytes of a network by its name. */
export function network(name: string): Buffer {
  const found = NETWORKS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`networks.json has no network "${name}"`);
  return Buffer.from(found.onnx, "base64");
}
