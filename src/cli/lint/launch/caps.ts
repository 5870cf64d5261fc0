/** Caps along a gst-launch line: what each element gives, and links whose two sides have no caps in common. */

import type { Catalogue, Element } from "../../../common/catalogue/catalogue.js";
import type { CapsRecord } from "../../../common/catalogue/data.js";
import { describeTarget, type Target } from "../../../common/catalogue/targets.js";
import { type Problem, problem } from "../../../common/problem.js";
import { CAPS_FILTER, usesNewMux } from "./elements.js";
import {
  type LaunchElement,
  type LaunchLine,
  type Link,
  pathOf,
  setting,
  sourcesOf,
} from "./parse.js";

/** One alternative of what may pass a link. */
interface Structure {
  readonly media: string;
  /** memory:NVMM, "" for system memory, ANY for any. */
  readonly memory: string;
  /** Undefined: any. */
  readonly formats: readonly string[] | undefined;
}

/** "any": anything, or not decidable here. */
type Caps = readonly Structure[] | "any";

const DECODER = "nvv4l2decoder";

const CODECS: Readonly<Record<string, string>> = {
  "video/x-h264": "h264",
  "video/x-h265": "h265",
  "video/x-vp8": "vp8",
  "video/x-vp9": "vp9",
  "video/x-av1": "av1",
  "image/jpeg": "jpeg",
};

export function capsProblems(launch: LaunchLine, target: Target, catalogue: Catalogue): Problem[] {
  const negotiation = new Negotiation(launch, target, catalogue);
  return launch.links.flatMap((link) => negotiation.check(link));
}

/** Follows caps from element to element, as GStreamer does when it negotiates. */
class Negotiation {
  readonly #launch: LaunchLine;
  readonly #target: Target;
  readonly #catalogue: Catalogue;
  readonly #output = new Map<LaunchElement, Caps>();

  constructor(launch: LaunchLine, target: Target, catalogue: Catalogue) {
    this.#launch = launch;
    this.#target = target;
    this.#catalogue = catalogue;
  }

  check({ from, to }: Link): Problem[] {
    const output = this.#outputOf(from);
    const input = this.#sinkCapsOf(to);
    const common = output === "any" ? "any" : intersect(output, input);
    if (common === "any") return [];
    if (common.length === 0) return [this.#mismatch(from, to, output, input)];
    return to.factory === DECODER ? this.#codecProblems(to, common) : [];
  }

  /** What an element gives, worked out once. A loop in the line gives anything. */
  #outputOf(element: LaunchElement): Caps {
    const known = this.#output.get(element);
    if (known !== undefined) return known;
    this.#output.set(element, "any");
    const output = this.#negotiate(element);
    this.#output.set(element, output);
    return output;
  }

  #negotiate(element: LaunchElement): Caps {
    const facts = this.#facts(element);
    if (facts === undefined) return "any";
    const { same, sameMemory } = this.#catalogue.facts.flow;
    const { factory } = element;
    if (factory === CAPS_FILTER || isTransparent(facts) || same.includes(factory)) {
      const passed = intersect(this.#inputOf(element), this.#sinkCapsOf(element));
      // A link that failed is reported once: what comes after it is not judged.
      return passed !== "any" && passed.length === 0 ? "any" : passed;
    }
    if (sameMemory.includes(factory)) return withAnyFormat(this.#inputOf(element));
    return this.#padCaps(facts, element, "src");
  }

  /** What arrives over all links. */
  #inputOf(element: LaunchElement): Caps {
    return union(sourcesOf(this.#launch, element).map((source) => this.#outputOf(source)));
  }

  #sinkCapsOf(element: LaunchElement): Caps {
    if (element.factory === CAPS_FILTER) return parseCaps(setting(element, "caps") ?? "");
    const facts = this.#facts(element);
    return facts === undefined ? "any" : this.#padCaps(facts, element, "sink");
  }

  #padCaps(facts: Element, element: LaunchElement, direction: "src" | "sink"): Caps {
    const pads = facts.pads.filter((pad) => pad.direction === direction);
    if (direction === "src" && pads.some(({ presence }) => presence === "sometimes")) return "any";
    const anyFormat = this.#catalogue.facts.flow.anyFormat.includes(element.factory);
    return union(pads.map(({ caps }) => templateCaps(caps, direction, anyFormat)));
  }

  #facts(element: LaunchElement): Element | undefined {
    const newMux = usesNewMux(this.#launch);
    const lookup = this.#catalogue.element(element.factory, this.#target, newMux);
    return lookup.t === "found" ? lookup.found : undefined;
  }

