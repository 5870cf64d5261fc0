"""Makes network.onnx: which colour most of an object has. Its weights are computed here, nothing is trained.

    python models/object-colour/make.py

Each pixel goes to the nearest of some prototype colours (a convolution of 1x1 and a softmax, which together are the
softmax of negative squared distances), prototypes count for the colour that they belong to, and pixels count the more
the nearer they are to the middle of the object, where less of the background is. Grey, black and white count less than
colours: roads, tyres and windows have them too. What a colour gets of all votes is its probability.
"""

import os
from typing import Dict, List, Tuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SIZE = 32
# How fast the vote of a pixel falls with the squared distance from a prototype, in units of the full range.
_SHARPNESS = 60.0
# Standard deviations of the weight of a pixel, across and down, and its centre, in sizes of the object.
_SPREAD = (0.2, 0.22)
_CENTRE = (0.5, 0.45)
# Red, green and blue of the prototypes, 0 to 255.
_PROTOTYPES: Dict[str, List[Tuple[int, int, int]]] = {
    "black": [(15, 15, 15), (40, 40, 43), (35, 30, 28)],
    "grey": [(80, 80, 82), (115, 115, 117), (150, 150, 152), (180, 180, 182)],
    "white": [(215, 215, 215), (245, 245, 245)],
    "red": [(120, 25, 30), (170, 35, 40), (220, 50, 50), (200, 80, 80)],
    "orange": [(230, 110, 30), (250, 150, 60)],
    "yellow": [(225, 190, 40), (250, 225, 80), (200, 175, 70)],
    "green": [(30, 75, 40), (80, 95, 75), (45, 120, 60), (90, 160, 80), (150, 190, 60)],
    "blue": [(25, 40, 90), (40, 70, 150), (60, 110, 200), (120, 165, 215)],
    "brown": [(75, 50, 35), (95, 78, 70), (115, 80, 55), (160, 120, 90)],
}
# How much a vote for a colour counts.
_WEIGHTS = {"black": 0.6, "grey": 0.4, "white": 0.8, "brown": 0.8}


def network() -> onnx.ModelProto:
    """Takes any number of pictures of 32x32 pixels, red, green and blue from 0 to 1."""
    colours = list(_PROTOTYPES)
    owners = [colours.index(name) for name, some in _PROTOTYPES.items() for _ in some]
    prototypes = np.array([one for some in _PROTOTYPES.values() for one in some], np.float32) / 255
    distances = np.float32(2 * _SHARPNESS) * prototypes
    offsets = np.float32(-_SHARPNESS) * (prototypes**2).sum(axis=1)
    votes = np.zeros((len(colours), len(owners)), np.float32)
    for prototype, colour in enumerate(owners):
        votes[colour, prototype] = _WEIGHTS.get(colours[colour], 1.0)
    weights = {
        "prototypes": distances.reshape(-1, 3, 1, 1),
        "offsets": offsets,
        "votes": votes.reshape(len(colours), -1, 1, 1),
        "middle": np.repeat(_middle()[np.newaxis, np.newaxis], len(colours), axis=0),
        "channels": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["image", "prototypes", "offsets"], ["nearness"]),
        helper.make_node("Softmax", ["nearness"], ["shares"], axis=1),
        helper.make_node("Conv", ["shares", "votes"], ["pixels"]),
        helper.make_node("Conv", ["pixels", "middle"], ["sums"], group=len(colours)),
        helper.make_node("ReduceSum", ["sums", "channels"], ["all"], keepdims=1),
        helper.make_node("Div", ["sums", "all"], ["colour"]),
    ]
    graph = helper.make_graph(
        nodes,
        "object-colour",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, _SIZE, _SIZE])],
        [helper.make_tensor_value_info("colour", TensorProto.FLOAT, ["batch", len(colours), 1, 1])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _middle() -> np.ndarray:
    """The weight of each pixel; all weights together are 1."""
    places = (np.arange(_SIZE) + 0.5) / _SIZE
    across, down = (np.exp(-(((places - centre) / spread) ** 2) / 2) for centre, spread in zip(_CENTRE, _SPREAD))
    weights = np.outer(down, across)
    normalised: np.ndarray = (weights / weights.sum()).astype(np.float32)
    return normalised


def main() -> None:
    directory = os.path.dirname(os.path.abspath(__file__))
    onnx.save(network(), os.path.join(directory, "network.onnx"))
    with open(os.path.join(directory, "labels.txt"), "w", encoding="utf-8") as file:
        file.write(";".join(_PROTOTYPES) + "\n")


if __name__ == "__main__":
    main()
