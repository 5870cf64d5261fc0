"""Decodes the YOLO networks that leave suppression to us: one table, with a row or a column for each cell.

Forms of the output, as their projects write it:
- YOLOv3, v5 and v7: centre x and y, width, height, objectness, classes; probabilities; in pixels (ultralytics/yolov5
  models/yolo.py Detect, WongKinYiu/yolov7 models/yolo.py at a207844).
- YOLOv8, v9, 11 and 12: centre x and y, width, height, classes, without objectness, one column for each cell
  (docs.ultralytics.com/guides/end2end-detection: "N, nc + 4, 8400").
- YOLOX: like v5, but centres in cells from the cell's corner and logarithms of sizes in cells
  (Megvii-BaseDetection/YOLOX yolox/utils/demo_utils.py demo_postprocess at 6ddff48).
"""

from typing import Dict

import numpy as np

from sidecar.worker.inference.decoders import grid
from sidecar.worker.inference.decoders.decoder import (
    Candidates,
    Decoder,
    Tensors,
    best_classes,
    corners,
    misfit,
    shape_of,
)

_TABLE = "table"
_YOLOX_STRIDES = ((8, 16, 32), (8, 16, 32, 64))


class YoloDecoder(Decoder):
    """YOLOv8 and its successors. A cell names its strongest class only."""

    # Columns between the box and the classes.
    extra = 0
    # Which way round the table is where its shape does not tell.
    cells_are_columns = True

    def find(self, outputs: Tensors) -> Dict[str, str]:
        columns = 4 + self.extra + self.classes
        found = [name for name in sorted(outputs) if columns in (shape_of(outputs[name], 2) or ())]
        if len(found) != 1:
            raise misfit("one output of n x %d or %d x n" % (columns, columns), outputs)
        return {_TABLE: found[0]}

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        table = self._rows(tensors[_TABLE])
        objectness = table[:, 4] if self.extra else None
        rows, scores, class_ids = best_classes(table[:, 4 + self.extra :], thresholds, objectness)
        return Candidates(corners(self._boxes(table[rows, :4], rows, len(table))), scores, class_ids)

    def _rows(self, table: "np.ndarray") -> "np.ndarray":
        """A row for each cell; a view."""
        columns = 4 + self.extra + self.classes
        is_square = table.shape == (columns, columns)
        flipped = self.cells_are_columns if is_square else table.shape[0] == columns
        return table.T if flipped else table

    def _boxes(self, boxes: "np.ndarray", rows: "np.ndarray", cells: int) -> "np.ndarray":
        """Centres and sizes in pixels. rows: of the boxes in the table, which has so many cells."""
        return boxes


class YoloV5Decoder(YoloDecoder):
    """YOLOv3, v5, v7, and YOLOX that was exported with its decoding."""

    extra = 1
    cells_are_columns = False


class YoloXDecoder(YoloV5Decoder):
    """YOLOX as it is exported by default, without its decoding."""

    def __init__(self, directory: str, classes: int, width: int, height: int) -> None:
        super().__init__(directory, classes, width, height)
        # By the number of cells.
        self._grids = {
            grid.count(width, height, strides): grid.cells(width, height, strides, 0.0) for strides in _YOLOX_STRIDES
        }

    def find(self, outputs: Tensors) -> Dict[str, str]:
        names = super().find(outputs)
        cells = sorted(self._grids)
        if not set(outputs[names[_TABLE]].shape) & set(cells):
            expected = "%d or %d cells, as an input of %dx%d has" % (cells[0], cells[1], self.width, self.height)
            raise misfit(expected, outputs)
        return names

    def _boxes(self, boxes: "np.ndarray", rows: "np.ndarray", cells: int) -> "np.ndarray":
        places, strides = self._grids[cells]
        sizes = strides[rows, np.newaxis]
        return np.concatenate([boxes[:, :2] * sizes + places[rows], np.exp(boxes[:, 2:]) * sizes], axis=1)
