"""The detector: shared by threads, and clear about a network that is of no use."""

import os
import shutil
import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sidecar.tests.inference_footage import MODELS, STREET, read_frames
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.postprocess import DetectionFilter
from sidecar.worker.inference.session import ModelError

EVERYTHING = DetectionFilter()


def load(name="ssd-street"):
    bundle, problems = load_bundle(os.path.join(MODELS, name))
    assert bundle is not None, problems
    return bundle


@pytest.fixture(scope="module")
def frames():
    return read_frames(STREET, 150)


def network(inputs, outputs):
    """An ONNX file of constant outputs. inputs, outputs: name -> shape."""
    nodes = [
        helper.make_node(
            "Constant", [], [name], value=helper.make_tensor(name, 1, shape, np.zeros(shape, np.float32).ravel())
        )
        for name, shape in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


PICTURE = {"image": (1, 300, 300, 3)}
OUTPUTS = {"boxes": (1, 1917, 4), "scores": (1, 1917, 24)}


def refusal(tmp_path, content, *edits):
    """What is said of a bundle like ssd-street with another network, and edits in its configuration."""
    directory = shutil.copytree(os.path.join(MODELS, "ssd-street"), str(tmp_path / "bundle"))
    path = os.path.join(directory, "config_infer.txt")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    os.remove(os.path.join(directory, "network.onnx"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(directory, "network.onnx"), "wb") as file:
        file.write(content)
    bundle, problems = load_bundle(directory)
    assert bundle is not None, problems
    with pytest.raises(ModelError) as caught:
        Detector(bundle)
    message = str(caught.value)
    assert "\n" not in message
    assert os.path.join(directory, "network.onnx") in message
    return message


def test_a_network_of_the_right_shape_is_taken(tmp_path):
    # The ground for the refusals below: what they change is what is refused.
    directory = shutil.copytree(os.path.join(MODELS, "ssd-street"), str(tmp_path / "bundle"))
    os.remove(os.path.join(directory, "network.onnx"))
    with open(os.path.join(directory, "network.onnx"), "wb") as file:
        file.write(network({"image": ("n", 300, "w", 3)}, OUTPUTS))
    bundle, _ = load_bundle(directory)
    Detector(bundle)


def refusal_of_replaced(tmp_path, content):
    """What is said of a bundle whose network is replaced after it has been read."""
    directory = shutil.copytree(os.path.join(MODELS, "ssd-street"), str(tmp_path / "bundle"))
    bundle, _ = load_bundle(directory)
    os.remove(os.path.join(directory, "network.onnx"))
    with open(os.path.join(directory, "network.onnx"), "wb") as file:
        file.write(content)
    broken, problems = load_bundle(directory)
    assert broken is None
    assert [one.code for one in problems if one.severity == "error"] == ["network-unreadable"]
    with pytest.raises(ModelError) as caught:
        Detector(bundle)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"no network", b"\x00" * 100])
def test_a_broken_file_is_refused_and_nothing_is_printed(tmp_path, capfd, content):
    assert "does not load" in refusal_of_replaced(tmp_path, content)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_was_cut_off_is_refused(tmp_path, capfd):
    with open(os.path.join(MODELS, "ssd-street", "network.onnx"), "rb") as file:
        assert "does not load" in refusal_of_replaced(tmp_path, file.read(1000000))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ({"image": (1, 320, 320, 3)}, OUTPUTS, "wants an input of 3;320;320, infer-dims says 3;300;300"),
        ({"image": (1, 3, 300, 300)}, OUTPUTS, "network-input-order 1"),
        ({"image": (4, 300, 300, 3)}, OUTPUTS, "has a fixed batch of 4"),
        ({"image": (1, 270000)}, OUTPUTS, "input of 2 dimensions"),
        ({**PICTURE, "more": (1,)}, OUTPUTS, "has 2 inputs"),
        (PICTURE, {"boxes": (1, 1917, 4)}, "has no output scores (output-blob-names)"),
        (
            PICTURE,
            {**OUTPUTS, "scores": (1, 1917, 91)},
            "needs scores of 1917 x 24, a row for each anchor;"
            " the network's outputs are boxes 1x1917x4, scores 1x1917x91",
        ),
    ],
)
def test_a_network_that_does_not_fit_the_configuration_is_refused(tmp_path, inputs, outputs, words):
    assert words in refusal(tmp_path, network(inputs, outputs))


