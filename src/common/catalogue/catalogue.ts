/** Finds elements and their properties, as one release has them on one platform. */

import { closest } from "../closest.js";
import { compareReleases } from "../release-number.js";
import type {
  DecodersFile,
  ElementRecord,
  ElementsFile,
  FactsFile,
  GStreamerFile,
  NvinferKey,
  NvinferKeysFile,
  OnnxOperatorsFile,
  PadRecord,
  PlainElementRecord,
  PlainPropertyRecord,
  PropertyRecord,
  SeenFile,
  TargetsFile,
} from "./data.js";
import { type Property, resolveProperty } from "./property.js";
import { describeAvailability, isAvailable, isWithin } from "./release.js";
import type { Target } from "./targets.js";

export interface CatalogueFiles {
  readonly elements: ElementsFile;
  readonly seen: SeenFile;
  readonly gstreamer: GStreamerFile;
  readonly targets: TargetsFile;
  readonly keys: NvinferKeysFile;
  readonly decoders: DecodersFile;
  readonly onnx: OnnxOperatorsFile;
  readonly facts: FactsFile;
}

/** What the catalogue knows about a name on a target. */
export type Lookup<T> =
  | { readonly t: "found"; readonly found: T }
  /** It exists, but not on this target. `where`: the releases and platforms that have it. */
  | { readonly t: "elsewhere"; readonly where: string }
  | { readonly t: "unknown"; readonly near: string | undefined };

export interface Element {
  readonly name: string;
  readonly pads: readonly PadRecord[];
  property(name: string): Lookup<Property>;
}

export class Catalogue {
  readonly targets: TargetsFile;
  readonly facts: FactsFile;
  readonly nvinferKeys: readonly NvinferKey[];
  readonly decoders: DecodersFile;
  /** What parse-bbox-func-name may be where the sidecar decodes. */
  readonly decoderNames: readonly string[];
  readonly onnx: OnnxOperatorsFile;
  readonly seen: SeenFile;
  readonly #deepstream = new Map<string, ElementRecord[]>();
  readonly #plain: ReadonlyMap<string, PlainElementRecord>;
  readonly #named: ReadonlySet<string>;

  constructor(files: CatalogueFiles) {
    this.seen = files.seen;
    this.targets = files.targets;
    this.facts = files.facts;
    this.nvinferKeys = files.keys.keys;
    this.decoders = files.decoders;
    this.decoderNames = files.decoders.decoders.map(({ name }) => name);
    this.onnx = files.onnx;
    for (const record of files.elements.elements) {
      this.#deepstream.set(record.name, [...(this.#deepstream.get(record.name) ?? []), record]);
    }
    this.#plain = new Map(files.gstreamer.elements.map((record) => [record.name, record]));
    this.#named = new Set(files.gstreamer.names.split(" "));
  }

  /** newMux: nvstreammux means the new one, as with USE_NEW_NVSTREAMMUX=yes. */
  element(name: string, target: Target, newMux = false): Lookup<Element> {
    const variants = this.#deepstream.get(name);
    if (variants !== undefined) return this.#deepstreamElement(variants, target, newMux);
    const plain = this.#plain.get(name);
    if (plain !== undefined) return plainElement(plain, target);
    const limits = this.facts.namedElements.find(({ elements }) => elements.includes(name));
    if (limits !== undefined) {
      const where = limits.platforms.map((platform) => ({ ...limits, platform }));
      if (!isAvailable(where, target.release, target.platform)) {
        return { t: "elsewhere", where: describeAvailability(where) };
      }
    }
    return { t: "unknown", near: closest(name, this.#elementNames()) };
  }

  /** Whether anything at all is known of an element of this name. */
  isKnown(name: string): boolean {
    return this.#deepstream.has(name) || this.#plain.has(name) || this.#named.has(name);
  }

  /** Whether GStreamer or NVIDIA has an element of this name, even if nothing else is known about it. */
  isNamed(name: string): boolean {
    return this.#named.has(name);
  }

  #elementNames(): readonly string[] {
    return [...this.#deepstream.keys(), ...this.#plain.keys(), ...this.#named];
  }

  #deepstreamElement(
    variants: readonly ElementRecord[],
    target: Target,
    newMux: boolean,
  ): Lookup<Element> {
    const wanted = newMux ? "new" : "legacy";
    const record = variants.find((variant) => variant.variant?.startsWith(wanted)) ?? variants[0];
    if (record === undefined) return { t: "unknown", near: undefined };
    const where = record.platforms.map((platform) => ({
      platform,
      since: record.since,
      until: record.until,
    }));
    if (!isAvailable(where, target.release, target.platform)) {
      return { t: "elsewhere", where: describeAvailability(where) };
    }
    const inherited = this.#inherited(record.kind);
    return {
      t: "found",
      found: {
        name: record.name,
        pads: record.pads.filter((pad) => isPadThere(pad, target.release)),
        property: (name) => this.#deepstreamProperty(record, inherited, name, target),
      },
    };
  }

  #deepstreamProperty(
    record: ElementRecord,
    inherited: readonly PlainPropertyRecord[],
    name: string,
    target: Target,
  ): Lookup<Property> {
    const own = record.properties.find((property) => property.name === name);
    if (own !== undefined) {
      if (!isAvailable(own.availability, target.release, target.platform)) {
        return { t: "elsewhere", where: describeAvailability(own.availability) };
      }
      const seen = this.seen.elements[record.name]?.[name];
      return {
        t: "found",
        found: resolveProperty(own, target.release, target.platform, seen),
      };
    }
    const base = inherited.find((property) => property.name === name);
    if (base !== undefined) {
      return { t: "found", found: resolveProperty(base, target.release, target.platform) };
    }
    const near = closest(name, namesOn(record.properties, target));
    return { t: "unknown", near };
  }

  #inherited(kind: string): readonly PlainPropertyRecord[] {
    const base = this.facts.baseProperties;
    return [...base.every, ...(base.byKind[kind] ?? [])];
  }
}

function namesOn(properties: readonly PropertyRecord[], target: Target): readonly string[] {
  return properties
    .filter((property) => isAvailable(property.availability, target.release, target.platform))
    .map((property) => property.name);
}

function isPadThere(pad: PadRecord, release: string): boolean {
  return isWithin({ since: pad.since ?? "0", until: pad.until ?? null }, release);
}

/** The properties of GStreamer's own elements depend on GStreamer's release, not on the platform. */
function plainElement(record: PlainElementRecord, target: Target): Lookup<Element> {
  if (isTooNew(record.since, target)) return needsGStreamer(record.since, target);
  return {
    t: "found",
    found: {
      name: record.name,
      pads: record.pads,
      property: (name) => plainProperty(record, name, target),
    },
  };
}

function plainProperty(record: PlainElementRecord, name: string, target: Target): Lookup<Property> {
  const property = record.properties.find((candidate) => candidate.name === name);
  if (property === undefined) {
    return {
      t: "unknown",
      near: closest(
        name,
        record.properties.map((candidate) => candidate.name),
      ),
    };
  }
  if (isTooNew(property.since, target)) return needsGStreamer(property.since, target);
  return { t: "found", found: resolveProperty(property, target.release, target.platform) };
}

function isTooNew(since: string | undefined, target: Target): since is string {
  return since !== undefined && compareReleases(target.gstreamer, since) < 0;
}

function needsGStreamer(since: string, target: Target): Lookup<never> {
  return { t: "elsewhere", where: `GStreamer from ${since}, this release has ${target.gstreamer}` };
}
