/** Lints a model bundle for boards, or for another target. */

import { BundleError, MANIFEST } from "../../common/bundle/manifest.js";
import type { TargetsFile } from "../../common/catalogue/data.js";
import { loadCatalogue } from "../../common/catalogue/load.js";
import {
  type AnyTarget,
  findBoard,
  findTarget,
  idsOfAll,
  type TargetLookup,
} from "../../common/catalogue/targets.js";
import { readBundle } from "../lint/bundle/bundle.js";
import { lint } from "../lint/lint.js";
import type { Verdict } from "../lint/verdicts.js";

/** boards: empty for all that the catalogue has. wanted: another target. Throws BundleError for one that there is not. */
export async function lintBundleFor(
  directory: string,
  boards: readonly string[],
  wanted?: string,
): Promise<Verdict[]> {
  const catalogue = await loadCatalogue();
  const { bundle, problems } = await readBundle(directory, catalogue);
  return targetsOf(catalogue.targets, boards, wanted).map((target) => ({
    target,
    problems: [...problems, ...lint({ bundle }, target, catalogue)],
  }));
}

function targetsOf(
  targets: TargetsFile,
  boards: readonly string[],
  wanted: string | undefined,
): readonly AnyTarget[] {
  const found = <T extends AnyTarget>(lookup: TargetLookup<T>, what: string): T => {
    if (lookup.t === "target") return lookup.target;
    throw new BundleError(what, lookup.message);
  };
  if (wanted !== undefined) {
    const ids = wanted === "all" ? idsOfAll(targets) : [wanted];
    return ids.map((id) => found(findTarget(targets, id), "--target"));
  }
  const ids = boards.length === 0 ? targets.boards.map(({ id }) => id) : boards;
  return ids.map((id) => found(findBoard(targets, id), `${MANIFEST} boards`));
}