def test_a_network_of_any_size_needs_infer_dims(tmp_path):
    content = network({"image": (1, "h", "w", 3)}, OUTPUTS)
    assert "set infer-dims" in refusal(tmp_path, content, ("infer-dims=3;300;300\n", ""))


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.FLOAT16])
@pytest.mark.parametrize("shape", [(1, 300, 300, 3), (300, 300, 3)])
def test_a_network_may_want_bytes_half_precision_or_no_batch(tmp_path, frames, kind, shape):
    model = onnx.load_from_string(network({"image": shape}, OUTPUTS))
    model.graph.input[0].type.tensor_type.elem_type = kind
    directory = shutil.copytree(os.path.join(MODELS, "ssd-street"), str(tmp_path / "bundle"))
    os.remove(os.path.join(directory, "network.onnx"))
    onnx.save(model, os.path.join(directory, "network.onnx"))
    bundle, _ = load_bundle(directory)
    assert Detector(bundle).detect(frames[0], DetectionFilter(0.9)).objects == []


def test_integers_as_input_are_refused(tmp_path):
    model = onnx.load_from_string(network(PICTURE, OUTPUTS))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    assert "wants tensor(int32)" in refusal(tmp_path, model.SerializeToString())


def test_loading_prints_nothing(capfd):
    Detector(load())
    assert capfd.readouterr() == ("", "")


def test_the_time_of_the_network_is_told(frames):
    detection = Detector(load()).detect(frames[0], EVERYTHING)
    assert 0 < detection.cpu_seconds <= detection.seconds + 0.01


def test_a_network_runs_where_the_clock_of_its_thread_is_hidden(frames, monkeypatch):
    def hidden(_path):
        raise FileNotFoundError("/proc")

    detector = Detector(load())
    monkeypatch.setattr("sidecar.worker.inference.session.os.readlink", hidden)
    assert detector.detect(frames[0], EVERYTHING).objects


def test_threads_that_share_a_detector_do_not_disturb_one_another(frames):
    detector = Detector(load())
    alone = [detector.detect(frame, EVERYTHING).objects for frame in frames]
    assert any(alone)
    together = [None] * len(frames)

    def work(first):
        for _ in range(2):
            for index in range(first, len(frames), 2):
                together[index] = detector.detect(frames[index], EVERYTHING).objects

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_a_filter_holds_for_its_frame_only(frames):
    detector = Detector(load("nanodet-coco"))
    everything = detector.detect(frames[0], EVERYTHING).objects
    cars = detector.detect(frames[0], DetectionFilter(classes=frozenset(["car"]))).objects
    assert cars == [one for one in everything if one.label == "car"]
    assert detector.detect(frames[0], DetectionFilter(threshold=0.99)).objects == []
    assert detector.detect(frames[0], EVERYTHING).objects == everything


def test_frames_of_more_sizes_than_are_kept_give_the_same_objects(frames):
    detector = Detector(load())
    whole = frames[0]
    parts = [
        whole._replace(y=whole.y[:height], u=whole.u[: height // 2], v=whole.v[: height // 2], height=height)
        for height in range(whole.height - 20, whole.height + 2, 2)
    ]
    alone = [Detector(load()).detect(part, EVERYTHING).objects for part in parts[:2]]
    for _ in range(2):
        together = [detector.detect(part, EVERYTHING).objects for part in parts]
        assert together[:2] == alone
