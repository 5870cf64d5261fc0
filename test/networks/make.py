"""Makes networks.json: small networks, each with one thing that a TensorRT does not take, or only just takes.

    python test/networks/make.py

"refused" says up to which release of TensorRT the parser refuses a network, by hand and from its sources, and what
should be told: CODE and operator or type. Both halves are held against it, and against what parsers really said,
verdicts.json. A network whose bytes change loses its verdicts there.
"""

import base64
import json
import os
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
ALWAYS = "always"

PICTURE = [1, 3, 8, 8]


def value(name: str, shape: Optional[Sequence[Any]], kind: int = FLOAT) -> onnx.ValueInfoProto:
    """shape None: of an output, which no parser compares with what it works out."""
    return helper.make_tensor_value_info(name, kind, ["any"] if shape is None else shape)


def tensor(name: str, values: Any, kind: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


def network(
    nodes: List[onnx.NodeProto],
    initializers: Sequence[onnx.TensorProto] = (),
    inputs: Optional[List[onnx.ValueInfoProto]] = None,
    outputs: Optional[List[onnx.ValueInfoProto]] = None,
    opset: int = 13,
    functions: Sequence[onnx.FunctionProto] = (),
    domains: Sequence[str] = (),
    checked: bool = True,
) -> bytes:
    graph = helper.make_graph(
        nodes, "graph", inputs or [value("in", PICTURE)], outputs or [value("out", None)], list(initializers)
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, functions=list(functions))
    if checked:
        onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


KERNEL = np.zeros((4, 3, 1, 1))
NODE = helper.make_node


def convolution(cast_weights: bool, cast_bias: bool, **attributes: Any) -> bytes:
    nodes, initializers = [], []
    for name, values, cast in (("w", KERNEL, cast_weights), ("b", np.zeros(4), cast_bias)):
        initializers.append(tensor(name + "_half" if cast else name, values, np.float16 if cast else np.float32))
        if cast:
            nodes.append(NODE("Cast", [name + "_half"], [name], to=FLOAT))
    return network([*nodes, NODE("Conv", ["in", "w", "b"], ["out"], name="first", **attributes)], initializers)


def branch(name: str, *nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), name, [], [value(name + "_out", None)])


def condition(then: onnx.GraphProto, otherwise: onnx.GraphProto) -> bytes:
    return network(
        [NODE("If", ["yes"], ["out"], then_branch=then, else_branch=otherwise)],
        inputs=[value("yes", [], TensorProto.BOOL), value("in", PICTURE)],
    )


