/** What TensorRT's ONNX parser would refuse of a network: operators, their forms, and types of numbers. */

import type { OnnxOperator, OnnxOperatorsFile, OnnxSpan } from "../../../common/catalogue/data.js";
import { compareReleases } from "../../../common/release-number.js";
import type { OnnxFacts } from "./onnx.js";
import type { Graph, Node } from "./onnx-graph.js";

/** One thing that is refused, and how many nodes have it. */
export interface Refusal {
  readonly code: "onnx-operator" | "onnx-type";
  /** The operator, or the type. */
  readonly what: string;
  /** Completes "TensorRT ...". */
  readonly why: string;
  /** What to do. */
  readonly cure: string;
  /** The first place; how many there are in all. */
  readonly where: string;
  readonly count: number;
}

/** tensorrt: such as 8.2.1. hasLibrary: a library of the bundle may bring operators of its own. */
export function refusals(
  network: OnnxFacts,
  tensorrt: string,
  table: OnnxOperatorsFile,
  hasLibrary: boolean,
): Refusal[] {
  const check = new Check(network, tensorrt, table, hasLibrary);
  return check.run();
}

const LONGEST_NAME = 60;

/** Where a name of a graph comes from: an operator, or nothing that can be known. */
type Source =
  | { readonly t: "constant"; readonly type: number }
  | { readonly t: "made"; readonly by: string };

class Check {
  readonly #network: OnnxFacts;
  readonly #release: string;
  readonly #operators: ReadonlyMap<string, OnnxOperator>;
  readonly #plugins: ReadonlyMap<string, OnnxSpan>;
  readonly #functions: ReadonlySet<string>;
  readonly #table: OnnxOperatorsFile;
  readonly #hasLibrary: boolean;
  readonly #found = new Map<string, Refusal>();

  constructor(network: OnnxFacts, tensorrt: string, table: OnnxOperatorsFile, hasLibrary: boolean) {
    this.#network = network;
    // 8.2.1 has the parser of 8.2.
    this.#release = tensorrt.split(".").slice(0, 2).join(".");
    this.#table = table;
    this.#operators = new Map(table.operators.map((one) => [one.name, one]));
    this.#plugins = new Map(table.plugins.map((one) => [one.name, one]));
    this.#functions = new Set(network.functions.map(({ name }) => name));
    this.#hasLibrary = hasLibrary;
  }

  run(): Refusal[] {
    const { graph, functions } = this.#network;
    this.#graph(graph, new Map());
    for (const one of functions) {
      // What a function is given, only its callers know.
      this.#nodes(one.nodes, new Map(), `function ${one.name}`);
    }
    const initializers = new Set(graph.initializers.map(({ name }) => name));
    for (const { name, type } of graph.inputs) {
      if (!initializers.has(name)) this.#type(type, "tensors", `input ${name}`);
    }
    for (const { name, type } of graph.outputs) this.#type(type, "tensors", `output ${name}`);
    return [...this.#found.values()];
  }

  /** outer: names of the graphs around this one. */
  #graph(graph: Graph, outer: ReadonlyMap<string, Source>): void {
    const known = new Map(outer);
    for (const { name } of graph.inputs) known.set(name, { t: "made", by: "" });
    for (const { name, type } of graph.initializers) {
      known.set(name, { t: "constant", type });
      this.#type(type, "weights", `initializer ${name}`);
    }
    this.#nodes(graph.nodes, known, "");
  }

