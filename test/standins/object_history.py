"""Which objects a secondary nvinfer infers, and what it remembers of them.

It shares no code with the engines: it stands for should_infer_object() and the object history of gstnvinfer.cpp, and
for parseAttributesFromSoftmaxLayers() of nvdsinfer_context_impl_output_parsing.cpp.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from standins import pyds
from standins.inference_config import CLASSIFIER, NEVER, Inference, Objects

_UNTRACKED = 2**64 - 1
# REINFER_AREA_THRESHOLD.
_GROWTH = 0.2


class ClassifiedAttribute(NamedTuple):
    """What one output of a classifier says."""

    output: int
    class_id: int
    confidence: float
    # None: the class has no label.
    label: Optional[str]


class History:
    """What is remembered of a tracked object."""

    def __init__(self) -> None:
        self.frame = 0
        self.area = 0.0
        self.attributes: List[ClassifiedAttribute] = []


class ObjectHistory:
    """Of all tracked objects, by the muxer's pad and their ids."""

    def __init__(self) -> None:
        self._objects: Dict[Tuple[int, int], History] = {}

    def of(self, pad: int, object_id: int) -> Optional[History]:
        return self._objects.get((pad, object_id))

    def note(self, pad: int, entry: pyds.NvDsObjectMeta, frame: int) -> Optional[History]:
        """An object is inferred on this frame. None: it is not tracked."""
        if entry.object_id == _UNTRACKED:
            return None
        history = self._objects.setdefault((pad, entry.object_id), History())
        history.frame, history.area = frame, entry.rect_params.width * entry.rect_params.height
        return history


def should_infer(
    rules: Objects, network_type: int, entry: pyds.NvDsObjectMeta, frame: int, history: Optional[History]
) -> bool:
    place = entry.rect_params
    if rules.gie_id > -1 and entry.unique_component_id != rules.gie_id:
        return False
    if place.width < rules.min_size[0] or place.height < rules.min_size[1]:
        return False
    if 0 < rules.max_size[0] < place.width or 0 < rules.max_size[1] < place.height:
        return False
    if rules.class_ids and entry.class_id not in rules.class_ids:
        return False
    if history is None:
        return True
    is_old = frame - history.frame > rules.interval
    if network_type == CLASSIFIER:
        return is_old or history.area * (1 + _GROWTH) < place.width * place.height
    return is_old or rules.interval == NEVER


def classified(config: Inference, outputs: Sequence[Any]) -> List[ClassifiedAttribute]:
    """The most probable class of each output, above the threshold. An output has as many classes as its first dimension
    behind the batch says, whatever it holds."""
    found = []
    for output, tensor in enumerate(outputs):
        scores = np.asarray(tensor[0], np.float32).ravel()[: tensor.shape[1]]
        best = int(scores.argmax())
        if scores[best] > config.classifier_threshold and scores[best] > 0:
            labels = config.attribute_labels[output] if output < len(config.attribute_labels) else ()
            label = labels[best] if best < len(labels) else None
            found.append(ClassifiedAttribute(output, best, float(scores[best]), label))
    return found
