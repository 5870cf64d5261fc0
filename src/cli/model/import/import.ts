/** `slipstream model import`: from a network's file to a bundle that both engines run. */

import { existsSync, realpathSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { BundleError } from "../../../common/bundle/manifest.js";
import type { Catalogue } from "../../../common/catalogue/catalogue.js";
import type { Colour, Family, Fit } from "../../../common/catalogue/data.js";
import { loadCatalogue } from "../../../common/catalogue/load.js";
import { closest } from "../../../common/closest.js";
import { readText } from "../../../common/files/read.js";
import { didYouMean } from "../../../common/problem.js";
import type { Terminal } from "../../../common/terminal.js";
import { onnxFacts } from "../../lint/bundle/bundle.js";
import { frameInputs, type OnnxFacts, type Value } from "../../lint/bundle/onnx.js";
import { affineOf, configText, type Preparation } from "./config-text.js";
import { describeOutputs, findFamily, namesOf } from "./family.js";
import { annotate, fitNetwork } from "./python.js";
import { report } from "./report.js";

export interface ImportFlags {
  readonly labels?: string;
  readonly name?: string;
  readonly output?: string;
  readonly family?: string;
  readonly normalise?: string;
  readonly colour?: string;
  readonly fit?: string;
  readonly size?: string;
  readonly try?: string;
  readonly png?: string;
}

export async function importNetwork(
  file: string,
  flags: ImportFlags,
  terminal: Terminal,
): Promise<void> {
  const catalogue = await loadCatalogue();
  const name = flags.name ?? basename(file).replace(/\.onnx$/, "");
  const target = resolve(flags.output ?? join("models", name));
  if (existsSync(target)) throw new BundleError(target, "it exists already; name another --output");
  const network = readNetwork(file);
  const labels = await readLabels(network, flags);
  const frame = frameOf(network, flags);
  const { family, why } = chooseFamily(catalogue, network, frame, labels, flags);
  const preparation = choosePreparation(catalogue, family, frame, flags);
  const affine = affineOf(preparation);
  await mkdir(dirname(target), { recursive: true });
  // Beside the target, so that it appears whole or not at all.
  const made = await mkdtemp(join(dirname(target), ".import-"));
  try {
    const fitted = await fitNetwork(file, join(made, "network.onnx"), {
      constants: constantsOf(network, frame),
      size: flags.size === undefined ? null : [frame.height, frame.width],
      affine: affine ?? null,
    });
    const text = configText({
      title: name,
      family,
      preparation,
      channelsLast: frame.channelsLast,
      width: frame.width,
      height: frame.height,
      classes: labels.length,
      normalisesItself: affine !== undefined,
    });
    await writeFile(join(made, "config_infer.txt"), text);
    await writeFile(join(made, "labels.txt"), `${labels.join("\n")}\n`);
    const png = resolve(flags.png ?? `${name}.png`);
    const tried = flags.try === undefined ? undefined : { file: resolve(flags.try), png };
    const annotated = await annotate([made], tried);
    const wrong = annotated.problems.find(({ severity }) => severity === "error");
    const plugins = network.graph.nodes.filter(({ operator }) => operator.endsWith("_TRT"));
    if (wrong !== undefined && plugins.length === 0) {
      throw new BundleError(file, wrong.message.replaceAll(`${made}/`, ""));
    }
    const facts = { name, target, network, family, why, preparation, frame, labels };
    const said = await report({ ...facts, fitted, annotated, png, made, plugins }, catalogue);
    await rename(made, target);
    terminal.out(said);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** The network, if it is a whole file that holds its weights or has them beside it. */
function readNetwork(file: string): OnnxFacts {
  if (!existsSync(file)) throw new BundleError(file, "there is no such file");
  const facts = onnxFacts(file);
  if (facts.t !== "onnx") throw new BundleError(file, facts.t === "unusable" ? facts.why : facts.t);
  const { onnx } = facts;
  for (const location of onnx.external) {
    if (location.startsWith("/") || location.split("/").includes("..")) {
      const why = `it has weights in ${location}, outside its directory; export it again with its weights inside`;
      throw new BundleError(file, why);
    }
    const path = join(dirname(file), location);
    if (!existsSync(path)) {
      const why = `it has weights in ${location}, which is not beside it: copy that file there too`;
      throw new BundleError(file, why);
    }
    if (!realpathSync(path).startsWith(`${realpathSync(dirname(file))}/`)) {
      const why = `it has weights in ${location}, a link to a file outside its directory; copy the file itself`;
      throw new BundleError(file, why);
    }
  }
  return onnx;
}

async function readLabels(network: OnnxFacts, { labels: file }: ImportFlags): Promise<string[]> {
  if (file === undefined) {
    const names = namesOf(network);
    if (names !== undefined) return [...names];
    throw new BundleError("--labels", "the network's metadata has no names: give a file of labels");
  }
  const reading = await readText(file, file);
  if (reading.t === "refused") throw new BundleError(file, reading.problem.message);
  const labels = reading.text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());
  const empty = labels.indexOf("");
  if (empty >= 0)
    throw new BundleError(file, `line ${empty + 1} is empty; every class needs a label`);
  return labels;
}

/** The input that takes the frame. */
export interface Frame {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly channelsLast: boolean;
  /** The input takes bytes. */
  readonly isBytes: boolean;
}

/** Further inputs whose values follow from the frame's size: boxes shall be in pixels of the network's input. */
const FURTHER: Readonly<Record<string, (frame: Frame) => unknown>> = {
  orig_target_sizes: ({ width, height }) => [[width, height]],
  scale_factor: () => [[1, 1]],
  im_shape: ({ width, height }) => [[height, width]],
};
const TYPES: Readonly<Record<number, string>> = { 1: "FLOAT", 2: "UINT8", 10: "FLOAT16" };
const BYTES = 2;

function frameOf({ graph }: OnnxFacts, { size }: ImportFlags): Frame {
  const inputs = frameInputs(graph);
  const shown = describeOutputs(inputs);
  const own = inputs.filter(({ name }) => !Object.hasOwn(FURTHER, name));
  const [input] = own;
  if (input === undefined || own.length > 1) {
    const known = Object.keys(FURTHER).join(", ");
    const why = `it has ${inputs.length} inputs (${shown}); a detector has one, the frame, and perhaps ${known}`;
    throw new BundleError("inputs", why);
  }
  const { type, shape } = input;
  if (TYPES[type] === undefined) {
    const why = `its input ${input.name} has the type ${type} of onnx.proto; expected is one of ${Object.values(TYPES).join(", ")}`;
    throw new BundleError("inputs", why);
  }
  if (shape.length !== 3 && shape.length !== 4) {
    const why = `its input is ${shown}; expected are batch, channels, height and width`;
    throw new BundleError("inputs", why);
  }
  const [batch] = shape.length === 4 ? shape : [undefined];
  if (batch !== undefined && batch !== 1) {
    const why = `it takes exactly ${batch} frames at once (${shown}); export it with a batch of 1 or any`;
    throw new BundleError("inputs", why);
  }
  return { ...sizesOf(input, shown, size), name: input.name, isBytes: type === BYTES };
}

function sizesOf({ shape }: Value, shown: string, size: string | undefined) {
  const [first, second, third] = shape.slice(-3);
  const channelsLast = third === 3 && first !== 3;
  const channels = channelsLast ? third : first;
  if (channels !== undefined && channels !== 3) {
    const why = `its input is ${shown}, with ${channels} channels; an import wants 3: write the configuration of others by hand`;
    throw new BundleError("inputs", why);
  }
  const [height, width] = channelsLast ? [first, second] : [second, third];
  const given = size === undefined ? undefined : /^(\d+)x(\d+)$/.exec(size);
  if (given === null)
    throw new BundleError("--size", `${size} is not of the form WIDTHxHEIGHT, such as 640x640`);
  const [wantedWidth, wantedHeight] = [Number(given?.[1] ?? width), Number(given?.[2] ?? height)];
  if (!wantedWidth || !wantedHeight) {
    const why = `it takes frames of any size (${shown}), and nvinfer needs one: give --size, such as 640x640`;
    throw new BundleError("inputs", why);
  }
  if ((height ?? wantedHeight) !== wantedHeight || (width ?? wantedWidth) !== wantedWidth) {
    throw new BundleError("--size", `the network takes ${width}x${height} only`);
  }
  return { width: wantedWidth, height: wantedHeight, channelsLast };
}

function constantsOf({ graph }: OnnxFacts, frame: Frame): Record<string, unknown> {
  const further = frameInputs(graph).flatMap(({ name }) => {
    const value = FURTHER[name];
    return value === undefined ? [] : [[name, value(frame)] as const];
  });
  return Object.fromEntries(further);
}

function chooseFamily(
  { decoders: { families } }: Catalogue,
  network: OnnxFacts,
  { width, height }: Frame,
  labels: readonly string[],
  flags: ImportFlags,
): { readonly family: Family; readonly why: string } {
  const ids = families.map(({ id }) => id);
  const familyOf = (id: string) => {
    const family = families.find((one) => one.id === id);
    if (family !== undefined) return family;
    const hint = didYouMean(closest(id, ids)) || `; known are ${ids.join(", ")}`;
    const why = `there is no family ${id}${hint}`;
    throw new BundleError("--family", why);
  };
  if (flags.family !== undefined)
    return { family: familyOf(flags.family), why: "--family says so" };
  const found = findFamily({ network, classes: labels.length, width, height });
  switch (found.t) {
    case "family":
      return { family: familyOf(found.id), why: found.why };
    case "several": {
      const titles = found.ids.map((id) => `${id} (${familyOf(id).title})`).join(" or ");
      throw new BundleError("--family", `give it: the network may be ${titles}: ${found.why}`);
    }
    case "refused":
      throw new BundleError("network", found.why);
    default:
      return found satisfies never;
  }
}

const COLOURS: readonly Colour[] = ["rgb", "bgr"];
const FITS: readonly Fit[] = ["centre", "corner", "stretch"];

/** What the family says, unless an option says otherwise. What neither says is asked for, all of it at once. */
function choosePreparation(
  { decoders: { normalisations } }: Catalogue,
  family: Family,
  frame: Frame,
  flags: ImportFlags,
): Preparation {
  const lacking: string[] = [];
  const choose = <T extends string>(
    option: string,
    given: string | undefined,
    own: T | null,
    choices: readonly T[],
  ): T | undefined => {
    if (given === undefined) {
      if (own === null) lacking.push(`${option} ${choices.join("|")}`);
      return own ?? undefined;
    }
    const chosen = choices.find((one) => one === given);
    if (chosen === undefined)
      throw new BundleError(option, `${given} is none of ${choices.join(", ")}`);
    return chosen;
  };
  const ids = normalisations.map(({ id }) => id);
  // Who takes bytes normalises by himself.
  const own = frame.isBytes ? "0-255" : family.normalise;
  const id = choose("--normalise", flags.normalise, own, ids);
  const colour = choose("--colour", flags.colour, family.colour, COLOURS);
  const fit = choose("--fit", flags.fit, family.fit, FITS);
  const normalise = normalisations.find((one) => one.id === id);
  if (normalise === undefined || colour === undefined || fit === undefined) {
    const why = `the outputs show ${family.title}, and not how it was trained; give ${lacking.join(" and ")}`;
    throw new BundleError("options", why);
  }
  return { normalise, colour, fit };
}