  #mismatch(from: LaunchElement, to: LaunchElement, output: Caps, input: Caps): Problem {
    const gives = `${pathOf(from)} gives ${describeCaps(output)}`;
    if (to.factory === "nvdsosd" && isEvery(output, ({ memory }) => memory === "memory:NVMM")) {
      const message =
        `${gives}, nvdsosd of ${describeTarget(this.#target)} takes ${describeCaps(input)}: ` +
        "put nvvideoconvert ! video/x-raw(memory:NVMM),format=RGBA in front of it";
      return problem("osd-needs-rgba", pathOf(to), message);
    }
    const isRaw = [output, input].every((side) =>
      isEvery(side, ({ media }) => media === "video/x-raw"),
    );
    const remedy = isRaw
      ? "put nvvideoconvert between them"
      : "another element must stand between them";
    const message = `${gives}, ${to.factory} takes ${describeCaps(input)}: ${remedy}`;
    return problem("caps-mismatch", pathOf(to), message);
  }

  #codecProblems(decoder: LaunchElement, input: readonly Structure[]): Problem[] {
    const { board } = this.#target;
    const codecs = input.map(({ media }) => CODECS[media] ?? "");
    const known = codecs.some((codec) => codec === "" || board?.decodes.includes(codec));
    if (board === undefined || known) return [];
    const message = `${board.name} does not decode ${codecs[0]}: it decodes ${board.decodes.join(", ")}`;
    return [problem("codec-unsupported", pathOf(decoder), message)];
  }
}

/** Takes and gives anything: a queue, a tee. */
function isTransparent({ pads }: Element): boolean {
  return (
    pads.some(({ direction }) => direction === "sink") &&
    pads.every(
      ({ caps, presence }) => presence !== "sometimes" && caps.some(({ media }) => media === "ANY"),
    )
  );
}

/**
 * The caps of a pad template. A list of formats that is not complete means any format for a sink pad, and the usual ones
 * for a source pad. anyFormat: the catalogue's list is not exact.
 */
function templateCaps(
  caps: readonly CapsRecord[],
  direction: "src" | "sink",
  anyFormat: boolean,
): Caps {
  if (caps.some(({ media }) => media === "ANY")) return "any";
  return caps.flatMap(({ media, features = [], formats }) => {
    const memories = features.length === 0 ? [""] : features;
    const listed = formats?.filter((format) => !format.startsWith("..."));
    const isOpen = direction === "sink" && listed?.length !== formats?.length;
    const known = anyFormat || isOpen || listed?.includes("ALL") ? undefined : listed;
    return memories.map((memory) => ({ media, memory, formats: known }));
  });
}

/** Parses `video/x-raw(memory:NVMM),format=I420`; fields other than the format do not matter here. */
function parseCaps(text: string): Caps {
  const caps = text.split(";").flatMap((part): Structure[] => {
    const [, media, memory = ""] = /^\s*([a-z]+\/[\w.+-]+)\s*(?:\(([^)]*)\))?/i.exec(part) ?? [];
    if (media === undefined) return [];
    const [, list, one] =
      /[,\s]format\s*=\s*(?:\(string\)\s*)?(?:\{([^}]*)\}|([\w-]+))/.exec(part) ?? [];
    const formats = list?.split(",").map((format) => format.trim()) ?? (one ? [one] : undefined);
    return [{ media, memory: memory === "memory:SystemMemory" ? "" : memory, formats }];
  });
  return caps.length === 0 ? "any" : caps;
}

function intersect(a: Caps, b: Caps): Caps {
  if (a === "any") return b;
  if (b === "any") return a;
  return a.flatMap((left) => b.flatMap((right) => intersectStructures(left, right)));
}

function intersectStructures(a: Structure, b: Structure): readonly Structure[] {
  if (a.media !== b.media) return [];
  if (a.memory !== b.memory && a.memory !== "ANY" && b.memory !== "ANY") return [];
  const memory = a.memory === "ANY" ? b.memory : a.memory;
  const formats =
    a.formats === undefined || b.formats === undefined
      ? (a.formats ?? b.formats)
      : a.formats.filter((format) => b.formats?.includes(format));
  return formats?.length === 0 ? [] : [{ media: a.media, memory, formats }];
}

/** Nothing is known where there are no caps at all. */
function union(all: readonly Caps[]): Caps {
  const structures = all.flatMap((caps) => (caps === "any" ? [] : caps));
  return all.length === 0 || all.includes("any") ? "any" : structures;
}

function withAnyFormat(caps: Caps): Caps {
  if (caps === "any") return "any";
  return caps.map((one) => (one.memory === "" ? { ...one, formats: undefined } : one));
}

function isEvery(caps: Caps, test: (structure: Structure) => boolean): boolean {
  return caps !== "any" && caps.every(test);
}

/** "video/x-raw(memory:NVMM) NV12, RGBA". */
function describeCaps(caps: Caps): string {
  if (caps === "any") return "anything";
  const shown = caps.slice(0, 3).map(({ media, memory, formats }) => {
    const where = memory === "" || memory === "ANY" ? "" : `(${memory})`;
    const which = formats === undefined || formats.length > 6 ? "" : ` ${formats.join(", ")}`;
    return `${media}${where}${which}`;
  });
  return [...new Set(shown)].join(" or ");
}
