"""Decodes DetectNet_v2 (NVIDIA TAO): for each class a grid of coverage, and four grids of distances.

nvinfer decodes it itself for network-type 0 without a parser of one's own: an output with bbox in its name and one with
cov; a cell's centre is half a pixel from its corner, and distances are in units of 35 pixels
(NVIDIA/DeepStream src/utils/nvdsinfer/nvdsinfer_context_impl_output_parsing.cpp at 581889d).
"""

from typing import Dict

import numpy as np

from sidecar.worker.inference.decoders.decoder import Candidates, Decoder, Tensors, misfit, named, shape_of

_BOXES, _COVERAGE = "boxes", "coverage"
_UNIT = np.float32(35.0)
_HALF_PIXEL = np.float32(0.5)


class DetectNetDecoder(Decoder):
    """A cell may name several classes."""

    def rank(self, role: str) -> int:
        return 3

    def find(self, outputs: Tensors) -> Dict[str, str]:
        boxes, coverage = named(outputs, "bbox"), named(outputs, "cov")
        if boxes and coverage:
            box_shape, shape = shape_of(outputs[boxes[0]], 3), shape_of(outputs[coverage[0]], 3)
            if shape is not None and shape[0] == self.classes and box_shape == (4 * shape[0], *shape[1:]):
                return {_BOXES: boxes[0], _COVERAGE: coverage[0]}
        expected = "%d x rows x columns with cov in its name, and %d x rows x columns with bbox"
        raise misfit(expected % (self.classes, 4 * self.classes), outputs)

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        coverage = tensors[_COVERAGE]
        _, rows, columns = coverage.shape
        flat = np.flatnonzero(coverage >= thresholds[:, np.newaxis, np.newaxis])
        class_ids, cells = np.divmod(flat, rows * columns)
        y, x = np.divmod(cells, columns)
        # As nvinfer: whole pixels, rounded up.
        stride = np.array([-(-self.width // columns), -(-self.height // rows)], dtype=np.float32)
        centres = np.stack([x, y], axis=1).astype(np.float32) * stride + _HALF_PIXEL
        reach = tensors[_BOXES].reshape(-1, 4, rows * columns)[class_ids, :, cells] * _UNIT
        boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
        return Candidates(boxes, coverage.ravel()[flat], class_ids)
