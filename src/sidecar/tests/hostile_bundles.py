"""Bundles like ssd-street whose networks do harm."""

import os
import shutil

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from sidecar.tests.inference_footage import MODELS

_BOXES, _SCORES = (1, 1917, 4), (1, 1917, 24)


def endless(directory):
    """A network with a loop that never ends."""
    return _bundle(directory, [_constant("rounds", np.array(np.iinfo(np.int64).max)), *_LOOP])


def endless_in_the_dark(directory):
    """A network with a loop that never ends once it is shown a dark frame, and has no round otherwise."""
    never, always = (_constant(name, np.array(value)) for name, value in (("never", 0), ("always", 1 << 62)))
    nodes = [*_IS_DARK, never, always, helper.make_node("Where", ["is_dark", "always", "never"], ["rounds"]), *_LOOP]
    return _bundle(directory, nodes)


def constant(directory, score):
    """A network that gives each class this score, whatever it is shown."""
    return _bundle(directory, [_constant("scores", np.full(_SCORES, score, np.float32))])


def sees_one(directory, class_id):
    """A network that sees one object of a class of ssd-street on every frame: from 0.28 to 0.63 of both sides."""
    scores = np.full(_SCORES, -9, np.float32)
    # The first class is background. In the second grid of anchors: the first one of the cell near the middle.
    scores[0, 1347, class_id + 1] = 9
    return _bundle(directory, [_constant("scores", scores)])


def blind_in_the_dark(directory):
    """A network whose scores are NaN once it is shown a dark frame, and low otherwise."""
    nodes = [
        *_IS_DARK,
        _constant("low", np.full(_SCORES, -9, np.float32)),
        _constant("nan", np.array(np.nan, np.float32)),
        helper.make_node("Where", ["is_dark", "nan", "low"], ["scores"]),
    ]
    return _bundle(directory, nodes)


def _bundle(directory, nodes):
    graph = helper.make_graph(
        [*nodes, _constant("boxes", np.zeros(_BOXES, np.float32))],
        "test",
        [_value("image", TensorProto.FLOAT, (1, 300, 300, 3))],
        [_value("boxes", TensorProto.FLOAT, _BOXES), _value("scores", TensorProto.FLOAT, _SCORES)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    shutil.copytree(os.path.join(MODELS, "ssd-street"), directory)
    os.remove(os.path.join(directory, "network.onnx"))
    with open(os.path.join(directory, "network.onnx"), "wb") as file:
        file.write(model.SerializeToString())
    return directory


def _value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name, value):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))


# The input is -1 to 1.
_IS_DARK = [
    helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
    _constant("dark", np.array(-0.8, np.float32)),
    helper.make_node("Less", ["mean", "dark"], ["is_dark"]),
]
_STEP = helper.make_graph(
    [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["x", "x"], ["y"])],
    "step",
    [_value("number", TensorProto.INT64, ()), _value("go", TensorProto.BOOL, ()), _value("x", TensorProto.FLOAT, ())],
    [_value("on", TensorProto.BOOL, ()), _value("y", TensorProto.FLOAT, ())],
)
_LOOP = [
    _constant("true", np.array(True)),
    _constant("zero", np.array(0, np.float32)),
    helper.make_node("Loop", ["rounds", "true", "zero"], ["end"], body=_STEP),
    _constant("low", np.full(_SCORES, -9, np.float32)),
    helper.make_node("Add", ["low", "end"], ["scores"]),
]
