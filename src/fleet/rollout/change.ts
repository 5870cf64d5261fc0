/** What a rollout does to the deployment policies: the steps of each command, in an order that leaves no node without a policy. */

import { isObject, type JsonObject } from "../../common/json/document.js";
import { ALL, isWider, type Rings, ringsText, withRings } from "./rings.js";
import { type Rollout, RolloutError, type Share } from "./shares.js";

/** One request to the Exchange. */
export type Step =
  | { readonly t: "create"; readonly share: Share }
  | { readonly t: "replace"; readonly from: Share; readonly share: Share }
  | { readonly t: "delete"; readonly share: Share };

export interface Change {
  readonly steps: readonly Step[];
  readonly after: readonly Share[];
}

export interface Canary {
  readonly version: string;
  /** The last ring that gets it. */
  readonly ring: number;
  /** The deployment policy's file, with this version first and the old one after it. */
  readonly template: (version: string, old: string) => JsonObject;
  /** The two names that the policies take in turn. */
  readonly names: readonly [string, string];
}

/** A new version for the first rings; the others keep what they run. */
export function canary(rollout: Rollout, given: Canary): Change {
  const { version, ring, template, names } = given;
  switch (rollout.t) {
    case "none":
      throw new RolloutError(
        "nothing is published yet, so there is nothing to go back to: make publish",
      );
    case "split": {
      const { fresh, old } = rollout;
      const [running] = fresh.versions;
      if (running === version && fresh.rings.t === "up-to" && fresh.rings.ring === ring) {
        // It was cut off in the middle: what is missing is done.
        return changeTo(rollout, [fresh, withShareOf(old, { t: "beyond", ring })]);
      }
      throw new RolloutError(
        `${running} is going out, in ${ringsText(fresh.rings)}: make promote RING=..., or make rollback first`,
      );
    }
    case "settled": {
      const { share: old } = rollout;
      const [running] = old.versions;
      if (running === undefined || running === version) {
        throw new RolloutError(`${version} is what all nodes are to run already`);
      }
      if (old.rings.t !== "all") {
        throw new RolloutError(
          `${old.name} has ${ringsText(old.rings)} only: give ${running} to all first, with make publish-deployment-policy ROLLOUT_RINGS='>= 0'`,
        );
      }
      const [one, other] = names;
      const rings: Rings = { t: "up-to", ring };
      const fresh: Share = {
        name: old.name === one ? other : one,
        body: withBodyRings(template(version, running), rings),
        versions: [version, running],
        rings,
        changedMs: old.changedMs,
      };
      return changeTo(rollout, [fresh, withShareOf(old, { t: "beyond", ring })]);
    }
    case "taken back": {
      const { first, rest } = rollout;
      const [running] = rest.versions;
      if (running === undefined || running === version) {
        throw new RolloutError(`${version} is what all nodes are to run already`);
      }
      const rings: Rings = { t: "up-to", ring };
      const body = withBodyRings(template(version, running), rings);
      const fresh = { ...first, body, versions: [version, running], rings };
      return changeTo(rollout, [fresh, withShareOf(rest, { t: "beyond", ring })]);
    }
    default:
      return rollout satisfies never;
  }
}

/** More rings for the new version. `all`: it is the only one from then on. */
export function promote(rollout: Rollout, ring: number | "all"): Change {
  if (rollout.t !== "split") {
    throw new RolloutError("no new version is going out: make canary VERSION=...");
  }
  const { fresh, old } = rollout;
  if (ring === "all") return changeTo(rollout, [withShareOf(fresh, ALL)]);
  const current = fresh.rings.t === "up-to" ? fresh.rings.ring : Infinity;
  // The same ring again finishes what was cut off in the middle.
  const isDone = old.rings.t === "beyond" && old.rings.ring === ring;
  if (ring < current || (ring === current && isDone)) {
    throw new RolloutError(
      `${fresh.versions[0]} has ${ringsText(fresh.rings)} already: RING is one beyond them, or all`,
    );
  }
  return changeTo(rollout, [
    withShareOf(fresh, { t: "up-to", ring }),
    withShareOf(old, { t: "beyond", ring }),
  ]);
}

