"""Decodes NanoDet and PicoDet: class scores, and a distribution over the distance of each side from a cell's place.

Forms of the outputs, as their projects write them:
- NanoDet: one table, a row for each cell of three grids, with class scores and then four distributions over 0 to 7 or
  10 cells; places are the cells' centres (RangiLyu/nanodet nanodet/model/head/gfl_head.py at be9b4a9).
- NanoDet-Plus: the same with four grids; places are the cells' corners (nanodet_plus_head.py,
  get_single_level_center_priors).
- PicoDet without its postprocessing: scores and distributions of each grid in outputs of their own; places are the
  cells' centres (PaddlePaddle/PaddleDetection deploy/third_engine/demo_openvino/picodet_openvino.cpp).
Scores are probabilities already.
"""

from typing import Dict, List, Optional, Tuple

import numpy as np

from sidecar.worker.inference.decoders import grid
from sidecar.worker.inference.decoders.decoder import (
    Candidates,
    Decoder,
    Tensors,
    best_classes,
    misfit,
    positions,
    shape_of,
)

_OUTPUT = "output"
_CENTRE, _CORNER = 0.5, 0.0
# Strides of the grids, and where in a cell its place is.
_NANODET = (((8, 16, 32), _CENTRE), ((8, 16, 32, 64), _CORNER))
_PICODET = (8, 16, 32, 64)


class NanoDetDecoder(Decoder):
    """NanoDet and NanoDet-Plus, which the number of grids tells apart. A cell may name several classes."""

    alike = (("car", "bus", "truck"),)

    def __init__(self, directory: str, classes: int, width: int, height: int) -> None:
        super().__init__(directory, classes, width, height)
        # By the number of cells.
        self._grids = {
            grid.count(width, height, strides): grid.cells(width, height, strides, offset)
            for strides, offset in _NANODET
        }

    def find(self, outputs: Tensors) -> Dict[str, str]:
        found = [name for name in sorted(outputs) if self._layout(shape_of(outputs[name], 2)) is not None]
        if len(found) != 1:
            cells = " or ".join(str(count) for count in sorted(self._grids))
            raise misfit("one output of %s x %d + 4 x bins" % (cells, self.classes), outputs)
        return {_OUTPUT: found[0]}

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        output = tensors[_OUTPUT]
        cells, columns = self._layout(output.shape) or output.shape
        if output.shape != (cells, columns):
            output = output.T
        scores = output[:, : self.classes]
        rows, class_ids = positions(scores >= thresholds)
        places, strides = self._grids[cells]
        boxes = _boxes(output[rows, self.classes :], places[rows], strides[rows])
        return Candidates(boxes, scores[rows, class_ids], class_ids)

    def _layout(self, shape: Optional[Tuple[int, ...]]) -> Optional[Tuple[int, int]]:
        """The number of cells and of columns. None: it is another output."""
        for cells, columns in () if shape is None else (shape, shape[::-1]):
            if cells in self._grids and _bins(columns - self.classes):
                return cells, columns
        return None


class PicoDetDecoder(Decoder):
    """A cell names its strongest class only."""

    def __init__(self, directory: str, classes: int, width: int, height: int) -> None:
        super().__init__(directory, classes, width, height)
        self._grids = {stride: grid.cells(width, height, (stride,), _CENTRE) for stride in _PICODET}

    def find(self, outputs: Tensors) -> Dict[str, str]:
        found: Dict[str, str] = {}
        for stride in _PICODET:
            cells = len(self._grids[stride].strides)
            fitting = {name: _columns(shape_of(one, 2), cells) for name, one in outputs.items()}
            # Scores come first, where columns do not tell.
            names = sorted((name for name in fitting if fitting[name]), key=lambda one: (len(one), one))
            scores = next((name for name in names if fitting[name] == self.classes), None)
            boxes = next((name for name in names if name != scores and _bins(fitting[name])), None)
            if scores is None or boxes is None:
                expected = "%d x %d scores and %d x 4 x bins distances for stride %d"
                raise misfit(expected % (cells, self.classes, cells, stride), outputs)
            found[_role("scores", stride)], found[_role("boxes", stride)] = scores, boxes
        return found

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        found: List[Candidates] = []
        for stride in _PICODET:
            places, strides = self._grids[stride]
            scores, distances = (
                one if len(one) == len(places) else one.T
                for one in (tensors[_role("scores", stride)], tensors[_role("boxes", stride)])
            )
            rows, best, class_ids = best_classes(scores, thresholds)
            found.append(Candidates(_boxes(distances[rows], places[rows], strides[rows]), best, class_ids))
        return Candidates(*(np.concatenate(parts) for parts in zip(*found)))


def _boxes(logits: "np.ndarray", places: "np.ndarray", strides: "np.ndarray") -> "np.ndarray":
    reach = grid.mean_distances(logits, logits.shape[1] // 4) * strides[:, np.newaxis]
    return np.concatenate([places - reach[:, :2], places + reach[:, 2:]], axis=1)


def _bins(columns: int) -> int:
    """How many values each of four distributions has. 0: these are none."""
    return columns // 4 if columns >= 8 and columns % 4 == 0 else 0


def _columns(shape: Optional[Tuple[int, ...]], cells: int) -> int:
    """Of a table with a row, or a column, for each cell. 0: it is none."""
    if shape is None or cells not in shape:
        return 0
    return shape[1] if shape[0] == cells else shape[0]


def _role(kind: str, stride: int) -> str:
    return "%s of stride %d" % (kind, stride)
