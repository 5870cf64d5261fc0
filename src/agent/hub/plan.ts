/** Decides what to do with the objects that the service lists, from facts alone. */

import { compareInstances, NO_VERSION } from "../../common/hub/instance.js";
import { type Entry, inForce } from "../../common/hub/ledger.js";
import type { Answer, EssObject } from "./ess.js";

export interface Known {
  readonly entry: (id: string) => Entry | undefined;
  readonly has: (what: string) => boolean;
  /** Undefined: nothing can be taken yet. */
  readonly terms: string | undefined;
  /** Proven good: answered with `consumed`. */
  readonly isConfirmed: (what: string) => boolean;
  /** The last answer that this process gave for this version of the object. */
  readonly answered: (object: EssObject) => Answer | undefined;
}

export type Step =
  /** The hub has deleted it. */
  | { readonly t: "withdraw"; readonly object: EssObject; readonly what: string | undefined }
  /** It was decided about: say so. */
  | { readonly t: "answer"; readonly object: EssObject; readonly answer: Answer }
  /** New metadata of known data. */
  | { readonly t: "renew"; readonly object: EssObject; readonly what: string }
  /** before: what the version before it is in force as. */
  | { readonly t: "take"; readonly object: EssObject; readonly before: string | undefined };

/** Deletions first, since they make room; then in the order of publication. */
export function plan(objects: readonly EssObject[], known: Known): Step[] {
  const order = (a: EssObject, b: EssObject) =>
    Number(b.isDeleted) - Number(a.isDeleted) || compareInstances(a.instance, b.instance);
  return [...objects].sort(order).flatMap((object) => stepFor(object, known) ?? []);
}

function stepFor(object: EssObject, known: Known): Step | undefined {
  const entry = known.entry(object.id);
  const before = inForce(entry);
  if (object.isDeleted) return { t: "withdraw", object, what: before };
  const take = known.terms === undefined ? undefined : ({ t: "take", object, before } as const);
  if (entry === undefined) return take;
  const { outcome } = entry;
  const isSame = entry.instance === object.instance;
  if (outcome.t === "refused") {
    const isUnchanged = known.terms === undefined || outcome.terms === known.terms;
    return isSame && isUnchanged ? answer(object, "received", known) : take;
  }
  const { what } = outcome;
  if (!known.has(what)) return take;
  if (isSame) return answer(object, known.isConfirmed(what) ? "consumed" : "received", known);
  const isSameData = object.dataId !== NO_VERSION && object.dataId === entry.dataId;
  return isSameData ? { t: "renew", object, what } : take;
}

/** Each answer once: `received` again after a restart does no harm, and not giving it might. */
function answer(object: EssObject, wanted: Answer, known: Known): Step | undefined {
  const given = known.answered(object);
  if (given === wanted || given === "consumed") return undefined;
  return { t: "answer", object, answer: wanted };
}
