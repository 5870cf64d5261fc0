/** Lints a model bundle for boards. */

import { BundleError, MANIFEST } from "../../common/bundle/manifest.js";
import { loadCatalogue } from "../../common/catalogue/load.js";
import { findBoard } from "../../common/catalogue/targets.js";
import { readBundle } from "../lint/bundle/bundle.js";
import { lint } from "../lint/lint.js";
import type { Verdict } from "../lint/verdicts.js";

/** boards: empty for all that the catalogue has. Throws BundleError for one that it does not have. */
export async function lintBundleFor(
  directory: string,
  boards: readonly string[],
): Promise<Verdict[]> {
  const catalogue = await loadCatalogue();
  const { targets } = catalogue;
  const ids = boards.length === 0 ? targets.boards.map(({ id }) => id) : boards;
  const { bundle, problems } = await readBundle(directory, catalogue.nvinferKeys);
  return ids.map((id) => {
    const found = findBoard(targets, id);
    if (found.t !== "target") throw new BundleError(`${MANIFEST} boards`, found.message);
    const { target } = found;
    return { target, problems: [...problems, ...lint({ bundle }, target, catalogue)] };
  });
}
