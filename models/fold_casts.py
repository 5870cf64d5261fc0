"""Keeps a network's weights as its operators use them: an initializer behind a Cast becomes one of the type cast to.

Exporters store half-precision weights that way to save space. TensorRT before 8.5, Jetson Nano's included, takes the
weights and the bias of a Conv from initializers alone: a Cast makes a tensor of them. Halves are exact as singles, so
that no output changes.

    python models/fold_casts.py halves.onnx plain.onnx
"""

import sys

import onnx
from onnx import helper, numpy_helper


def fold_casts(model: onnx.ModelProto) -> None:
    """Changes a model in place: no Cast of an initializer is left in its main graph."""
    graph = model.graph
    initializers = {one.name: one for one in graph.initializer}
    outputs = {one.name for one in graph.output}
    for node in [one for one in graph.node if one.op_type == "Cast" and one.input[0] in initializers]:
        if node.output[0] in outputs:
            continue
        target = next(attribute.i for attribute in node.attribute if attribute.name == "to")
        values = numpy_helper.to_array(initializers[node.input[0]]).astype(helper.tensor_dtype_to_np_dtype(target))
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input} | outputs
    for unused in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(unused)


def main() -> None:
    source, target = sys.argv[1:]
    model = onnx.load(source)
    fold_casts(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


if __name__ == "__main__":
    main()
