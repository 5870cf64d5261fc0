/** Follows what flows through a line from element to element, and tells where it cannot go on. */

import type { Catalogue, Element } from "../../../common/catalogue/catalogue.js";
import type { FactsFile, PadRecord } from "../../../common/catalogue/data.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { type Caps, describeFlow, type Flow, flowOf, intersect, parseCaps } from "./caps.js";
import { usesNewMux } from "./elements.js";
import { type LaunchElement, type LaunchLine, type Link, pathOf, setting } from "./parse.js";

const DECODER = "nvv4l2decoder";

const CODECS: Readonly<Record<string, string>> = {
  "video/x-h264": "h264",
  "video/x-h265": "h265",
  "video/x-vp8": "vp8",
  "video/x-vp9": "vp9",
  "video/x-av1": "av1",
  "image/jpeg": "jpeg",
};

export function flowProblems(launch: LaunchLine, target: Target, catalogue: Catalogue): Problem[] {
  const walk = new Walk(launch, target, catalogue);
  return launch.links.flatMap((link) => walk.check(link));
}

class Walk {
  readonly #launch: LaunchLine;
  readonly #target: Target;
  readonly #catalogue: Catalogue;
  readonly #given = new Map<LaunchElement, Flow>();

  constructor(launch: LaunchLine, target: Target, catalogue: Catalogue) {
    this.#launch = launch;
    this.#target = target;
    this.#catalogue = catalogue;
  }

  check({ from, to }: Link): Problem[] {
    const flow = this.#from(from);
    const taken = this.#taken(to);
    if (flow === "any") return [];
    const common = intersect(flow, taken);
    if (common === "any") return [];
    if (common.length === 0) return [this.#mismatch(from, to, flow, taken)];
    return to.factory === DECODER ? this.#codecProblems(to, common) : [];
  }

  /** What an element gives, once. A loop in the line gives anything. */
  #from(element: LaunchElement): Flow {
    const known = this.#given.get(element);
    if (known !== undefined) return known;
    this.#given.set(element, "any");
    const flow = this.#computeFrom(element);
    this.#given.set(element, flow);
    return flow;
  }

  #computeFrom(element: LaunchElement): Flow {
    const facts = this.#facts(element);
    if (facts === undefined) return "any";
    const { same, sameMemory } = this.#catalogue.facts.flow;
    const given = pads(facts, element, "src", this.#catalogue.facts);
    if (
      element.factory === "capsfilter" ||
      isTransparent(facts) ||
      same.includes(element.factory)
    ) {
      return orAny(intersect(this.#into(element), this.#taken(element)));
    }
    if (sameMemory.includes(element.factory)) return withAnyFormat(this.#into(element));
    return given;
  }

  /** What comes in over all links. */
  #into(element: LaunchElement): Flow {
    const flows = this.#launch.links
      .filter(({ to }) => to === element)
      .map(({ from }) => this.#from(from));
    if (flows.length === 0 || flows.includes("any")) return "any";
    return flows.flatMap((flow) => (flow === "any" ? [] : flow));
  }

  #taken(element: LaunchElement): Flow {
    if (element.factory === "capsfilter") return parseCaps(setting(element, "caps") ?? "");
    const facts = this.#facts(element);
    return facts === undefined ? "any" : pads(facts, element, "sink", this.#catalogue.facts);
  }

  #facts(element: LaunchElement): Element | undefined {
    const newMux = usesNewMux(this.#launch);
    const lookup = this.#catalogue.element(element.factory, this.#target, newMux);
    return lookup.t === "found" ? lookup.found : undefined;
  }

  #mismatch(from: LaunchElement, to: LaunchElement, flow: Flow, taken: Flow): Problem {
    const gives = `${pathOf(from)} gives ${describeFlow(flow)}`;
    if (to.factory === "nvdsosd" && isOfMemory(flow, "memory:NVMM")) {
      const message =
        `${gives}, nvdsosd of ${describeTarget(this.#target)} takes ${describeFlow(taken)}: ` +
        "put nvvideoconvert ! video/x-raw(memory:NVMM),format=RGBA in front of it";
      return problem("osd-needs-rgba", pathOf(to), message);
    }
    const isRaw = [flow, taken].every(
      (side) => side !== "any" && side.every(({ media }) => media === "video/x-raw"),
    );
    const cure = isRaw
      ? ": put nvvideoconvert between them"
      : ": another element must stand between them";
    const message = `${gives}, ${to.factory} takes ${describeFlow(taken)}${cure}`;
    return problem("caps-mismatch", pathOf(to), message);
  }

  #codecProblems(decoder: LaunchElement, flow: readonly Caps[]): Problem[] {
    const { board } = this.#target;
    const codecs = flow.map(({ media }) => CODECS[media] ?? "");
    const known = codecs.some((codec) => codec === "" || board?.decodes.includes(codec));
    if (board === undefined || known) return [];
    const message = `${board.name} does not decode ${codecs[0]}: it decodes ${board.decodes.join(", ")}`;
    return [problem("codec-unsupported", pathOf(decoder), message)];
  }
}

/** Takes and gives anything: a queue, a tee. */
function isTransparent(facts: Element): boolean {
  return (
    facts.pads.some(({ direction }) => direction === "sink") &&
    facts.pads.every(
      ({ caps, presence }) => presence !== "sometimes" && caps.some(({ media }) => media === "ANY"),
    )
  );
}

function pads(
  facts: Element,
  element: LaunchElement,
  direction: PadRecord["direction"],
  { flow }: FactsFile,
): Flow {
  const ofDirection = facts.pads.filter((pad) => pad.direction === direction);
  const anyFormat = flow.anyFormat.includes(element.factory);
  if (ofDirection.some(({ presence }) => direction === "src" && presence === "sometimes"))
    return "any";
  const flows = ofDirection.map((pad) => flowOf(pad, anyFormat));
  if (flows.length === 0 || flows.includes("any")) return "any";
  return flows.flatMap((one) => (one === "any" ? [] : one));
}

/** A link that failed is told once: what comes behind it is not judged. */
function orAny(flow: Flow): Flow {
  return flow !== "any" && flow.length === 0 ? "any" : flow;
}

function withAnyFormat(flow: Flow): Flow {
  if (flow === "any") return "any";
  return flow.map((caps) => (caps.memory === "" ? { ...caps, formats: undefined } : caps));
}

function isOfMemory(flow: Flow, memory: string): boolean {
  return flow !== "any" && flow.every((caps) => caps.memory === memory);
}
