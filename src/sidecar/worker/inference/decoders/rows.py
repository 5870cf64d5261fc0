"""Decodes networks that give a row for each detection: box, score and class.

Forms of the row, as their projects write it; boxes are left, top, right, bottom:
- YOLOv10 and YOLO26, and Ultralytics' export with nms=True: box in pixels, score, class; 300 rows, the unused ones zero
  (docs.ultralytics.com/guides/end2end-detection).
- DeepStream-Yolo's exporters: the same, for every cell, before suppression (marcoslucianops/DeepStream-Yolo
  nvdsinfer_custom_impl_Yolo/nvdsparsebbox_Yolo.cpp at 2ccf529).
- YOLOv7 with --end2end --max-wh: frame, box in pixels, class, score; as many rows as detections
  (WongKinYiu/yolov7 models/experimental.py ONNX_ORT at a207844).
- YOLO-NAS in the flat format: frame, box in pixels, score, class (Deci-AI/super-gradients
  documentation/source/models_export.md at e0ccacf).
- PaddleDetection with its suppression (PicoDet, PP-YOLOE): class, score, box in pixels; class -1 where there is none
  (PaddlePaddle/PaddleDetection deploy/third_engine/onnx/infer.py).
- TAO's NMS plugin: frame, class, score, box as fractions of the input; 1 x n x 7, and the number of rows that count
  (NVIDIA/DeepStream nvdsinfer_custombboxparser.cpp NvDsInferParseCustomNMSTLT at 581889d).
"""

from typing import Dict

import numpy as np

from sidecar.worker.inference.decoders.decoder import (
    Candidates,
    Decoder,
    Tensors,
    misfit,
    shape_of,
)

_ROWS = "rows"
_COUNT = "count"


class RowsDecoder(Decoder):
    """YOLOv10, YOLO26, DeepStream-Yolo."""

    columns = 6
    # Where the box begins, the score, and the class.
    box, score, class_id = 0, 4, 5
    # The box is in fractions of the input.
    is_relative = False
    # Another output has the number of rows that count.
    has_count = False

    def find(self, outputs: Tensors) -> Dict[str, str]:
        found = [name for name in sorted(outputs) if self.columns in (shape_of(outputs[name], 2) or ())]
        if len(found) != 1:
            raise misfit("one output of n x %d" % self.columns, outputs)
        names = {_ROWS: found[0]}
        if self.has_count:
            counts = [name for name in outputs if outputs[name].size == 1 and name != found[0]]
            if len(counts) != 1:
                raise misfit("an output with the number of rows", outputs)
            names[_COUNT] = counts[0]
        return names

    def rank(self, role: str) -> int:
        return 0 if role == _COUNT else 2

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        rows = tensors[_ROWS]
        if rows.shape[1] != self.columns:
            rows = rows.T
        if self.has_count:
            rows = rows[: max(0, int(tensors[_COUNT]))]
        # Below every threshold lie the rows that are not used; their class may be anything.
        rows = rows[(rows[:, self.score] >= thresholds.min()) & (rows[:, self.class_id] >= 0)]
        class_ids = self.known_classes(rows[:, self.class_id])
        keep = rows[:, self.score] >= thresholds[class_ids]
        rows, class_ids = rows[keep], class_ids[keep]
        boxes = rows[:, self.box : self.box + 4]
        if self.is_relative:
            boxes = boxes * np.array([self.width, self.height] * 2, dtype=np.float32)
        return Candidates(boxes, rows[:, self.score], class_ids)


class YoloV7RowsDecoder(RowsDecoder):
    columns, box, class_id, score = 7, 1, 5, 6


class YoloNasRowsDecoder(RowsDecoder):
    columns, box, score, class_id = 7, 1, 5, 6


class PaddleRowsDecoder(RowsDecoder):
    class_id, score, box = 0, 1, 2


class TaoRowsDecoder(RowsDecoder):
    columns, class_id, score, box = 7, 1, 2, 3
    is_relative = True
    has_count = True
