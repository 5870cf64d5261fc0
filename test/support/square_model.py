"""Makes a model bundle that finds the white squares of jump_camera.py, exactly.

    python test/support/square_model.py DIRECTORY [--layers N]

The network has the outputs of NanoDet, so that the product's own decoder reads it: the class score of a cell of the
coarsest grid is the cell's mean brightness, that of the finer grids is nought, and each box is its cell. --layers adds
so many convolutions that change nothing and cost some 570 million multiplications each, to make it slow.
"""

import argparse
import os
from typing import List

import numpy as np
import onnx
from jump_camera import CELL, HEIGHT, WIDTH
from onnx import TensorProto, helper, numpy_helper

# The network sees half of the camera's width and height.
_STRIDE = 32
_INPUT_WIDTH, _INPUT_HEIGHT = WIDTH * _STRIDE // CELL, HEIGHT * _STRIDE // CELL
_BINS = 11
_CHANNELS = 32

_CONFIG = """[property]
network-type=100
onnx-file=network.onnx
labelfile-path=labels.txt
num-detected-classes=1
infer-dims=3;%d;%d
net-scale-factor=0.00392156862745098
model-color-format=0
maintain-aspect-ratio=1
symmetric-padding=1
parse-bbox-func-name=SlipstreamNanoDet
cluster-mode=2

[class-attrs-all]
pre-cluster-threshold=0.5
nms-iou-threshold=0.5
""" % (_INPUT_HEIGHT, _INPUT_WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a bundle that finds white squares.")
    parser.add_argument("directory")
    parser.add_argument("--layers", type=int, default=0, help="convolutions that only cost time")
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    for name, text in (("config_infer.txt", _CONFIG), ("labels.txt", "square\n")):
        with open(os.path.join(options.directory, name), "w", encoding="utf-8") as file:
            file.write(text)
    onnx.save(_network(options.layers), os.path.join(options.directory, "network.onnx"))


def _network(layers: int) -> onnx.ModelProto:
    coarse = (_INPUT_WIDTH // 32) * (_INPUT_HEIGHT // 32)
    fine = sum((_INPUT_WIDTH // stride) * (_INPUT_HEIGHT // stride) for stride in (8, 16))
    # Half a stride on each side: half of the weight at nought, half at one.
    logits = np.full((1, fine + coarse, 4, _BINS), -100, np.float32)
    logits[..., :2] = 0
    constants = [
        numpy_helper.from_array(np.zeros((1, fine, 1), np.float32), "nowhere"),
        numpy_helper.from_array(logits.reshape(1, fine + coarse, 4 * _BINS), "distances"),
        numpy_helper.from_array(np.array([1, coarse, 1], np.int64), "one_a_cell"),
    ]
    nodes: List[onnx.NodeProto] = []
    picture = _slow(layers, nodes, constants) if layers else "picture"
    nodes += [
        helper.make_node("AveragePool", [picture], ["cells"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("ReduceMean", ["cells"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Reshape", ["grey", "one_a_cell"], ["coarse"]),
        helper.make_node("Concat", ["nowhere", "coarse"], ["scores"], axis=1),
        helper.make_node("Concat", ["scores", "distances"], ["output"], axis=2),
    ]
    taken = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, _INPUT_HEIGHT, _INPUT_WIDTH])
    given = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, fine + coarse, 1 + 4 * _BINS])
    graph = helper.make_graph(nodes, "squares", [taken], [given], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _slow(layers: int, nodes: List[onnx.NodeProto], constants: List[onnx.TensorProto]) -> str:
    """Convolutions whose outcome is added to the picture and too small to be seen in it."""
    source, channels = "picture", 3
    for index in range(layers):
        last = index == layers - 1
        mean = 1 / (9 * channels)
        weights = np.full((3 if last else _CHANNELS, channels, 3, 3), mean * (1e-6 if last else 1), np.float32)
        constants.append(numpy_helper.from_array(weights, "weights%d" % index))
        inputs, outcome = [source, "weights%d" % index], "layer%d" % index
        nodes.append(helper.make_node("Conv", inputs, [outcome], pads=[1, 1, 1, 1]))
        source, channels = outcome, _CHANNELS
    nodes.append(helper.make_node("Add", ["picture", source], ["slow_picture"]))
    return "slow_picture"


if __name__ == "__main__":
    main()
