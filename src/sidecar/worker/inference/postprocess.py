"""Post-processing: from a network's raw outputs to the objects on one frame. Uses numpy alone; every engine has it."""

from typing import FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from sidecar.contract import spec
from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.decoders import BoundDecoder, Candidates
from sidecar.worker.inference.geometry import Geometry

# Only the best are taken, more than any real frame has: a threshold near 0 must not cost seconds.
MAX_CANDIDATES = 1000


class DetectionFilter(NamedTuple):
    """What the specification asks for beyond the bundle."""

    # The threshold of all classes. None: the bundle's, class by class.
    threshold: Optional[float] = None
    # Labels to report. None: all.
    classes: Optional[FrozenSet[str]] = None


def detection_filter(model: spec.Model) -> DetectionFilter:
    """What a model of the specification asks for."""
    return DetectionFilter(
        model.threshold if model.HasField("threshold") else None, frozenset(model.classes) if model.classes else None
    )


class Attribute(NamedTuple):
    """What a classifier says of an object, such as colour: red."""

    name: str
    value: str
    # 0 to 1.
    confidence: float


class Object(NamedTuple):
    """One object; the box is in pixels of the frame and lies within it."""

    class_id: int
    label: str
    confidence: float
    left: float
    top: float
    width: float
    height: float
    # None: no tracker follows it.
    track_id: Optional[int] = None
    attributes: Tuple[Attribute, ...] = ()
    # Index of the model that found it into those of the specification.
    model: int = 0


class Postprocessor:
    """Serves any number of threads."""

    def __init__(self, bundle: Bundle, decoder: BoundDecoder) -> None:
        self._bundle = bundle
        self._decoder = decoder
        self._groups = decoder.groups(bundle.labels)
        attributes = bundle.config.classes
        self._thresholds = np.array([one.threshold for one in attributes], dtype=np.float32)
        self._iou_thresholds = np.array([one.iou_threshold for one in attributes], dtype=np.float32)
        unlimited = np.iinfo(np.intp).max
        limits = [unlimited if one.top_k < 0 else one.top_k for one in attributes]
        self._limits = np.array(limits, dtype=np.intp)
        self._min_sizes = np.array([(one.min_width, one.min_height) for one in attributes], dtype=np.float32)
        max_sizes = [(one.max_width or np.inf, one.max_height or np.inf) for one in attributes]
        self._max_sizes = np.array(max_sizes, dtype=np.float32)
        self._margins = np.array([(one.roi_top, one.roi_bottom) for one in attributes], dtype=np.float32)

    def __call__(
        self, outputs: Mapping[str, "np.ndarray"], geometry: Geometry, detection_filter: DetectionFilter
    ) -> List[Object]:
        """outputs: one frame's, by name. The objects are sorted by confidence, strongest first. Raises DecoderError."""
        reported = self._reported(detection_filter)
        thresholds = self._thresholds
        if detection_filter.threshold is not None:
            thresholds = np.full_like(thresholds, detection_filter.threshold)
        # A class that is not reported still suppresses others of its group: a car must not become a truck because only
        # trucks are wanted.
        needed = np.isin(self._groups, self._groups[reported])
        found = self._decoder.decode(outputs, np.where(needed, thresholds, np.float32(np.inf)))
        found = strongest_first(found)
        if self._bundle.config.nms:
            found = suppress(found, self._groups, self._iou_thresholds)
        found = strongest_of_each_class(found, np.where(reported, self._limits, 0))
        boxes = geometry.to_frame(found.boxes)
        keep = self._right_size(boxes, found.class_ids, geometry.frame_height)
        return self._objects(Candidates(boxes[keep], found.scores[keep], found.class_ids[keep]))

    def _reported(self, detection_filter: DetectionFilter) -> "np.ndarray":
        wanted = detection_filter.classes
        return np.array(
            [
                class_id not in self._bundle.config.filtered_out and (wanted is None or label in wanted)
                for class_id, label in enumerate(self._bundle.labels)
            ]
        )

    def _right_size(self, boxes: "np.ndarray", class_ids: "np.ndarray", frame_height: int) -> "np.ndarray":
        sizes = boxes[:, 2:] - boxes[:, :2]
        keep = (sizes > 0) & (sizes >= self._min_sizes[class_ids]) & (sizes <= self._max_sizes[class_ids])
        margins = self._margins[class_ids]
        inside = (boxes[:, 1] >= margins[:, 0]) & (boxes[:, 3] <= frame_height - margins[:, 1])
        kept: np.ndarray = keep.all(axis=1) & inside
        return kept

    def _objects(self, found: Candidates) -> List[Object]:
        return [
            Object(class_id, self._bundle.labels[class_id], score, left, top, right - left, bottom - top)
            for class_id, score, (left, top, right, bottom) in zip(
                found.class_ids.tolist(), found.scores.tolist(), found.boxes.tolist()
            )
        ]


def is_finite(output: "np.ndarray") -> bool:
    """False: a raw output holds NaN or infinity. No threshold lets such a score pass: the network is blind."""
    # NaN passes through both, and they make no array of their own: less time than isfinite() for a large output.
    return output.size == 0 or bool(np.isfinite(output.min()) and np.isfinite(output.max()))


def strongest_first(candidates: Candidates) -> Candidates:
    """Sorted by score, and no more than MAX_CANDIDATES. Equal scores keep their order."""
    order = np.argsort(-candidates.scores, kind="stable")[:MAX_CANDIDATES]
    return Candidates(candidates.boxes[order], candidates.scores[order], candidates.class_ids[order])


def suppress(candidates: Candidates, groups: "np.ndarray", iou_thresholds: "np.ndarray") -> Candidates:
    """Non-maximum suppression: drops a box that overlaps a stronger one of its group by more than that one's threshold.

    candidates: strongest first. groups, iou_thresholds: by class.
    """
    count = len(candidates.scores)
    if count < 2:
        return candidates
    group = groups[candidates.class_ids]
    rivals = _overlaps(candidates.boxes) > iou_thresholds[candidates.class_ids][:, np.newaxis]
    rivals &= group[:, np.newaxis] == group
    alive = np.ones(count, dtype=bool)
    for row in range(count - 1):
        if alive[row]:
            alive[row + 1 :] &= ~rivals[row, row + 1 :]
    return Candidates(candidates.boxes[alive], candidates.scores[alive], candidates.class_ids[alive])


def strongest_of_each_class(candidates: Candidates, limits: "np.ndarray") -> Candidates:
    """Keeps the first limits[class] boxes of each class. candidates: strongest first."""
    left = limits.copy()
    keep = np.zeros(len(candidates.scores), dtype=bool)
    for row, class_id in enumerate(candidates.class_ids):
        keep[row] = left[class_id] > 0
        left[class_id] -= 1
    return Candidates(candidates.boxes[keep], candidates.scores[keep], candidates.class_ids[keep])


def _overlaps(boxes: "np.ndarray") -> "np.ndarray":
    """Intersection over union of every box with every box."""
    left, top, right, bottom = boxes.T
    areas = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    width = np.minimum(right[:, np.newaxis], right) - np.maximum(left[:, np.newaxis], left)
    height = np.minimum(bottom[:, np.newaxis], bottom) - np.maximum(top[:, np.newaxis], top)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    overlaps: np.ndarray = shared / np.maximum(areas[:, np.newaxis] + areas - shared, np.float32(1e-9))
    return overlaps
