/** Which rings a deployment policy is for, as the one constraint of it that speaks of `slipstream.ring`. */

import { RING } from "../node-policy/properties.js";

export type Rings =
  /** Every node that has a ring. */
  | { readonly t: "all" }
  /** This ring and those before it. */
  | { readonly t: "up-to"; readonly ring: number }
  /** The rings after this one. */
  | { readonly t: "beyond"; readonly ring: number };

export const ALL: Rings = { t: "all" };

/** Undefined where the constraints speak of rings in no way, or in one that is not ours. */
export function ringsOf(constraints: readonly string[]): Rings | undefined {
  const [own, ...others] = constraints.filter((text) => text.includes(RING));
  const [, operator, number] = /^slipstream\.ring (<=|>|>=) (\d+)$/.exec(own?.trim() ?? "") ?? [];
  if (others.length > 0 || number === undefined) return undefined;
  const ring = Number(number);
  switch (operator) {
    case "<=":
      return { t: "up-to", ring };
    case ">":
      return { t: "beyond", ring };
    default:
      return ring === 0 ? ALL : { t: "beyond", ring: ring - 1 };
  }
}

/** The constraints with these rings in place of those that they had. */
export function withRings(constraints: readonly string[], rings: Rings): string[] {
  return [...constraints.filter((text) => !text.includes(RING)), `${RING} ${operatorOf(rings)}`];
}

export function ringsText(rings: Rings): string {
  return rings.t === "all" ? "all rings" : `rings ${operatorOf(rings)}`;
}

function operatorOf(rings: Rings): string {
  switch (rings.t) {
    case "all":
      return ">= 0";
    case "up-to":
      return `<= ${rings.ring}`;
    case "beyond":
      return `> ${rings.ring}`;
    default:
      return rings satisfies never;
  }
}

/** Whether going from one to the other leaves out no ring that was in. */
export function isWider(from: Rings, to: Rings): boolean {
  if (to.t === "all") return true;
  if (from.t !== to.t) return false;
  return to.t === "up-to" ? to.ring >= from.ring : to.ring <= from.ring;
}
