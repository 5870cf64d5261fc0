/** A node in one row, as tables and the fleet's page show it. Pure. */

import type { Placed } from "./standing.js";

export interface Row {
  readonly id: string;
  readonly ring: string;
  /** That runs, as Horizon calls it. */
  readonly version: string;
  readonly meant: string;
  readonly standing: string;
  readonly model: string;
  /** Generation of the specification, shortened. */
  readonly settings: string;
  /** Live of all. */
  readonly cameras: string;
  /** Empty: nothing is wrong. */
  readonly reason: string;
  /** When it was said, ISO 8601; empty: never. */
  readonly at: string;
}

const NONE = "-";
const SHORT = 8;

export function rowOf({ id, ring, meant, runs, report, standing }: Placed): Row {
  const { cameras } = report ?? {};
  return {
    id,
    ring: ring === undefined ? NONE : String(ring),
    version: runs ?? NONE,
    meant: meant?.version ?? NONE,
    standing: standing.t,
    model: report?.model ?? NONE,
    settings: report?.settings?.slice(0, SHORT) ?? NONE,
    cameras: cameras === undefined ? NONE : `${cameras.live}/${cameras.all}`,
    reason: lastReason({ report, standing }),
    at: report?.at ?? "",
  };
}

/** What is wrong now, else why a version or an object of the hub was thrown out last. */
function lastReason({ report, standing }: Pick<Placed, "report" | "standing">): string {
  if ("reason" in standing && standing.reason !== "") return standing.reason;
  if (standing.t === "other version") return `says that it is ${standing.says}`;
  if (report?.reason !== undefined) return report.reason;
  const object = report?.objects.find(({ state }) => state === "refused" || state === "failed");
  if (object !== undefined) return `${object.id} ${object.state}: ${object.reason ?? ""}`;
  const [failed] = report?.failed ?? [];
  return failed === undefined ? "" : `${failed.version} failed: ${failed.reason}`;
}
