// Model bundles that tests make for themselves.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { start } from "./processes.js";
import { type Scope, temporaryDirectory } from "./scope.js";

const MAKE_TIMEOUT_MS = 30_000;

/** A bundle that finds the squares of a jumping camera; layers make it slow, see square_model.py. */
export async function squareModel(scope: Scope, layers = 0): Promise<string> {
  const bundle = join(await temporaryDirectory(scope), "squares");
  const args = ["test/support/square_model.py", bundle, "--layers", String(layers)];
  const made = start(scope, ".venv/bin/python", args, { env: { PYTHONPATH: "src" } });
  const { code } = await made.end(MAKE_TIMEOUT_MS);
  if (code !== 0) throw new Error(made.errorLines.join("\n"));
  return bundle;
}

/** A copy of a shipped bundle, to be spoilt. */
export async function copyOfModel(scope: Scope, name: string): Promise<string> {
  const bundle = join(await temporaryDirectory(scope), name);
  await cp(join("models", name), bundle, { recursive: true });
  return bundle;
}
