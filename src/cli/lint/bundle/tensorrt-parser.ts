/** What TensorRT's ONNX parser refuses in a network: operators, their forms, and data types. */

import type { OnnxOperator, OnnxOperatorsFile, OnnxSpan } from "../../../common/catalogue/data.js";
import { compareReleases } from "../../../common/release-number.js";
import type { Graph, Node, OnnxFacts } from "./onnx.js";

/** One reason to refuse the network, however many nodes have it. */
export interface ParserRefusal {
  readonly code: "onnx-operator" | "onnx-type";
  /** The operator, or the data type. */
  readonly what: string;
  /** Completes "TensorRT ...". */
  readonly why: string;
  readonly remedy: string;
  /** The first place that has it. */
  readonly where: string;
  readonly count: number;
}

/** tensorrt: such as 8.2.1. hasLibrary: a library of the bundle may bring operators of its own. */
export function parserRefusals(
  network: OnnxFacts,
  tensorrt: string,
  table: OnnxOperatorsFile,
  hasLibrary: boolean,
): ParserRefusal[] {
  return new ParserCheck(network, tensorrt, table, hasLibrary).run();
}

/** Where a name of a graph gets its value: by is the operator; empty for an input, whose value nobody knows. */
type Source =
  | { readonly t: "constant"; readonly type: number }
  | { readonly t: "computed"; readonly by: string };

class ParserCheck {
  readonly #network: OnnxFacts;
  readonly #release: string;
  readonly #operators: ReadonlyMap<string, OnnxOperator>;
  readonly #plugins: ReadonlyMap<string, OnnxSpan>;
  readonly #functions: ReadonlySet<string>;
  readonly #table: OnnxOperatorsFile;
  readonly #hasLibrary: boolean;
  readonly #found = new Map<string, ParserRefusal>();

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

  run(): ParserRefusal[] {
    const { graph, functions } = this.#network;
    this.#checkGraph(graph, new Map());
    for (const one of functions) {
      // Only the callers of a function know its inputs.
      this.#checkNodes(one.nodes, new Map(), `function ${one.name}`);
    }
    const initializers = new Set(graph.initializers.map(({ name }) => name));
    for (const { name, type } of graph.inputs) {
      if (!initializers.has(name)) this.#checkType(type, "tensors", `input ${name}`);
    }
    for (const { name, type } of graph.outputs) this.#checkType(type, "tensors", `output ${name}`);
    return [...this.#found.values()];
  }

  /** outer: names of the graphs around this one. */
  #checkGraph(graph: Graph, outer: ReadonlyMap<string, Source>): void {
    const known = new Map(outer);
    for (const { name } of graph.inputs) known.set(name, { t: "computed", by: "" });
    for (const { name, type } of graph.initializers) {
      known.set(name, { t: "constant", type });
      this.#checkType(type, "weights", `initializer ${name}`);
    }
    this.#checkNodes(graph.nodes, known, "");
  }

