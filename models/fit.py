"""Fits a network to nvinfer, which gives it one input, any number of frames, and one scale factor for all channels.

    python models/fit.py network.onnx fitted.onnx '{"constants": {}, "size": null, "affine": null}'

slipstream model import calls it, and prints what it did: {"batch": null or a number, "done": ["..."]}.

constants: values of further inputs, by name. size: [height, width] of the frame, where the network takes any. affine:
[[factor of each channel], [summand of each channel]] to be applied to the frame in the network itself; null: nvinfer
normalises alone.
"""

import json
import os
import sys
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import onnx
import onnxruntime
from any_batch import take_any_batch
from fold_casts import fold_casts
from onnx import TensorProto, helper, numpy_helper

# ONNX Runtime's highest severity: its warnings are nobody's here.
_SILENT = 4
_TYPES = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16, TensorProto.UINT8: np.uint8}


def fit(path: str, constants: Dict[str, Any], size: Optional[Sequence[int]], affine: Any, done: List[str]) -> Any:
    """The fitted model. done: gets a sentence for each change."""
    model = onnx.load(path)
    _keep_constants(model)
    fold_casts(model)
    _make_constants(model, constants, done)
    frame = _frame(model)
    if size is not None:
        _set_size(frame, size, done)
    _take_singles(model, frame, done)
    if affine is not None:
        _normalise(model, frame, affine, done)
    return model


def _frame(model: Any) -> Any:
    weights = {one.name for one in model.graph.initializer}
    return next(one for one in model.graph.input if one.name not in weights)


def _keep_constants(model: Any) -> None:
    """Constants of nodes become initializers, where any_batch.py finds them."""
    graph = model.graph
    for node in [one for one in graph.node if one.op_type == "Constant"]:
        value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if value is not None:
            value.name = node.output[0]
            graph.initializer.append(value)
            graph.node.remove(node)


def _make_constants(model: Any, constants: Dict[str, Any], done: List[str]) -> None:
    for value in [one for one in model.graph.input if one.name in constants]:
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        tensor = np.array(constants[value.name], kind)
        model.graph.initializer.append(numpy_helper.from_array(tensor, value.name))
        model.graph.input.remove(value)
        done.append("its input %s is the constant %s" % (value.name, json.dumps(constants[value.name])))


def _set_size(frame: Any, size: Sequence[int], done: List[str]) -> None:
    dimensions = frame.type.tensor_type.shape.dim
    first = 1 if dimensions[-1].dim_value == 3 and len(dimensions) == 4 else len(dimensions) - 2
    for dimension, wanted in zip(dimensions[first : first + 2], size):
        dimension.dim_value = wanted
    done.append("its input takes frames of %dx%d" % (size[1], size[0]))


def _take_singles(model: Any, frame: Any, done: List[str]) -> None:
    kind = frame.type.tensor_type.elem_type
    if kind == TensorProto.FLOAT:
        return
    _prepend(model, frame, [helper.make_node("Cast", [""], [""], to=kind)])
    frame.type.tensor_type.elem_type = TensorProto.FLOAT
    done.append("its input takes single precision, which nvinfer gives")


def _normalise(model: Any, frame: Any, affine: Any, done: List[str]) -> None:
    dimensions = frame.type.tensor_type.shape.dim
    shape = (1, 1, 1, 3) if dimensions[-1].dim_value == 3 else (1, 3, 1, 1)
    for name, values in zip(("slipstream:factors", "slipstream:summands"), affine):
        tensor = np.array(values, np.float32).reshape(shape[-len(dimensions) :])
        model.graph.initializer.append(numpy_helper.from_array(tensor, name))
    _prepend(
        model,
        frame,
        [
            helper.make_node("Mul", ["", "slipstream:factors"], ["slipstream:scaled"]),
            helper.make_node("Add", ["slipstream:scaled", "slipstream:summands"], [""]),
        ],
    )
    done.append("it normalises each channel by itself: nvinfer has one factor for all")


def _prepend(model: Any, frame: Any, nodes: List[Any]) -> None:
    """Puts nodes between the input and those that read it."""
    inner = "%s:%s" % (frame.name, nodes[-1].op_type.lower())
    for node in model.graph.node:
        node.input[:] = [inner if name == frame.name else name for name in node.input]
    nodes[0].input[0] = frame.name
    nodes[-1].output[0] = inner
    for index, node in enumerate(nodes):
        model.graph.node.insert(index, node)


def with_any_batch(model: Any, done: List[str]) -> Any:
    """The model with any batch, if it can be made and gives the same for two frames as for each of them alone."""
    dimensions = _frame(model).type.tensor_type.shape.dim
    if len(dimensions) != 4 or dimensions[0].dim_value != 1:
        return model
    try:
        # A copy, in which every output has a shape.
        changed = onnx.shape_inference.infer_shapes(model)
        take_any_batch(changed)
        if _is_same(model, changed):
            done.append("it takes any number of frames at once")
            return changed
        why = "two frames at once give something else than one by one"
    except Exception as error:  # whatever an exporter wrote
        why = " ".join(str(error).split())[:200]
    done.append("it takes one frame at once, and nvinfer works in batches of one: %s" % why)
    return model


def _is_same(one: Any, any_number: Any) -> bool:
    frame = _frame(one)
    shape = [dimension.dim_value for dimension in frame.type.tensor_type.shape.dim]
    random = np.random.RandomState(0)
    frames = random.uniform(0, 1, [2, *shape[1:]]).astype(_TYPES[frame.type.tensor_type.elem_type])
    alone, together = _session(one), _session(any_number)
    both = together.run(None, {frame.name: frames})
    for index in range(2):
        single = alone.run(None, {frame.name: frames[index : index + 1]})
        for expected, found in zip(single, both):
            if found.shape[0] != 2 or expected.shape[0] != 1 or expected.shape[1:] != found.shape[1:]:
                return False
            if not np.allclose(expected[0], found[index], rtol=1e-3, atol=1e-3):
                return False
    return True


def _session(model: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    source, target, wishes = sys.argv[1:]
    done: List[str] = []
    model = with_any_batch(fit(source, done=done, **json.loads(wishes)), done)
    onnx.checker.check_model(model)
    onnx.save(model, target)
    batch = _frame(model).type.tensor_type.shape.dim[0].dim_value
    # What was reported in between must not get into the answer.
    os.write(1, (json.dumps({"batch": batch or None, "done": done}) + "\n").encode())


if __name__ == "__main__":
    main()
