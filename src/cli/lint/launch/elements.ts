/** Do the elements and properties of a line exist on the target, and do the values fit? */

import type { Catalogue, Element } from "../../../common/catalogue/catalogue.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { type LaunchElement, type LaunchLine, pathOf } from "./parse.js";
import { checkValue } from "./value.js";

/** A caps filter that stands between two `!` is not written as an element. */
const FILTER = "capsfilter";

export function elementProblems(
  launch: LaunchLine,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  const newMux = usesNewMux(launch);
  return launch.elements.flatMap((element) => {
    const lookup = catalogue.element(element.factory, target, newMux);
    switch (lookup.t) {
      case "found":
        return settingProblems(element, lookup.found, target, catalogue);
      case "elsewhere": {
        const cure = catalogue.facts.insteadOfElement.find(
          (one) => one.element === element.factory,
        );
        const message =
          `${describeTarget(target)} has no ${element.factory}; it exists on ${lookup.where}` +
          (cure === undefined ? "" : `: ${cure.do}`);
        return [problem("element-unavailable", pathOf(element), message)];
      }
      case "unknown":
        if (catalogue.isNamed(element.factory)) return [];
        return [unknownElement(element, lookup.near, target)];
      default:
        return lookup satisfies never;
    }
  });
}

export function usesNewMux(launch: LaunchLine): boolean {
  return launch.environment.get("USE_NEW_NVSTREAMMUX") === "yes";
}

function unknownElement(element: LaunchElement, near: string | undefined, target: Target): Problem {
  const { factory } = element;
  const path = pathOf(element);
  // All of NVIDIA's names are known, and one beside a known name is a slip; the rest may come from other plugins.
  const isSlip = factory.startsWith("nv") || near !== undefined;
  if (isSlip) {
    const message = `neither ${describeTarget(target)} nor GStreamer has an element ${factory}${didYouMean(near)}`;
    return problem("unknown-element", path, message);
  }
  const message = `${factory} is not in the catalogue: neither its properties nor its links are checked`;
  return problem("unlisted-element", path, message);
}

function settingProblems(
  element: LaunchElement,
  facts: Element,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  return [...element.settings].flatMap(([name, value]) => {
    // child::property of a bin, and the capabilities of a filter, are read elsewhere or not at all.
    if (name.includes("::") || (element.factory === FILTER && name === "caps")) return [];
    const path = pathOf(element, name);
    const lookup = facts.property(name);
    switch (lookup.t) {
      case "found": {
        if (!lookup.found.writable) {
          return [problem("read-only-property", path, `${name} can be read, not set: remove it`)];
        }
        const refusal = checkValue(value, lookup.found);
        if (refusal === undefined) return [];
        return [problem(refusal.code, path, `${name}=${value}: ${refusal.message}`)];
      }
      case "elsewhere": {
        const cure = catalogue.facts.instead.find(({ property }) => property === name)?.do;
        const message =
          `${element.factory} of ${describeTarget(target)} has no ${name}; it exists on ${lookup.where}: ` +
          (cure ?? "remove it");
        return [problem("property-unavailable", path, message)];
      }
      case "unknown": {
        const message = `${element.factory} has no property ${name}${didYouMean(lookup.near)}`;
        return [problem("unknown-property", path, message)];
      }
      default:
        return lookup satisfies never;
    }
  });
}