def loop(condition: str) -> bytes:
    body = helper.make_graph(
        [NODE("Identity", ["go"], ["still"]), NODE("Add", ["sum", "one"], ["more"])],
        "body",
        [value("step", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("sum", [1])],
        [value("still", [], TensorProto.BOOL), value("more", [1])],
    )
    return network(
        [NODE("Loop", ["count", condition, "in"], ["out"], body=body)],
        [tensor("count", 3, np.int64), tensor("one", [1]), *([tensor(condition, True, np.bool_)] if condition else [])],
        [value("in", [1])],
    )


def nms(threshold: bool) -> bytes:
    fixed = [tensor("most", [10], np.int64), tensor("iou", [0.5]), tensor("score", [0.2])]
    inputs = [value("boxes", [1, 8, 4]), value("scores", [1, 2, 8])]
    return network(
        [NODE("NonMaxSuppression", ["boxes", "scores", "most", "iou", "score"], ["out"])],
        fixed if threshold else [fixed[0], fixed[2]],
        inputs if threshold else [*inputs, value("iou", [1])],
        [value("out", None, TensorProto.INT64)],
    )


def resize(scales: bool = True, opset: int = 13, **attributes: Any) -> bytes:
    initializers = [tensor("scales", [1, 1, 2, 2])] if scales else []
    inputs = [value("in", PICTURE)] + ([] if scales else [value("scales", [4])])
    ins = ["in", "scales"] if opset == 10 else ["in", "", "scales"]
    return network([NODE("Resize", ins, ["out"], name="up", **attributes)], initializers, inputs, opset=opset)


def function() -> bytes:
    double = helper.make_function(
        "local", "Double", ["x"], ["y"], [NODE("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    node = NODE("Double", ["in"], ["out"], domain="local")
    return network([node], opset=17, functions=[double], domains=["local"])


def cases() -> List[Dict[str, Any]]:
    made: List[Dict[str, Any]] = []

    def add(name: str, data: bytes, until: Optional[str] = None, *told: str) -> None:
        refused = None if until is None else {"until": until, "told": list(told)}
        made.append({"name": name, "refused": refused, "onnx": base64.b64encode(data).decode()})

    int64, uint8 = TensorProto.INT64, TensorProto.UINT8
    any_batch = [value("in", ["batch", *PICTURE[1:]])]
    add("any number of pictures", network([NODE("Relu", ["in"], ["out"])], inputs=any_batch))
    add("a convolution with weights and bias", convolution(False, False))
    add("weights behind a Cast", convolution(True, False), "8.4", "onnx-operator Conv")
    add("a bias behind a Cast", convolution(False, True), "8.4", "onnx-operator Conv")
    add("both behind a Cast", convolution(True, True), "8.4", "onnx-operator Conv", "onnx-operator Conv")
    add(
        "weights behind a Transpose, which the parser works out",
        network(
            [NODE("Transpose", ["t"], ["w"], perm=[3, 2, 0, 1]), NODE("Conv", ["in", "w"], ["out"])],
            [tensor("t", np.zeros((1, 1, 4, 3)).transpose(0, 1, 3, 2))],
        ),
    )
    add(
        "weights that are quantised",
        network(
            [NODE("DequantizeLinear", ["q", "s", "z"], ["w"]), NODE("Conv", ["in", "w"], ["out"])],
            [tensor("q", KERNEL, np.int8), tensor("s", 0.1), tensor("z", 0, np.int8)],
        ),
        "8.4",
        "onnx-operator DequantizeLinear",
    )
    add(
        "NonZero",
        network([NODE("NonZero", ["in"], ["out"])], outputs=[value("out", None, int64)]),
        "8.4",
        "onnx-operator NonZero",
    )
    add("NonMaxSuppression", nms(True))
    add("NonMaxSuppression with a threshold that is an input", nms(False), "8.4", "onnx-operator NonMaxSuppression")
    add("Resize, linear", resize(mode="linear", coordinate_transformation_mode="half_pixel"))
    add("Resize of operator set 10", resize(opset=10, mode="nearest"))
    add("Resize, cubic", resize(mode="cubic"), "8.4", "onnx-operator Resize")
    add("Resize with scales that are an input", resize(scales=False, mode="nearest"), ALWAYS, "onnx-operator Resize")
    add(
        "Resize that crops",
        network(
            [NODE("Resize", ["in", "roi", "scales"], ["out"], coordinate_transformation_mode="tf_crop_and_resize")],
            [tensor("roi", [0] * 8), tensor("scales", [1, 1, 2, 2])],
        ),
        ALWAYS,
        "onnx-operator Resize",
    )
    add(
        "MaxPool with indices",
        network(
            [NODE("MaxPool", ["in"], ["out", "where"], kernel_shape=[2, 2])],
            outputs=[value("out", None), value("where", None, int64)],
        ),
        ALWAYS,
        "onnx-operator MaxPool",
    )
    add(
        "MaxPool with dilations",
        network([NODE("MaxPool", ["in"], ["out"], kernel_shape=[2, 2], dilations=[2, 2])]),
        ALWAYS,
        "onnx-operator MaxPool",
    )
    add(
        "MaxPool with dilations of one",
        network([NODE("MaxPool", ["in"], ["out"], kernel_shape=[2, 2], dilations=[1, 1])]),
    )
    add("HardSwish", network([NODE("HardSwish", ["in"], ["out"])], opset=14), "8.2", "onnx-operator HardSwish")
    add(
        "LayerNormalization",
        network([NODE("LayerNormalization", ["in", "s"], ["out"])], [tensor("s", np.ones(8))], opset=17),
        "8.5",
        "onnx-operator LayerNormalization",
    )
    add(
        "GridSample",
        network([NODE("GridSample", ["in", "grid"], ["out"])], [tensor("grid", np.zeros((1, 2, 2, 2)))], opset=16),
        "8.4",
        "onnx-operator GridSample",
    )
    add(
        "DeformConv",
        network(
            [NODE("DeformConv", ["in", "w", "o"], ["out"])],
            [tensor("w", KERNEL), tensor("o", np.zeros((1, 2, 8, 8)))],
            opset=19,
        ),
        "10.0",
        "onnx-operator DeformConv",
    )
    add(
        "HannWindow",
        network([NODE("HannWindow", ["n"], ["out"])], [tensor("n", 8, np.int64)], opset=17),
        "10.3",
        "onnx-operator HannWindow",
    )
    add(
        "Attention",
        network([NODE("Attention", ["in", "in", "in"], ["out"])], opset=23),
        "10.13",
        "onnx-operator Attention",
    )
    add(
        "MatMulInteger",
        network(
            [NODE("MatMulInteger", ["a", "b"], ["out"])],
            [tensor("b", np.zeros((4, 4)), np.int8)],
            [value("a", [4, 4], TensorProto.INT8)],
            [value("out", None, TensorProto.INT32)],
        ),
        ALWAYS,
        "onnx-operator MatMulInteger",
    )
    add(
        "bytes as input",
        network([NODE("Cast", ["in"], ["out"], to=FLOAT)], inputs=[value("in", PICTURE, uint8)]),
        "8.4",
        "onnx-type UINT8",
    )
    add(
        "DOUBLE as input",
        network([NODE("Cast", ["in"], ["out"], to=FLOAT)], inputs=[value("in", PICTURE, TensorProto.DOUBLE)]),
    )
    add(
        "INT16 as weights",
        network([NODE("Cast", ["n"], ["out"], to=FLOAT)], [tensor("n", [1], np.int16)]),
        ALWAYS,
        "onnx-type INT16",
    )
    add(
        "INT16 of a Constant",
        network(
            [NODE("Constant", [], ["n"], value=tensor("n", [1], np.int16)), NODE("Cast", ["n"], ["out"], to=FLOAT)]
        ),
        ALWAYS,
        "onnx-type INT16",
    )
    add(
        "a Cast to BFLOAT16",
        network(
            [NODE("Cast", ["in"], ["b"], to=TensorProto.BFLOAT16), NODE("Cast", ["b"], ["out"], to=FLOAT)],
        ),
        "8.6",
        "onnx-type BFLOAT16",
    )
    add("a Loop that is given no condition", loop(""), ALWAYS, "onnx-operator Loop")
    add(
        "If",
        condition(branch("a", NODE("Relu", ["in"], ["a_out"])), branch("b", NODE("Sigmoid", ["in"], ["b_out"]))),
    )
    add(
        "an operator inside an If inside an If",
        nested(),
        "8.6",
        "onnx-operator Mish",
    )
    add("a function of the file", function(), "8.6", "onnx-operator Double")
    add(
        "a plugin of TensorRT",
        network(
            [
                NODE(
                    "EfficientNMS_TRT",
                    ["boxes", "scores"],
                    ["out", "corners", "best", "classes"],
                    plugin_version="1",
                    score_threshold=0.25,
                    iou_threshold=0.5,
                    max_output_boxes=10,
                    background_class=-1,
                    score_activation=0,
                    class_agnostic=0,
                    box_coding=0,
                )
            ],
            inputs=[value("boxes", [1, 8, 4]), value("scores", [1, 8, 2])],
            outputs=[
                value("out", None, TensorProto.INT32),
                value("corners", None),
                value("best", None),
                value("classes", None, TensorProto.INT32),
            ],
            checked=False,
        ),
    )
    add(
        "an operator that is none",
        network([NODE("Polish", ["in"], ["out"], name="p")], checked=False),
        ALWAYS,
        "onnx-operator Polish",
    )
    add(
        "TopK of a number that is an input",
        network(
            [NODE("TopK", ["in", "k"], ["out", "where"])],
            inputs=[value("in", PICTURE), value("k", [1], int64)],
            outputs=[value("out", None), value("where", None, int64)],
        ),
        "8.5",
        "onnx-operator TopK",
    )
    add(
        "Unsqueeze with axes of a Constant",
        network(
            [
                NODE("Constant", [], ["axes"], value=tensor("axes", [0], np.int64)),
                NODE("Unsqueeze", ["in", "axes"], ["out"]),
            ]
        ),
    )
    add(
        "Slice along axes that are an input",
        network(
            [NODE("Slice", ["in", "from", "to", "axes"], ["out"])],
            [tensor("from", [0], np.int64), tensor("to", [1], np.int64)],
            [value("in", PICTURE), value("axes", [1], int64)],
        ),
        "10.2",
        "onnx-operator Slice",
    )
    add(
        "InstanceNormalization with a scale that is an input",
        network(
            [NODE("InstanceNormalization", ["in", "s", "b"], ["out"])],
            [tensor("b", np.zeros(3))],
            [value("in", PICTURE), value("s", [3])],
        ),
        "8.5",
        "onnx-operator InstanceNormalization",
    )
    add(
        "ScatterElements that adds",
        network(
            [NODE("ScatterElements", ["in", "i", "u"], ["out"], reduction="add")],
            [tensor("i", np.zeros((1, 1, 1, 1)), np.int64), tensor("u", np.zeros((1, 1, 1, 1)))],
            opset=16,
        ),
        "9.3",
        "onnx-operator ScatterElements",
    )
    add(
        "weights behind a Cast, with the kernel's shape",
        convolution(True, False, kernel_shape=[1, 1]),
        "8.4",
        "onnx-operator Conv",
    )
    add(
        "weights that are quantised by the network",
        network(
            [
                NODE("QuantizeLinear", ["f", "s", "z"], ["q"]),
                NODE("DequantizeLinear", ["q", "s", "z"], ["w"]),
                NODE("Conv", ["in", "w"], ["out"]),
            ],
            [tensor("f", KERNEL), tensor("s", 0.1), tensor("z", 0, np.int8)],
        ),
    )
    add(
        "Resize with scales that a node gives",
        network(
            [NODE("Mul", ["half", "four"], ["scales"]), NODE("Resize", ["in", "", "scales"], ["out"], mode="nearest")],
            [tensor("half", [0.5] * 4), tensor("four", [2, 2, 4, 4])],
        ),
        "8.2",
        "onnx-operator Resize",
    )
    add("a Loop that is given its condition", loop("yes"))
    return made


def nested() -> bytes:
    """An operator of set 18 two graphs deep."""
    inner = [branch("c", NODE("Mish", ["in"], ["c_out"], name="deep")), branch("d", NODE("Relu", ["in"], ["d_out"]))]
    outer = branch("a", NODE("If", ["yes"], ["a_out"], then_branch=inner[0], else_branch=inner[1]))
    other = branch("b", NODE("Sigmoid", ["in"], ["b_out"]))
    return network(
        [NODE("If", ["yes"], ["out"], then_branch=outer, else_branch=other)],
        inputs=[value("yes", [], TensorProto.BOOL), value("in", PICTURE)],
        opset=18,
    )


def main() -> None:
    with open(os.path.join(HERE, "networks.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(one) for one in cases()) + "\n]\n")


if __name__ == "__main__":
    main()
