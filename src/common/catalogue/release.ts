/** DeepStream releases and platforms, and the spans of them in which something exists. */

import { compareReleases } from "../release-number.js";

export type Platform = "dgpu" | "jetson";
export const PLATFORMS: readonly Platform[] = ["dgpu", "jetson"];

/** Both ends are included. until null: to this day. */
export interface Span {
  readonly since: string;
  readonly until: string | null;
}

export interface Availability extends Span {
  readonly platform: Platform;
}

export function isWithin(span: Span, release: string): boolean {
  if (compareReleases(release, span.since) < 0) return false;
  return span.until === null || compareReleases(release, span.until) <= 0;
}

export function isAvailable(
  where: readonly Availability[],
  release: string,
  platform: Platform,
): boolean {
  return where.some((span) => span.platform === platform && isWithin(span, release));
}

/** "up to 6.0.1", "from 6.1", "6.1 to 7.0", "in 8.0" or "in every release". first: the oldest release. */
export function describeSpan(span: Span, first = "5.0"): string {
  const fromStart = compareReleases(span.since, first) <= 0;
  if (span.until === null) return fromStart ? "in every release" : `from ${span.since}`;
  if (span.since === span.until) return `in ${span.since}`;
  return fromStart ? `up to ${span.until}` : `${span.since} to ${span.until}`;
}

/** "dGPU (from 6.1) and Jetson (up to 6.0.1)". */
export function describeAvailability(where: readonly Availability[]): string {
  return where
    .map((span) => `${platformName(span.platform)} (${describeSpan(span)})`)
    .join(" and ");
}

export function platformName(platform: Platform): string {
  return platform === "dgpu" ? "dGPU" : "Jetson";
}
