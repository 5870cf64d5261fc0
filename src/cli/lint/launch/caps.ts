/** What can pass a link: sets of media, memory and picture formats, and what two of them have in common. */

import type { CapsRecord } from "../../../common/catalogue/data.js";

export interface Caps {
  readonly media: string;
  /** memory:NVMM, "" for the system's memory, ANY for any. */
  readonly memory: string;
  /** undefined: any. */
  readonly formats: readonly string[] | undefined;
}

/** "any": not decidable here. */
export type Flow = readonly Caps[] | "any";

export interface PadCaps {
  readonly direction: string;
  readonly caps: readonly CapsRecord[];
}

/**
 * Pads that take or give anything are "any". An incomplete list of formats means any format for a pad that takes, and
 * the usual ones for a pad that gives. ignoreFormats: the catalogue's list is not exact.
 */
export function flowOf({ direction, caps }: PadCaps, ignoreFormats: boolean): Flow {
  if (caps.some(({ media }) => media === "ANY")) return "any";
  return caps.flatMap(({ media, features = [], formats }) => {
    const memories = features.length === 0 ? [""] : features;
    const listed = formats?.filter((format) => !format.startsWith("..."));
    const isOpen = direction === "sink" && listed?.length !== formats?.length;
    const known = ignoreFormats || isOpen || listed?.includes("ALL") ? undefined : listed;
    return memories.map((memory) => ({ media, memory, formats: known }));
  });
}

/** Reads `video/x-raw(memory:NVMM),format=I420`; fields other than the format do not matter here. */
export function parseCaps(text: string): Flow {
  const caps = text.split(";").flatMap((part) => {
    const [, media, memory = ""] = /^\s*([a-z]+\/[\w.+-]+)\s*(?:\(([^)]*)\))?/i.exec(part) ?? [];
    if (media === undefined) return [];
    const [, list, one] =
      /[,\s]format\s*=\s*(?:\(string\)\s*)?(?:\{([^}]*)\}|([\w-]+))/.exec(part) ?? [];
    const formats = list?.split(",").map((format) => format.trim()) ?? (one && [one]) ?? undefined;
    return [
      {
        media,
        memory: memory === "memory:SystemMemory" ? "" : memory,
        formats: formats || undefined,
      },
    ];
  });
  return caps.length === 0 ? "any" : caps;
}

export function intersect(a: Flow, b: Flow): Flow {
  if (a === "any") return b;
  if (b === "any") return a;
  return a.flatMap((left) => b.flatMap((right) => intersectOne(left, right)));
}

function intersectOne(a: Caps, b: Caps): readonly Caps[] {
  if (a.media !== b.media) return [];
  if (a.memory !== b.memory && a.memory !== "ANY" && b.memory !== "ANY") return [];
  const memory = a.memory === "ANY" ? b.memory : a.memory;
  const formats =
    a.formats === undefined || b.formats === undefined
      ? (a.formats ?? b.formats)
      : a.formats.filter((format) => b.formats?.includes(format));
  return formats?.length === 0 ? [] : [{ media: a.media, memory, formats }];
}

/** "video/x-raw(memory:NVMM) NV12, RGBA". */
export function describeFlow(flow: Flow): string {
  if (flow === "any") return "anything";
  const shown = flow.slice(0, 3).map(({ media, memory, formats }) => {
    const where = memory === "" || memory === "ANY" ? "" : `(${memory})`;
    const which = formats === undefined || formats.length > 6 ? "" : ` ${formats.join(", ")}`;
    return `${media}${where}${which}`;
  });
  return [...new Set(shown)].join(" or ");
}
