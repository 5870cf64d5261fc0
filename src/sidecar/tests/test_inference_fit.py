"""What slipstream model import changes in a network, so that nvinfer can feed it."""

import os
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sidecar.tests.inference_footage import MODELS

sys.path.insert(0, MODELS)
from fit import fit, with_any_batch


def write(path, nodes, inputs, weights=(), outputs=("out",)):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        list(weights),
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return str(path)


def run(model, **inputs):
    if not isinstance(model, bytes):
        model = model.SerializeToString()
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, inputs)[0]


@pytest.mark.parametrize("shape", [[1, 3, 4, 5], [1, 4, 5, 3], [3, 4, 5]])
def test_each_channel_is_normalised_in_the_network(tmp_path, shape):
    path = write(
        tmp_path / "a.onnx",
        [helper.make_node("Identity", ["in"], ["out"])],
        {"in": (TensorProto.FLOAT, shape)},
    )
    done = []
    model = fit(path, {}, None, [[2, 3, 4], [0.5, -1, 7]], done)
    frame = np.random.RandomState(0).uniform(0, 255, shape).astype(np.float32)
    channels = [1, 1, 1, 3] if shape[-1] == 3 else [1, 3, 1, 1][-len(shape) :]
    factors, summands = (np.reshape(one, channels) for one in ([2, 3, 4], [0.5, -1, 7]))
    np.testing.assert_allclose(run(model, **{"in": frame}), frame * factors + summands, rtol=1e-6)
    assert done == ["it normalises each channel by itself: nvinfer has one factor for all"]


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.FLOAT16])
def test_a_network_takes_single_precision(tmp_path, kind):
    path = write(
        tmp_path / "a.onnx",
        [helper.make_node("Cast", ["in"], ["out"], to=TensorProto.FLOAT)],
        {"in": (kind, [1, 3, 2, 2])},
    )
    done = []
    frame = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    np.testing.assert_array_equal(run(fit(path, {}, None, None, done), **{"in": frame}), frame)
    assert len(done) == 1


def test_further_inputs_become_constants(tmp_path):
    path = write(
        tmp_path / "a.onnx",
        [
            helper.make_node("Cast", ["scale_factor"], ["scale"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["scale"], ["sum"], keepdims=0),
            helper.make_node("Mul", ["in", "sum"], ["out"]),
        ],
        {"in": (TensorProto.FLOAT, [1, 3, 2, 2]), "scale_factor": (TensorProto.INT64, [1, 2])},
    )
    model = fit(path, {"scale_factor": [[1, 4]]}, None, None, [])
    frame = np.ones((1, 3, 2, 2), np.float32)
    np.testing.assert_array_equal(run(model, **{"in": frame}), 5 * frame)
    assert [one.name for one in model.graph.input] == ["in"]


def test_any_batch_is_kept_only_if_it_gives_the_same(tmp_path):
    target = numpy_helper.from_array(np.array([1, 12], np.int64), "target")
    good = write(
        tmp_path / "good.onnx",
        [helper.make_node("Reshape", ["in", "target"], ["out"])],
        {"in": (TensorProto.FLOAT, [1, 3, 2, 2])},
        [target],
    )
    done = []
    model = with_any_batch(fit(good, {}, None, None, done), done)
    assert run(model, **{"in": np.zeros((5, 3, 2, 2), np.float32)}).shape == (5, 12)
    bad = write(
        tmp_path / "bad.onnx",
        [helper.make_node("ReduceMax", ["in"], ["out"], axes=[0], keepdims=1)],
        {"in": (TensorProto.FLOAT, [1, 3, 2, 2])},
    )
    done = []
    model = with_any_batch(fit(bad, {}, None, None, done), done)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
    assert "two frames at once give something else" in done[0]


def test_a_shipped_network_of_any_batch_stays_as_it_is():
    done = []
    model = onnx.load(os.path.join(MODELS, "ssd-street", "network.onnx"))
    assert with_any_batch(model, done) is model
    assert done == []