  #nodes(nodes: readonly Node[], known: Map<string, Source>, inside: string): void {
    for (const node of nodes) {
      const source: Source = constant(node, known) ?? { t: "made", by: node.operator };
      for (const output of node.outputs) known.set(output, source);
    }
    for (const node of nodes) {
      this.#node(node, known, inside);
      for (const attribute of node.attributes.values()) {
        for (const graph of attribute.graphs) this.#graph(graph, known);
      }
    }
  }

  #node(node: Node, known: ReadonlyMap<string, Source>, inside: string): void {
    const { operator } = node;
    const where = placeOf(node, inside);
    const entry = this.#operators.get(operator);
    if (entry === undefined || !this.#has(entry)) {
      this.#missing(operator, entry, where);
      return;
    }
    for (const one of entry.constants ?? []) {
      const { opset } = this.#network;
      if (!this.#has(one) || opset < (one.opsetSince ?? 0) || opset > (one.opsetUntil ?? opset))
        continue;
      const name = node.inputs[one.input] ?? "";
      const source = known.get(name);
      if (name === "" || (one.unlessInput !== undefined && node.inputs[one.unlessInput])) continue;
      if (source?.t !== "made" || one.or?.includes(source.by)) continue;
      if (one.computed && source.by !== "") continue;
      const from = source.by === "" ? "an input" : `a ${source.by}`;
      const cast = source.by === "Cast" ? " (models/fold_casts.py does it for a Cast)" : "";
      this.#refuse({
        code: "onnx-operator",
        what: operator,
        why: `takes the ${one.name} of ${operator} from an initializer${one.computed ? " or a node" : ""} only${this.#span(one)}, and here it comes from ${from}`,
        cure: `fold it into an initializer${cast}`,
        where,
      });
    }
    for (const one of entry.weights ?? []) {
      const source = known.get(node.inputs[one.input] ?? "");
      if (!this.#has(one) || source?.t !== "constant") continue;
      const type = this.#table.types.find(({ code }) => code === source.type)?.name ?? "";
      if (!one.types.includes(type)) continue;
      this.#refuse({
        code: "onnx-operator",
        what: operator,
        why: `takes no ${type} constant as ${one.name} of ${operator}${this.#span(one)}`,
        cure: "keep FLOAT weights, with a QuantizeLinear in front of it",
        where,
      });
    }
    for (const one of entry.bodyInputs ?? []) {
      const body = node.attributes.get("body")?.graphs[0];
      const name = body?.inputs[one.input]?.name;
      const isRead = body?.nodes.some(({ inputs }) => inputs.some((input) => input === name));
      if (node.inputs[one.input] || !isRead) continue;
      this.#refuse({
        code: "onnx-operator",
        what: operator,
        why: `has no ${one.name} in the body of a ${operator} that is given none as input ${one.input}`,
        cure: "give it one",
        where,
      });
    }
    for (const one of entry.attributes ?? []) {
      const values = node.attributes.get(one.name)?.values;
      if (!this.#has(one) || values === undefined) continue;
      const wrong = values.find((value) => !one.allowed.includes(value));
      if (wrong === undefined && one.allowed.length > 0) continue;
      const said = wrong === undefined ? one.name : `${one.name} ${wrong}`;
      const allowed = one.allowed.length > 0 ? `, only ${one.allowed.join(", ")}` : "";
      this.#refuse({
        code: "onnx-operator",
        what: operator,
        why: one.ignored
          ? `passes over ${said} of ${operator}${this.#span(one)} and gives wrong results`
          : `knows no ${operator} with ${said}${allowed}${this.#span(one)}`,
        cure: "export the network without it",
        where,
      });
    }
    const outputs = node.outputs.filter((name) => name !== "").length;
    if (entry.outputs !== undefined && outputs > entry.outputs) {
      this.#refuse({
        code: "onnx-operator",
        what: operator,
        why: `gives ${entry.outputs} output of ${operator}, and here are ${outputs}`,
        cure: "export the network without the others",
        where,
      });
    }
    const target = node.attributes.get("to")?.values[0];
    if (operator === "Cast" && typeof target === "number") this.#type(target, "tensors", where);
    const tensor = node.attributes.get("value")?.tensor;
    if (tensor !== undefined) this.#type(tensor, "weights", where);
  }

  #missing(operator: string, entry: OnnxOperator | undefined, where: string): void {
    if (this.#functions.has(operator)) {
      if (compareReleases(this.#release, this.#table.functionsSince) >= 0) return;
      this.#refuse({
        code: "onnx-operator",
        what: operator,
        why: `reads functions of the file from ${this.#table.functionsSince}, and ${operator} is one`,
        cure: "inline the functions when exporting",
        where,
      });
      return;
    }
    const plugin = this.#plugins.get(operator);
    if ((plugin !== undefined && this.#has(plugin)) || this.#hasLibrary) return;
    const later = entry ?? plugin;
    const span = later === undefined ? "" : `; others have it (${describe(later)})`;
    this.#refuse({
      code: "onnx-operator",
      what: operator,
      why: `has no operator ${operator} and no plugin of that name${span}`,
      cure: "export the network without it, or name the library that has it in custom-lib-path",
      where,
    });
  }

  #type(code: number, use: "tensors" | "weights", where: string): void {
    const type = this.#table.types.find((one) => one.code === code);
    const since = type?.[use];
    if (code === 0 || (since != null && compareReleases(this.#release, since) >= 0)) return;
    const name = type?.name ?? `type ${code}`;
    const later = since == null ? "" : `; it has from ${since}`;
    this.#refuse({
      code: "onnx-type",
      what: name,
      why: `has no ${name} for ${use === "tensors" ? "inputs, outputs and Cast" : "weights"}${later}`,
      cure: "export the network with another type, such as FLOAT",
      where,
    });
  }

  #has(span: OnnxSpan): boolean {
    const { since, until } = span;
    if (since !== undefined && compareReleases(this.#release, since) < 0) return false;
    return until == null || compareReleases(this.#release, until) <= 0;
  }

  #span({ until }: OnnxSpan): string {
    return until == null ? "" : ` up to ${until}`;
  }

  #refuse(one: Omit<Refusal, "count">): void {
    const key = `${one.code} ${one.why}`;
    const first = this.#found.get(key);
    this.#found.set(key, { ...(first ?? one), count: (first?.count ?? 0) + 1 });
  }
}

/** The parser keeps these as weights; of everything else that a node gives it makes a tensor. */
function constant(node: Node, known: ReadonlyMap<string, Source>): Source | undefined {
  if (node.operator === "Constant")
    return { t: "constant", type: node.attributes.get("value")?.tensor ?? 0 };
  const source = known.get(node.inputs[0] ?? "");
  return node.operator === "Transpose" && source?.t === "constant" ? source : undefined;
}

function placeOf({ name, outputs }: Node, inside: string): string {
  const node =
    name === "" ? `the node of ${shown(outputs[0] ?? "no output")}` : `node ${shown(name)}`;
  return inside === "" ? node : `${node} of ${inside}`;
}

/** Exporters join the names of all that they merged. */
function shown(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name;
}

function describe({ since, until }: OnnxSpan): string {
  return until == null ? `from ${since}` : `${since} to ${until}`;
}
