"""Lets a network that was exported for one picture at a time take any number: nvinfer batches the cameras.

Three places say the batch in numbers: the shapes of inputs and outputs, the targets of Reshape, the sizes of Resize. A
Reshape may copy the batch instead (0), a Resize may be told factors instead of sizes; nothing else changes.

    python models/any_batch.py one.onnx any.onnx
"""

import sys
from typing import Dict

import numpy as np
import onnx
from onnx import numpy_helper

BATCH = "batch"


def take_any_batch(model: onnx.ModelProto) -> None:
    """Changes a model in place. Raises ValueError where a Resize has no known input size."""
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    shapes = _shapes(onnx.shape_inference.infer_shapes(model))
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[0] not in constants:
            target = constants[node.input[1]]
            if target[0] == 1:
                node.input[1] = _constant(graph, node.output[0] + ":shape", np.array([0, *target[1:]], np.int64))
        elif node.op_type == "Resize" and len(node.input) == 4:
            before = shapes.get(node.input[0])
            if before is None:
                raise ValueError("the size of %s, which is resized, is not known" % node.input[0])
            factors = constants[node.input[3]] / np.array(before)
            scales = _constant(graph, node.output[0] + ":scales", factors.astype(np.float32))
            del node.input[2:]
            node.input.append(scales)
    # Shapes in between were worked out for a batch of one.
    del graph.value_info[:]
    used = {name for node in graph.node for name in node.input}
    for unused in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(unused)


def _shapes(model: onnx.ModelProto) -> Dict[str, tuple]:
    known = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    return {one.name: tuple(dim.dim_value for dim in one.type.tensor_type.shape.dim) for one in known}


def _constant(graph: onnx.GraphProto, name: str, values: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def main() -> None:
    source, target = sys.argv[1:]
    model = onnx.load(source)
    take_any_batch(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


if __name__ == "__main__":
    main()
