import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NETWORKS, network } from "../corpus/networks.js";
import { OnnxError, type OnnxFacts, readOnnx } from "./onnx.js";

function read(bytes: Buffer): OnnxFacts {
  return readOnnx((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
}

function field(number: number, content: Buffer): Buffer {
  const varint: number[] = [];
  let rest = content.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) varint.push((rest % 0x80) | 0x80);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint, rest]), content]);
}

/** A file of one graph. */
function file(graph: Buffer): Buffer {
  return Buffer.concat([field(7, graph), field(8, Buffer.from([0x10, 13]))]);
}

describe("an ONNX file", () => {
  it("is read with its nodes, their inputs and their attributes", () => {
    const { opset, graph } = read(network("Resize, cubic"));
    assert.equal(opset, 13);
    const [node] = graph.nodes;
    assert.deepEqual(
      [node?.operator, node?.name, node?.inputs, node?.outputs],
      ["Resize", "up", ["in", "", "scales"], ["out"]],
    );
    assert.deepEqual(node?.attributes.get("mode")?.values, ["cubic"]);
    assert.deepEqual(graph.initializers, [{ name: "scales", type: 1 }]);
  });

  it("is read with the graphs inside its nodes and with its functions", () => {
    const inner = read(network("a Loop that is given no condition")).graph.nodes[0]?.attributes.get(
      "body",
    )?.graphs[0];
    assert.deepEqual(
      inner?.nodes.map(({ operator }) => operator),
      ["Identity", "Add"],
    );
    const [double] = read(network("a function of the file")).functions;
    assert.deepEqual([double?.name, double?.inputs], ["Double", ["x"]]);
  });

  it("may have packed numbers", () => {
    // NodeProto.attribute { name: "dilations", ints: [2, 300] (packed) }
    const ints = field(8, Buffer.from([2, 0xac, 2]));
    const attribute = Buffer.concat([field(1, Buffer.from("dilations")), ints]);
    const { graph } = read(file(field(1, field(5, attribute))));
    assert.deepEqual(graph.nodes[0]?.attributes.get("dilations")?.values, [2, 300]);
  });

  it("is refused if its graphs are nested without end", () => {
    let graph: Buffer = Buffer.alloc(0);
    for (let depth = 0; depth < 100; depth++) graph = field(1, field(5, field(6, graph)));
    assert.throws(() => read(file(graph)), /more than 16 deep/);
  });

  it("is refused with more nodes, parts or text than a network has", () => {
    assert.throws(() => read(file(Buffer.alloc(400_000, field(1, Buffer.alloc(0))))), /nodes/);
    assert.throws(() => read(file(Buffer.alloc(3_000_000, Buffer.from([0x68, 1])))), /parts/);
    const name = field(1, field(3, Buffer.alloc(20_000, "a")));
    assert.throws(() => read(file(name)), /longer names/);
    const names = Buffer.alloc(70_000_000, field(1, field(3, Buffer.alloc(16_000, "a"))));
    assert.throws(() => read(file(names)), OnnxError);
  });

  it("is refused without a graph", () => {
    assert.throws(() => read(field(8, Buffer.from([0x10, 13]))), /no graph/);
  });

  it("yields either facts or a reason, with any byte damaged or the end missing", () => {
    for (const { onnx } of NETWORKS) {
      const bytes = Buffer.from(onnx, "base64");
      for (let i = 0; i < bytes.length; i++) {
        const damaged = Buffer.from(bytes);
        damaged[i] = 0xff;
        for (const each of [bytes.subarray(0, i), damaged]) {
          try {
            read(each);
          } catch (error) {
            assert.ok(error instanceof OnnxError, String(error));
          }
        }
      }
    }
  });
});
