/** Rules for single elements of a gst-launch line: does the target have them, their properties and their values? */

import type { Catalogue, Element } from "../../../common/catalogue/catalogue.js";
import type { FactsFile } from "../../../common/catalogue/data.js";
import { describeSpan, isWithin, platformName } from "../../../common/catalogue/release.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { closest } from "../../../common/closest.js";
import { didYouMean, type Problem, problem } from "../../../common/problem.js";
import { compareReleases } from "../../../common/release-number.js";
import { checkPropertyValue, integer, isVariable } from "../value.js";
import { type LaunchElement, type LaunchLine, pathOf, setting } from "./parse.js";

/** The factory of a caps filter between two `!`, which a line writes as caps and not as an element. */
export const CAPS_FILTER = "capsfilter";

export function elementProblems(
  launch: LaunchLine,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  const newMux = usesNewMux(launch);
  return launch.elements.flatMap((element) => {
    const { factory } = element;
    const lookup = catalogue.element(factory, target, newMux);
    switch (lookup.t) {
      case "found":
        return propertyProblems(element, lookup.found, target, catalogue);
      case "elsewhere": {
        const instead = catalogue.facts.insteadOfElement.find((one) => one.element === factory);
        const message =
          `${describeTarget(target)} has no ${factory}; it exists on ${lookup.where}` +
          (instead === undefined ? "" : `: ${instead.do}`);
        return [problem("element-unavailable", pathOf(element), message)];
      }
      case "unknown":
        return catalogue.isNamed(factory) ? [] : [unknownElement(element, lookup.near, target)];
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
  if (isVariable(factory)) {
    const message = `${factory} is a variable of the shell: what it holds is not checked`;
    return problem("unlisted-element", pathOf(element), message);
  }
  // The catalogue has all of NVIDIA's names, and a name near a known one is a typo; the rest may be other plugins.
  if (factory.startsWith("nv") || near !== undefined) {
    const message = `neither ${describeTarget(target)} nor GStreamer has an element ${factory}${didYouMean(near)}`;
    return problem("unknown-element", pathOf(element), message);
  }
  const message = `${factory} is not in the catalogue: neither its properties nor its links are checked`;
  return problem("unlisted-element", pathOf(element), message);
}

function propertyProblems(
  element: LaunchElement,
  facts: Element,
  target: Target,
  catalogue: Catalogue,
): Problem[] {
  return [...element.settings].flatMap(([name, value]) => {
    // child::property of a bin is not checked, and the caps of a filter are parsed elsewhere.
    if (name.includes("::") || (element.factory === CAPS_FILTER && name === "caps")) return [];
    const path = pathOf(element, name);
    const lookup = facts.property(name);
    switch (lookup.t) {
      case "found": {
        if (!lookup.found.writable) {
          return [problem("read-only-property", path, `${name} is read-only: remove it`)];
        }
        const bad = checkPropertyValue(value, lookup.found);
        return bad === undefined
          ? []
          : [problem(bad.code, path, `${name}=${value}: ${bad.message}`)];
      }
      case "elsewhere": {
        const instead = catalogue.facts.instead.find(({ property }) => property === name)?.do;
        const message =
          `${element.factory} of ${describeTarget(target)} has no ${name}; it exists on ${lookup.where}: ` +
          (instead ?? "remove it");
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

/** What elements need on a platform, or ask of it in vain: properties, kinds of memory, tracker libraries. */
export function platformProblems(launch: LaunchLine, target: Target, facts: FactsFile): Problem[] {
  return launch.elements.flatMap((element) => [
    ...requiredPropertyProblems(element, target, facts),
    ...memoryProblems(element, target, facts),
    ...trackerProblems(element, target, facts),
  ]);
}

function requiredPropertyProblems(
  element: LaunchElement,
  target: Target,
  facts: FactsFile,
): Problem[] {
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
  const available = libraries.filter((one) => isWithin(one, target.release));
  const files = available.map(({ file }) => file);
  const problems: Problem[] = [];
  if (library?.startsWith("libnvds") && !files.includes(library)) {
    const known = libraries.find(({ file }) => file === library);
    const hint =
      known === undefined
        ? didYouMean(closest(library, files))
        : ` (it exists ${describeSpan(known)})`;
    const message = `${describeTarget(target)} has no ${library}${hint}; it has ${files.join(", ")}`;
    problems.push(problem("tracker-library-unavailable", pathOf(element, "ll-lib-file"), message));
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

export function boardProblems(launch: LaunchLine, target: Target, catalogue: Catalogue): Problem[] {
  return [...encoderProblems(launch, target, catalogue), ...windowProblems(launch, target)];
}

function encoderProblems(launch: LaunchLine, target: Target, catalogue: Catalogue): Problem[] {
  const { board } = target;
  if (board === undefined) return [];
  const { encoders } = catalogue.facts.stream;
  return launch.elements.flatMap((element) => {
    const encoder = encoders.find((one) => one.hardware && one.element === element.factory);
    if (encoder === undefined || board.encodes.includes(encoder.codec)) return [];
    if (catalogue.element(encoder.element, target).t === "elsewhere") return [];
    const { codec } = encoder;
    const software = encoders.find((one) => !one.hardware && one.codec === codec);
    const instead =
      software === undefined
        ? "another codec or an encoder for the CPU"
        : `nvvideoconvert ! video/x-raw,format=I420 ! ${software.element} tune=zerolatency (bitrate in kbit/s)`;
    const message = `${board.name} has no hardware encoder for ${codec.toUpperCase()}: use ${instead}`;
    return [problem("no-hardware-encoder", pathOf(element), message)];
  });
}

function windowProblems(launch: LaunchLine, target: Target): Problem[] {
  if (target.platform !== "jetson") return [];
  return launch.links
    .filter(({ from, to }) => to.factory === "nveglglessink" && from.factory !== "nvegltransform")
    .map(({ to }) => {
      const message =
        "on Jetson nveglglessink needs nvegltransform directly in front of it; or use nv3dsink";
      return problem("egl-transform-missing", pathOf(to), message);
    });
}
