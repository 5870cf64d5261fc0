"""A bundle whose network computes in integers finds what the original finds."""

import importlib.util
import os

import onnx

from sidecar.tests.inference_footage import DEMO, MODELS

SOURCE = os.path.join(MODELS, "nanodet-coco")


def quantise(target):
    spec = importlib.util.spec_from_file_location("quantise", os.path.join(MODELS, "quantise.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.quantise(SOURCE, DEMO, target)


def test_a_network_of_integers_finds_most_objects_of_the_original(tmp_path):
    target = str(tmp_path / "nanodet-integers")
    loss = quantise(target)
    assert loss.boxes > 10
    assert loss.kept >= 0.8 * loss.boxes
    assert loss.extra <= 0.2 * loss.boxes
    network = os.path.join(target, "network.onnx")
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(network).graph.node)
    assert os.path.getsize(network) < os.path.getsize(os.path.join(SOURCE, "network.onnx")) / 3
