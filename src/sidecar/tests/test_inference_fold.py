"""The shipped NanoDet is the original with a part of its normalisation folded in, and nothing else."""

import importlib.util
import os

import numpy as np
import onnx
import onnxruntime
import pytest

from sidecar.tests.inference_footage import MODELS, STREET, read_frames
from sidecar.tests.inference_reference import overlap, resize, rgb_of
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.decoders import REGISTRY
from sidecar.worker.inference.geometry import Geometry
from sidecar.worker.inference.postprocess import DetectionFilter, Postprocessor

DIRECTORY = os.path.join(MODELS, "nanodet-coco")
# NanoDet's own normalisation, in the order blue, green, red.
MEAN = np.array([103.53, 116.28, 123.675])
DEVIATION = np.array([57.375, 57.12, 58.395])


@pytest.fixture(scope="module")
def fold():
    spec = importlib.util.spec_from_file_location("fold", os.path.join(DIRECTORY, "fold.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shipped():
    return onnx.load(os.path.join(DIRECTORY, "network.onnx"))


@pytest.fixture(scope="module")
def original(fold, shipped):
    """The shipped network with the folding undone."""
    model = onnx.ModelProto()
    model.CopyFrom(shipped)
    fold.fold(model, fold.DEVIATION / fold.COMMON)
    return model


@pytest.fixture(scope="module")
def pictures():
    """Blue, green and red of three frames of the street, in the network's input, without normalisation."""
    return [letterboxed(frame) for frame in read_frames(STREET, 300)]


def letterboxed(frame):
    picture = np.zeros((416, 416, 3))
    picture[52:364] = resize(rgb_of(frame), 416, 312)[:, :, ::-1]
    return picture


def run(model, tensor):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(["output"], {"images": tensor.transpose(2, 0, 1)[np.newaxis].astype(np.float32)})[0][0]


@pytest.fixture(scope="module")
def outputs(shipped, original, pictures):
    """For each picture: the original network after its own normalisation, the shipped one after nvinfer's."""
    bundle, _ = load_bundle(DIRECTORY)
    scale, offsets = bundle.config.scale, np.array(bundle.config.offsets)
    return [
        (run(original, (picture - MEAN) / DEVIATION), run(shipped, scale * (picture - offsets))) for picture in pictures
    ]


def test_folding_and_unfolding_changes_the_first_weights_only(shipped, original):
    ours = {one.name: onnx.numpy_helper.to_array(one) for one in shipped.graph.initializer}
    theirs = {one.name: onnx.numpy_helper.to_array(one) for one in original.graph.initializer}
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == ["w_4"]
    # Blue has the common factor: nothing is left of it to fold.
    np.testing.assert_array_equal(ours["w_4"][:, 0], theirs["w_4"][:, 0])
    # The original's weights are half-precision numbers: unfolding gives just those back.
    half = theirs["w_4"].astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(theirs["w_4"], half, rtol=3e-7)


def test_the_folded_network_gives_the_original_s_outputs(outputs):
    for original, shipped in outputs:
        np.testing.assert_allclose(shipped[:, :80], original[:, :80], rtol=0, atol=5e-6)
        np.testing.assert_allclose(shipped[:, 80:], original[:, 80:], rtol=1e-5, atol=5e-5)


def test_without_the_folding_the_outputs_would_differ(outputs, original, pictures):
    bundle, _ = load_bundle(DIRECTORY)
    careless = run(original, bundle.config.scale * (pictures[0] - np.array(bundle.config.offsets)))
    assert np.abs(careless[:, :80] - outputs[0][0][:, :80]).max() > 1e-3


def test_the_folded_network_gives_the_original_s_boxes(outputs):
    bundle, _ = load_bundle(DIRECTORY)
    decoder = REGISTRY[bundle.config.decoder](DIRECTORY, 80, 416, 416)
    find = Postprocessor(bundle, decoder.bind({"output": outputs[0][0]}))
    geometry = Geometry(0, 52, 416, 312, 768, 576)
    for tensors in outputs:
        original, shipped = (find({"output": tensor}, geometry, DetectionFilter()) for tensor in tensors)
        assert len(original) > 3
        assert [one.label for one in shipped] == [one.label for one in original]
        for one, other in zip(shipped, original):
            boxes = [(box.left, box.top, box.left + box.width, box.top + box.height) for box in (one, other)]
            assert overlap(*boxes) > 0.999
            assert one.confidence == pytest.approx(other.confidence, abs=5e-6)
