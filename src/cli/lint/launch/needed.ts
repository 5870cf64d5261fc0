/** What a platform needs or does not have: properties, kinds of memory, tracker libraries. */

import type { FactsFile } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin, platformName } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { compareReleases } from "../../../common/release-number.js";
import { type LaunchElement, type LaunchLine, pathOf, setting } from "./parse.js";
import { integer } from "./value.js";

export function neededProblems(launch: LaunchLine, target: Target, facts: FactsFile): Problem[] {
  return launch.elements.flatMap((element) => [
    ...propertyProblems(element, target, facts),
    ...memoryProblems(element, target, facts),
    ...trackerProblems(element, target, facts),
  ]);
}

function propertyProblems(element: LaunchElement, target: Target, facts: FactsFile): Problem[] {
  return facts.needed
    .filter(
      ({ elements, platform, until, property }) =>
        elements.includes(element.factory) &&
        platform === target.platform &&
        compareReleases(target.release, until) <= 0 &&
        setting(element, property) === undefined,
    )
    .map(({ code, property, value, why }) => {
      const message = `${describeTarget(target)} needs ${property}=${value} here: ${why}`;
      return problem(code, pathOf(element, property), message);
    });
}

function memoryProblems(element: LaunchElement, target: Target, facts: FactsFile): Problem[] {
  const { property } = facts.memoryTypes;
  const type = integer(setting(element, property));
  const allowed = facts.memoryTypes[target.platform];
  if (!element.factory.startsWith("nv") || type === undefined || allowed.includes(type)) return [];
  const message = `${platformName(target.platform)} has no memory of type ${type}: use ${allowed.join(", ")}`;
  return [problem("memory-type-unsupported", pathOf(element, property), message)];
}

function trackerProblems(element: LaunchElement, target: Target, facts: FactsFile): Problem[] {
  if (element.factory !== "nvtracker") return [];
  const { libraries, algorithms } = facts.trackers;
  const library = setting(element, "ll-lib-file")?.split("/").at(-1);
  const config = setting(element, "ll-config-file")?.split("/").at(-1) ?? "";
  const here = libraries.filter((one) => isWithin(one, target.release)).map(({ file }) => file);
  const known = libraries.find(({ file }) => file === library);
  const problems: Problem[] = [];
  if (library?.startsWith("libnvds") && !here.includes(library)) {
    const path = pathOf(element, "ll-lib-file");
    const since = known === undefined ? "" : ` (it exists ${describeSpan(known)})`;
    const hint = known === undefined ? didYouMean(closest(library, here)) : "";
    const message = `${describeTarget(target)} has no ${library}${since}${hint}; it has ${here.join(", ")}`;
    problems.push(problem("tracker-library-unavailable", path, message));
  }
  const algorithm = algorithms.find(({ name }) =>
    new RegExp(`[_-]${name}\\b|[_-]${name}_`, "i").test(config),
  );
  if (algorithm !== undefined && !isWithin(algorithm, target.release)) {
    const message = `${describeTarget(target)} has no ${algorithm.name}, which exists ${describeSpan(algorithm)}`;
    problems.push(problem("tracker-unavailable", pathOf(element, "ll-config-file"), message));
  }
  return problems;
}
