"""Writes a small network of a given form, for tests of slipstream model import.

    python test/networks/detector.py FILE '{"inputs": {...}, "outputs": {...}, "metadata": {...}, "external": "NAME"}'

Shapes are lists of numbers and names. Its outputs are zero, but for one box of class 1 in the middle of the frame if it
has one output of YOLOv8's form. All of them depend on the first input, and have its batch.
"""

import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

path, description = sys.argv[1:]
described = json.loads(description)
inputs = described.get("inputs", {"images": [1, 3, 64, 64]})
frame = next(iter(inputs))
whole = {"labels": TensorProto.INT64, "orig_target_sizes": TensorProto.INT64}


def value(name, shape):
    return helper.make_tensor_value_info(name, whole.get(name, TensorProto.FLOAT), shape)


nodes = [
    helper.make_node("GlobalMaxPool", [frame], ["most"]),
    helper.make_node("ReduceMax", ["most"], ["one"], axes=[1, 2, 3], keepdims=0),
    helper.make_node("Mul", ["one", "none"], ["zero"]),
]
weights = [numpy_helper.from_array(np.zeros(1, np.float32), "none")]
for name, shape in described["outputs"].items():
    numbers = [size if isinstance(size, int) else 1 for size in shape[1:]]
    content = np.zeros([1, *numbers], np.float32)
    if numbers[:1] == [6]:
        # Centre x and y, width, height, and two classes.
        content[0, :, 0] = 32, 32, 16, 16, 0, 0.9
    weights.append(numpy_helper.from_array(content, name + ":content"))
    weights.append(numpy_helper.from_array(np.array([-1] + [1] * len(numbers), np.int64), name + ":shape"))
    nodes.append(helper.make_node("Reshape", ["zero", name + ":shape"], [name + ":zero"]))
    nodes.append(helper.make_node("Add", [name + ":zero", name + ":content"], [name + ":single"]))
    nodes.append(helper.make_node("Cast", [name + ":single"], [name], to=whole.get(name, TensorProto.FLOAT)))
if "external" in described:
    weights[-2].ClearField("raw_data")
    weights[-2].data_location = TensorProto.EXTERNAL
    weights[-2].external_data.add(key="location", value=described["external"])
graph = helper.make_graph(
    nodes,
    "graph",
    [value(name, shape) for name, shape in inputs.items()],
    [value(name, shape) for name, shape in described["outputs"].items()],
    weights,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
helper.set_model_props(model, described.get("metadata", {}))
onnx.save(model, path)