/**
 * The old version for all again. Where no new one is going out: the version that the policy names next. A node that has
 * gone back by itself keeps its agreement, which is for an entry of the new version's policy: that stays, without the new
 * version.
 */
export function rollback(rollout: Rollout): Change {
  switch (rollout.t) {
    case "none":
      throw new RolloutError("nothing is published: there is nothing to take back");
    case "split": {
      const { fresh, old } = rollout;
      // The canary was cut off, and the old one's policy is for all nodes still.
      if (old.rings.t !== "beyond") return changeTo(rollout, [old]);
      const rings: Rings = { t: "up-to", ring: old.rings.ring };
      return changeTo(rollout, [withoutFirstVersion(withShareOf(fresh, rings)), old]);
    }
    case "taken back": {
      const [version] = rollout.rest.versions;
      throw new RolloutError(`${version} is what all nodes are to run already`);
    }
    case "settled": {
      const { share } = rollout;
      const [bad, ...rest] = share.versions;
      if (rest.length === 0) {
        throw new RolloutError(`${share.name} names no version to go back to from ${bad}`);
      }
      return changeTo(rollout, [withoutFirstVersion(share)]);
    }
    default:
      return rollout satisfies never;
  }
}

/** The policies that there are. */
export function sharesOf(rollout: Rollout): readonly Share[] {
  switch (rollout.t) {
    case "none":
      return [];
    case "settled":
      return [rollout.share];
    case "split":
      return [rollout.fresh, rollout.old];
    case "taken back":
      return [rollout.first, rollout.rest];
    default:
      return rollout satisfies never;
  }
}

/** One line about a step. */
export function stepText(step: Step): string {
  const { name, versions, rings } = step.share;
  switch (step.t) {
    case "create":
      return `create ${name}: ${versionsText(versions)} for ${ringsText(rings)}`;
    case "replace":
      return `change ${name}: ${versionsText(versions)} for ${ringsText(rings)}; was ${versionsText(step.from.versions)} for ${ringsText(step.from.rings)}`;
    case "delete":
      return `delete ${name}: ${versionsText(versions)} for ${ringsText(rings)}`;
    default:
      return step satisfies never;
  }
}

function versionsText([first = "nothing", ...rest]: readonly string[]): string {
  return rest.length === 0 ? first : `${first} (else ${rest.join(", ")})`;
}

/**
 * What becomes more comes first, so that a change that is cut off leaves nodes with two policies, of which Horizon keeps the
 * one that they have, and never with none.
 */
function changeTo(rollout: Rollout, after: readonly Share[]): Change {
  const before = sharesOf(rollout);
  const steps = after.flatMap((share): Step[] => {
    const from = before.find(({ name }) => name === share.name);
    if (from === undefined) return [{ t: "create", share }];
    return from === share ? [] : [{ t: "replace", from, share }];
  });
  const gone = before.filter(({ name }) => !after.some((share) => share.name === name));
  const rank = (step: Step) =>
    step.t === "replace" && !isWider(step.from.rings, step.share.rings) ? 1 : 0;
  return {
    steps: [
      ...steps.sort((a, b) => rank(a) - rank(b)),
      ...gone.map((share): Step => ({ t: "delete", share })),
    ],
    after,
  };
}

/** The same object where nothing changes. */
function withShareOf(share: Share, rings: Rings): Share {
  if (isWider(share.rings, rings) && isWider(rings, share.rings)) return share;
  return { ...share, rings, body: withBodyRings(share.body, rings) };
}

function withBodyRings(body: JsonObject, rings: Rings): JsonObject {
  const { constraints } = body;
  const texts = Array.isArray(constraints) ? constraints.map(String) : [];
  return { ...body, constraints: withRings(texts, rings) };
}

function withoutFirstVersion(share: Share): Share {
  const [bad, ...versions] = share.versions;
  const { service } = share.body;
  const listed = isObject(service) ? service["serviceVersions"] : undefined;
  const serviceVersions = (Array.isArray(listed) ? listed : []).filter(
    (entry) => !isObject(entry) || entry["version"] !== bad,
  );
  const label = isObject(service) ? `${service["name"]} ${versions[0]}` : "";
  return {
    ...share,
    versions,
    body: {
      ...share.body,
      label,
      service: { ...(isObject(service) ? service : {}), serviceVersions },
    },
  };
}