  #checkNodes(nodes: readonly Node[], known: Map<string, Source>, inside: string): void {
    for (const node of nodes) {
      const source: Source = constantOf(node, known) ?? { t: "computed", by: node.operator };
      for (const output of node.outputs) known.set(output, source);
    }
    for (const node of nodes) {
      this.#checkNode(node, known, inside);
      for (const attribute of node.attributes.values()) {
        for (const graph of attribute.graphs) this.#checkGraph(graph, known);
      }
    }
  }

  #checkNode(node: Node, known: ReadonlyMap<string, Source>, inside: string): void {
    const { operator } = node;
    const where = describeNode(node, inside);
    const refuse = (why: string, remedy: string) =>
      this.#refuse({ code: "onnx-operator", what: operator, why, remedy, where });
    const entry = this.#operators.get(operator);
    if (entry === undefined || !this.#isSupported(entry)) {
      this.#checkUnknown(operator, entry, refuse);
      return;
    }
    for (const one of entry.constants ?? []) {
      const { opset } = this.#network;
      const name = node.inputs[one.input] ?? "";
      const source = known.get(name);
      const applies =
        this.#isSupported(one) &&
        opset >= (one.opsetSince ?? 0) &&
        opset <= (one.opsetUntil ?? opset) &&
        name !== "" &&
        (one.unlessInput === undefined || !node.inputs[one.unlessInput]);
      if (!applies || source?.t !== "computed" || one.or?.includes(source.by)) continue;
      if (one.computed && source.by !== "") continue;
      const from = source.by === "" ? "an input" : `a ${source.by}`;
      const cast = source.by === "Cast" ? " (models/fold_casts.py does it for a Cast)" : "";
      refuse(
        `takes the ${one.name} of ${operator} from an initializer${one.computed ? " or a node" : ""} only${upTo(one)}, and here it comes from ${from}`,
        `fold it into an initializer${cast}`,
      );
    }
    for (const one of entry.weights ?? []) {
      const source = known.get(node.inputs[one.input] ?? "");
      if (!this.#isSupported(one) || source?.t !== "constant") continue;
      const type = this.#table.types.find(({ code }) => code === source.type)?.name ?? "";
      if (!one.types.includes(type)) continue;
      refuse(
        `takes no ${type} constant as ${one.name} of ${operator}${upTo(one)}`,
        "keep FLOAT weights, with a QuantizeLinear in front of it",
      );
    }
    for (const one of entry.bodyInputs ?? []) {
      const body = node.attributes.get("body")?.graphs[0];
      const name = body?.inputs[one.input]?.name;
      const isRead = body?.nodes.some(({ inputs }) => inputs.some((input) => input === name));
      if (node.inputs[one.input] || !isRead) continue;
      refuse(
        `has no ${one.name} in the body of a ${operator} that is given none as input ${one.input}`,
        "give it one",
      );
    }
    for (const one of entry.attributes ?? []) {
      const values = node.attributes.get(one.name)?.values;
      if (!this.#isSupported(one) || values === undefined) continue;
      const wrong = values.find((value) => !one.allowed.includes(value));
      if (wrong === undefined && one.allowed.length > 0) continue;
      const attribute = wrong === undefined ? one.name : `${one.name} ${wrong}`;
      const allowed = one.allowed.length > 0 ? `, only ${one.allowed.join(", ")}` : "";
      refuse(
        one.ignored
          ? `ignores ${attribute} of ${operator}${upTo(one)} and gives wrong results`
          : `supports no ${operator} with ${attribute}${allowed}${upTo(one)}`,
        "export the network without it",
      );
    }
    const outputs = node.outputs.filter((name) => name !== "").length;
    if (entry.outputs !== undefined && outputs > entry.outputs) {
      refuse(
        `gives ${entry.outputs} output of ${operator}, and here are ${outputs}`,
        "export the network without the others",
      );
    }
    const target = node.attributes.get("to")?.values[0];
    if (operator === "Cast" && typeof target === "number") {
      this.#checkType(target, "tensors", where);
    }
    const tensor = node.attributes.get("value")?.tensor?.type;
    if (tensor !== undefined) this.#checkType(tensor, "weights", where);
  }

  /** An operator that this release does not have: a function of the file, a plugin, or one of a library may stand in. */
  #checkUnknown(
    operator: string,
    entry: OnnxOperator | undefined,
    refuse: (why: string, remedy: string) => void,
  ): void {
    if (this.#functions.has(operator)) {
      const { functionsSince } = this.#table;
      if (compareReleases(this.#release, functionsSince) >= 0) return;
      refuse(
        `reads functions of the file from ${functionsSince}, and ${operator} is one`,
        "inline the functions when exporting",
      );
      return;
    }
    const plugin = this.#plugins.get(operator);
    if ((plugin !== undefined && this.#isSupported(plugin)) || this.#hasLibrary) return;
    const { since, until } = entry ?? plugin ?? {};
    const span = until == null ? `from ${since}` : `${since} to ${until}`;
    const others = (entry ?? plugin) === undefined ? "" : `; other releases have it (${span})`;
    refuse(
      `has no operator ${operator} and no plugin of that name${others}`,
      "export the network without it, or name the library that has it in custom-lib-path",
    );
  }

  #checkType(code: number, use: "tensors" | "weights", where: string): void {
    const type = this.#table.types.find((one) => one.code === code);
    const since = type?.[use];
    if (code === 0 || (since != null && compareReleases(this.#release, since) >= 0)) return;
    const what = type?.name ?? `type ${code}`;
    const later = since == null ? "" : `; supported from ${since}`;
    const purpose = use === "tensors" ? "inputs, outputs and Cast" : "weights";
    const why = `has no ${what} for ${purpose}${later}`;
    const remedy = "export the network with another type, such as FLOAT";
    this.#refuse({ code: "onnx-type", what, why, remedy, where });
  }

  #isSupported({ since, until }: OnnxSpan): boolean {
    if (since !== undefined && compareReleases(this.#release, since) < 0) return false;
    return until == null || compareReleases(this.#release, until) <= 0;
  }

  #refuse(one: Omit<ParserRefusal, "count">): void {
    const key = `${one.code} ${one.why}`;
    const first = this.#found.get(key);
    this.#found.set(key, { ...(first ?? one), count: (first?.count ?? 0) + 1 });
  }
}

/** The parser keeps these as weights; of everything else that a node gives it makes a tensor. */
function constantOf(node: Node, known: ReadonlyMap<string, Source>): Source | undefined {
  if (node.operator === "Constant")
    return { t: "constant", type: node.attributes.get("value")?.tensor?.type ?? 0 };
  const source = known.get(node.inputs[0] ?? "");
  return node.operator === "Transpose" && source?.t === "constant" ? source : undefined;
}

function upTo({ until }: OnnxSpan): string {
  return until == null ? "" : ` up to ${until}`;
}

/** A node without a name is named by its first output. */
function describeNode({ name, outputs: [output = "no output"] }: Node, inside: string): string {
  const node = name === "" ? `the node of ${shorten(output)}` : `node ${shorten(name)}`;
  return inside === "" ? node : `${node} of ${inside}`;
}

const LONGEST_NAME = 60;

/** Exporters join the names of everything that they merged. */
function shorten(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name;
}
