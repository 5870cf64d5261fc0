/** Which elements of a line lie before or behind another one. */

import type { LaunchElement, LaunchLine } from "./parse.js";

/** All elements that something flows from into this one, the nearest first. */
export function upstream(launch: LaunchLine, element: LaunchElement): readonly LaunchElement[] {
  return reach(element, (one) =>
    launch.links.filter(({ to }) => to === one).map(({ from }) => from),
  );
}

/** All elements that something flows to from this one, the nearest first. */
export function downstream(launch: LaunchLine, element: LaunchElement): readonly LaunchElement[] {
  return reach(element, (one) =>
    launch.links.filter(({ from }) => from === one).map(({ to }) => to),
  );
}

function reach(
  start: LaunchElement,
  next: (element: LaunchElement) => readonly LaunchElement[],
): readonly LaunchElement[] {
  const found = new Set(next(start));
  // Grows while it is walked.
  for (const element of found) for (const one of next(element)) found.add(one);
  return [...found];
}
