"""Clustering: of the boxes that show one object, the best is kept."""

import numpy as np

from sidecar.worker.inference.decoders.decoder import Candidates

# More candidates than any real picture has: keeps a threshold near 0 from costing seconds. The best are taken.
MAX_CANDIDATES = 1000


def strongest_first(candidates: Candidates) -> Candidates:
    """Sorted by score, and no more than MAX_CANDIDATES. Equal scores keep their order."""
    order = np.argsort(-candidates.scores, kind="stable")[:MAX_CANDIDATES]
    return Candidates(candidates.boxes[order], candidates.scores[order], candidates.class_ids[order])


def suppress(candidates: Candidates, groups: "np.ndarray", iou_thresholds: "np.ndarray") -> Candidates:
    """Non-maximum suppression: drops a box that overlaps a stronger one of its group by more than that one's threshold.

    candidates: strongest first. groups, iou_thresholds: one a class.
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
