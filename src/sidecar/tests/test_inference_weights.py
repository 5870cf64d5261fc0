"""The shipped networks keep their weights as every TensorRT takes them, and lost nothing by it."""

import importlib.util
import os

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sidecar.tests.inference_footage import DEMO, MODELS, read_frames
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.preprocess import Preprocessor

NETWORKS = [("nanodet-coco", 416, ["w_4"]), ("ssd-street", 300, [])]


@pytest.fixture(scope="module")
def fold_casts():
    spec = importlib.util.spec_from_file_location("fold_casts", os.path.join(MODELS, "fold_casts.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fold_casts


@pytest.fixture(scope="module")
def frames():
    return read_frames(DEMO, 20)


def shipped(name):
    return onnx.load(os.path.join(MODELS, name, "network.onnx"))


def weights(model):
    return {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}


def with_halves(model, singles):
    """The network with the weights and biases of its convolutions as halves behind a Cast, all but those named."""
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    used = {name for node in halved.graph.node if node.op_type == "Conv" for name in node.input[1:]}
    for one in [one for one in halved.graph.initializer if one.name in used and one.name not in singles]:
        half = numpy_helper.from_array(numpy_helper.to_array(one).astype(np.float16), one.name + ":half")
        cast = helper.make_node("Cast", [half.name], [one.name], to=TensorProto.FLOAT)
        halved.graph.initializer.remove(one)
        halved.graph.initializer.append(half)
        halved.graph.node.insert(0, cast)
    onnx.checker.check_model(halved, full_check=True)
    return halved


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


@pytest.mark.parametrize("name", [name for name, _, _ in NETWORKS])
def test_weights_and_biases_are_initializers_in_single_precision(name):
    graph = shipped(name).graph
    types = {one.name: one.data_type for one in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert convolutions
    assert {types.get(one) for node in convolutions for one in node.input[1:]} == {TensorProto.FLOAT}
    assert not [node.name for node in graph.node if node.op_type == "Cast"]


@pytest.mark.parametrize(("name", "size", "singles"), NETWORKS)
def test_halves_behind_a_cast_gave_the_same_outputs_to_the_bit(frames, name, size, singles):
    model = shipped(name)
    plain, halved = session(model), session(with_halves(model, singles))
    bundle, _ = load_bundle(os.path.join(MODELS, name))
    preprocess = Preprocessor(bundle.config, size, size)
    entry = plain.get_inputs()[0].name
    for frame in frames:
        preprocess(frame)
        for ours, theirs in zip(*(one.run(None, {entry: preprocess.tensor}) for one in (plain, halved))):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("name", "size", "singles"), NETWORKS)
def test_folding_the_casts_of_halves_gives_the_shipped_weights(fold_casts, name, size, singles):
    model = shipped(name)
    halved = with_halves(model, singles)
    assert len(halved.SerializeToString()) < 0.6 * len(model.SerializeToString())
    fold_casts(halved)
    onnx.checker.check_model(halved, full_check=True)
    ours, theirs = weights(model), weights(halved)
    assert ours.keys() == theirs.keys()
    for key, values in ours.items():
        np.testing.assert_array_equal(values, theirs[key])


def test_a_cast_that_is_an_output_of_the_network_stays(fold_casts):
    graph = helper.make_graph(
        [helper.make_node("Cast", ["half"], ["out"], to=TensorProto.FLOAT)],
        "graph",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])],
        [helper.make_tensor("half", TensorProto.FLOAT16, [1], [1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    fold_casts(model)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Cast"]
