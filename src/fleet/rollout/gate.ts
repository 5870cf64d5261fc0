/** Whether a new version may go on to more rings: only where it has proven itself in those that it has. Pure. */

import type { Rollout } from "./shares.js";
import type { Placed } from "./standing.js";

export interface Gate {
  /** Nodes on which the new version has proven itself. */
  readonly proven: number;
  /** Nodes of its rings that the Exchange has not heard of lately: they are off, and count for nothing. */
  readonly silent: readonly Placed[];
  /** All others of its rings. */
  readonly against: readonly Placed[];
  /** Why it may not go on; undefined: it may. */
  readonly closed: string | undefined;
}

/** @param mayFail so many nodes may stand against it: those whose trouble is known to be their own */
export function gateOf(
  rollout: Extract<Rollout, { t: "split" }>,
  nodes: readonly Placed[],
  mayFail: number,
): Gate {
  const { fresh } = rollout;
  const [version] = fresh.versions;
  const own = nodes.filter(
    ({ meant, contested }) => meant?.share.name === fresh.name && !contested,
  );
  const isProven = ({ standing }: Placed) =>
    standing.t === "proven" && standing.version === version;
  const proven = own.filter(isProven).length;
  const silent = own.filter(({ standing }) => standing.t === "silent");
  const against = own.filter((node) => !isProven(node) && node.standing.t !== "silent");
  return { proven, silent, against, closed: reason(proven, against.length, mayFail, version) };
}

function reason(
  proven: number,
  against: number,
  mayFail: number,
  version: string | undefined,
): string | undefined {
  if (against > mayFail) {
    const nodes = against === 1 ? "1 node has" : `${against} nodes have`;
    return `${nodes} not proven ${version}, and MAY_FAIL is ${mayFail}`;
  }
  return proven === 0 ? `no node has proven ${version} yet` : undefined;
}
