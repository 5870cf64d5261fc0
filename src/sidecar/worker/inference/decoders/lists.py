"""Decodes networks that suppress boxes themselves and give a list each of boxes, scores and classes.

Forms, as their projects write them:
- TensorFlow's Object Detection API: detection_boxes (top, left, bottom, right, as fractions of the input),
  detection_scores, detection_classes, num_detections; class 1 is the first (docs.openvino.ai, ssd_mobilenet_v1_coco;
  NVIDIA/DeepStream nvdsinfer_custombboxparser.cpp NvDsInferParseCustomTfSSD at 581889d, where label 0 is background).
- torchvision: boxes (left, top, right, bottom, in pixels), labels, scores, without a batch; class 1 is the first
  (docs.pytorch.org/vision, torchvision.models.detection: "classes go from 1 to num_classes").
- RT-DETR and D-FINE with their postprocessor: labels, boxes (in pixels of the size that they are given), scores; class
  0 is the first (lyuwenyu/RT-DETR rtdetrv2_pytorch/src/zoo/rtdetr/rtdetr_postprocessor.py at 068dfde).
- TensorRT's EfficientNMS plugin, YOLOv7 with --end2end, YOLO-NAS in the batch format: number, boxes (left, top, right,
  bottom, in pixels), scores, classes (NVIDIA/TensorRT plugin/efficientNMSPlugin/README.md; WongKinYiu/yolov7 export.py;
  Deci-AI/super-gradients documentation/source/models_export.md).
- TAO's EfficientDet: the same, with top, left, bottom, right (NVIDIA/DeepStream NvDsInferParseCustomEfficientDetTAO).
- TensorRT's BatchedNMS plugin: the same, as fractions of the input for TAO's SSD, RetinaNet, YOLOv3 and v4, in pixels
  for its YOLOv5 (NVIDIA/DeepStream NvDsInferParseCustomBatchedNMSTLT, NvDsInferParseYoloV5CustomBatchedNMSTLT).
"""

from typing import Dict, Optional

import numpy as np

from sidecar.worker.inference.decoders.decoder import Candidates, Decoder, Tensors, misfit, named, shape_of

_BOXES, _SCORES, _CLASSES, _COUNT = "boxes", "scores", "classes", "count"
# Parts of names, the surest first. TensorRT names the outputs of BatchedNMS by their numbers.
_NAMES = {
    _BOXES: ("detection_boxes", "det_boxes", "batchednms_1", "box", "dets"),
    _SCORES: ("detection_scores", "det_scores", "batchednms_2", "score", "conf"),
    _CLASSES: ("detection_classes", "det_classes", "batchednms_3", "class", "label"),
    _COUNT: ("num", "count", "batchednms"),
}


class ListsDecoder(Decoder):
    """EfficientNMS, YOLOv7 with its end2end export, YOLO-NAS in the batch format, RT-DETR with its postprocessor."""

    # Top, left, bottom, right.
    is_rows_first = False
    # Boxes are in fractions of the input.
    is_relative = False
    # The network's number of the first label.
    first_class = 0

    def find(self, outputs: Tensors) -> Dict[str, str]:
        lists = {name: one for name, one in outputs.items() if shape_of(one, 1) is not None and one.ndim <= 2}
        tables = {name: one for name, one in outputs.items() if (shape_of(one, 2) or (0,))[-1] == 4 and one.ndim > 1}
        counts = {name: one for name, one in outputs.items() if one.size == 1}
        found: Dict[str, str] = {}
        for role, possible in ((_BOXES, tables), (_SCORES, lists), (_CLASSES, lists), (_COUNT, counts)):
            free = {name: one for name, one in possible.items() if name not in found.values()}
            name = next(iter(named(free, *_NAMES[role])), None) or _only(role, free)
            if name is not None:
                found[role] = name
        if not {_BOXES, _SCORES, _CLASSES} <= set(found):
            raise misfit("boxes of n x 4, and n scores and n classes, with such names", outputs)
        return found

    def rank(self, role: str) -> int:
        return {_BOXES: 2, _COUNT: 0}.get(role, 1)

    def decode(self, tensors: Tensors, thresholds: "np.ndarray") -> Candidates:
        boxes, scores, classes = (tensors[role] for role in (_BOXES, _SCORES, _CLASSES))
        # Behind the count, a plugin leaves what it finds in memory.
        count = int(tensors[_COUNT]) if _COUNT in tensors else len(scores)
        used = np.arange(len(scores)) < count
        used &= (scores >= thresholds.min()) & (classes >= self.first_class)
        boxes, scores = boxes[used], scores[used]
        class_ids = self.known_classes(classes[used] - self.first_class)
        keep = scores >= thresholds[class_ids]
        boxes = boxes[keep]
        if self.is_rows_first:
            boxes = boxes[:, [1, 0, 3, 2]]
        if self.is_relative:
            boxes = boxes * np.array([self.width, self.height] * 2, dtype=np.float32)
        return Candidates(boxes, scores[keep], class_ids[keep])


def _only(role: str, free: Tensors) -> Optional[str]:
    """The output that shapes and types alone leave for a role."""
    names = sorted(free)
    if role != _BOXES:
        kinds = "f" if role == _SCORES else "iu"
        names = [name for name in names if free[name].dtype.kind in kinds]
    return names[0] if len(names) == 1 else None


class TensorFlowDecoder(ListsDecoder):
    is_rows_first = True
    is_relative = True
    first_class = 1


class TensorFlowBackgroundDecoder(TensorFlowDecoder):
    """Its labels begin with the background, as nvinfer's parser wants them."""

    first_class = 0


class TorchvisionDecoder(ListsDecoder):
    first_class = 1


class BatchedNmsDecoder(ListsDecoder):
    is_relative = True


class EfficientDetDecoder(ListsDecoder):
    is_rows_first = True
