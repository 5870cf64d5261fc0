"""Makes nanodet-coco/network.onnx: folds what nvinfer's normalisation cannot say into the first convolution.

NanoDet was trained on (x - mean[c]) / deviation[c]; nvinfer (and config_infer.txt) knows one factor for all channels:
y = net-scale-factor * (x - offsets[c]). The rest, deviation[0] / deviation[c], is a factor alone, so multiplying the
first convolution's weights by it is exact, at the padded border too: zero stays zero.

    python models/nanodet-coco/fold.py original.onnx models/nanodet-coco/network.onnx
"""

import sys

import numpy as np
import onnx
from onnx import numpy_helper

# In the order of the network's input channels: blue, green, red.
DEVIATION = np.array([57.375, 57.12, 58.395])
# What config_infer.txt divides by; net-scale-factor is its inverse.
COMMON = DEVIATION[0]


def fold(model: onnx.ModelProto, factors: np.ndarray) -> None:
    """Multiplies the first convolution's input channels by the factors, in place."""
    graph = model.graph
    first = next(node for node in graph.node if graph.input[0].name in node.input)
    name = first.input[1]
    weights = next((one for one in graph.initializer if one.name == name), None)
    if weights is None:
        # Half-precision weights behind a cast. Folded ones stay in single precision: half would round them anew.
        cast = next(node for node in graph.node if name in node.output)
        weights = next(one for one in graph.initializer if one.name == cast.input[0])
        graph.node.remove(cast)
    folded = numpy_helper.to_array(weights).astype(np.float64) * factors.reshape(1, -1, 1, 1)
    weights.CopyFrom(numpy_helper.from_array(folded.astype(np.float32), name))


def main() -> None:
    source, target = sys.argv[1:]
    model = onnx.load(source)
    fold(model, COMMON / DEVIATION)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


if __name__ == "__main__":
    main()
