"""Decodes networks that give a table of boxes and a table of scores.

Forms, as their projects write them:
- YOLO-NAS without its suppression: boxes (left, top, right, bottom, in pixels) and probabilities, n x classes
  (Deci-AI/super-gradients documentation/source/models_export.md at e0ccacf).
- PP-YOLOE and PicoDet without their suppression: the same, with classes x n (PaddlePaddle/PaddleDetection
  ppdet/modeling/heads/pico_head.py, exclude_nms).
- RT-DETR, D-FINE, RF-DETR and TAO's DETRs without a postprocessor: boxes (centre x and y, width, height, as fractions
  of the input) and logits of n x classes (lyuwenyu/RT-DETR rtdetr_postprocessor.py at 068dfde; NVIDIA/DeepStream
  NvDsInferParseCustomRTDETRTAO at 581889d). RF-DETR has a column more than classes (roboflow/rf-detr
  rfdetr/models/lwdetr.py at 35ac6ab).
- RT-DETR from Ultralytics: one table, with the same boxes and probabilities, n x (4 + classes)
  (docs.ultralytics.com/models/rtdetr).
"""

from typing import Dict

import numpy as np

from sidecar.worker.inference.decoders.decoder import (
    Candidates,
    Decoder,
    Tensors,
    best_classes,
    corners,
    logit,
    misfit,
    named,
    positions,
    shape_of,
    sigmoid,
)

_BOXES, _SCORES, _TABLE = "boxes", "scores", "table"


class BoxesAndScoresDecoder(Decoder):
    """YOLO-NAS, PP-YOLOE and PicoDet without their suppression. A box names its strongest class only."""

    # Columns of scores behind those of the classes, which mean no object.
    most_extra = 0

    def find(self, outputs: Tensors) -> Dict[str, str]:
        wide = range(self.classes, self.classes + self.most_extra + 1)
        tables = {name: shape_of(one, 2) or () for name, one in outputs.items()}
        boxes = [name for name, shape in tables.items() if 4 in shape]
        scores = [name for name, shape in tables.items() if set(shape) & set(wide)]
        # Four classes look like boxes: then names must tell.
        for box in named({name: outputs[name] for name in boxes}, "box", "dets") or sorted(boxes):
            for score in named({name: outputs[name] for name in scores}, "score", "logit", "label", "class") or scores:
                if score != box and set(tables[box]) & set(tables[score]):
                    return {_BOXES: box, _SCORES: score}
        raise misfit("boxes of n x 4 and scores of n x %d" % self.classes, outputs)

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        boxes = tensors[_BOXES] if tensors[_BOXES].shape[1] == 4 else tensors[_BOXES].T
        scores = tensors[_SCORES] if len(tensors[_SCORES]) == len(boxes) else tensors[_SCORES].T
        return self._candidates(boxes, scores[:, : self.classes], thresholds)

    def _candidates(self, boxes: "np.ndarray", scores: "np.ndarray", thresholds: "np.ndarray") -> Candidates:
        rows, best, class_ids = best_classes(scores, thresholds)
        return Candidates(boxes[rows], best, class_ids)


class DetrDecoder(BoxesAndScoresDecoder):
    """RT-DETR, D-FINE, RF-DETR. A query may name several classes."""

    most_extra = 1

    def _candidates(self, boxes: "np.ndarray", scores: "np.ndarray", thresholds: "np.ndarray") -> Candidates:
        rows, class_ids = positions(scores >= logit(thresholds))
        size = np.array([self.width, self.height] * 2, dtype=np.float32)
        return Candidates(corners(boxes[rows] * size), sigmoid(scores[rows, class_ids]), class_ids)


class DetrTableDecoder(Decoder):
    """RT-DETR as Ultralytics exports it."""

    def find(self, outputs: Tensors) -> Dict[str, str]:
        columns = 4 + self.classes
        found = [name for name in sorted(outputs) if columns in (shape_of(outputs[name], 2) or ())]
        if len(found) != 1:
            raise misfit("one output of n x %d" % columns, outputs)
        return {_TABLE: found[0]}

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        table = tensors[_TABLE]
        if table.shape[1] != 4 + self.classes:
            table = table.T
        rows, class_ids = positions(table[:, 4:] >= thresholds)
        size = np.array([self.width, self.height] * 2, dtype=np.float32)
        return Candidates(corners(table[rows, :4] * size), table[rows, 4 + class_ids], class_ids)
