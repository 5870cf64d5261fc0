/** Small networks that both halves are held against: test/networks/make.py says what is in them. */

import { readFileSync } from "node:fs";

export interface Network {
  readonly name: string;
  /** The last TensorRT that refuses it, or always, and what is told: CODE and operator or type. */
  readonly refused: { readonly until: string; readonly told: readonly string[] } | null;
  /** Base64. */
  readonly onnx: string;
}

const FILE = new URL("../../../../../test/networks/networks.json", import.meta.url);

export const NETWORKS: readonly Network[] = JSON.parse(readFileSync(FILE, "utf8"));

/** The bytes of a network by its name. */
export function network(name: string): Buffer {
  const found = NETWORKS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`networks.json has no network "${name}"`);
  return Buffer.from(found.onnx, "base64");
}
