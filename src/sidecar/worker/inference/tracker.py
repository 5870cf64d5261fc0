"""Follows the objects of one camera from frame to frame, and moves their boxes between two inferences. Numpy alone.

Objects are matched by the overlap of their boxes with where the objects known so far are expected at constant speed;
what moved too fast to overlap, by the distance. An object that is missed keeps its id for a while, so that it survives
being hidden.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from sidecar.worker.inference.postprocess import Object

# How long an object that is missed keeps its id, in seconds. One that is not missed keeps it until the next inference,
# however long that takes.
_KEPT_SECONDS = 2.0
# Least overlap (intersection over union) of an object's box with the expected one: of the same class, and of another,
# since networks take a van for a car now and then.
_OVERLAP = 0.2
_OVERLAP_OTHER_CLASS = 0.5
# Longest distance of the centres, in diagonals of the expected box, for boxes that do not overlap, and how much larger
# one of them may be than the other.
_DISTANCE = 1.0
_SIZE_RATIO = 2.0
# How much of a difference between measured and expected place is put down to a change of speed.
_SPEED_GAIN = 0.5
# No box is moved for longer, in seconds.
_LONGEST_PREDICTION = 1.0


class _Track(NamedTuple):
    id: int
    # As detected last.
    item: Object
    # Pixels a second, of the centre.
    speed: Tuple[float, float]
    # When it was detected last, in seconds.
    seen: float


class Tracker:
    """For one thread at a time. Times are those of frames, in seconds; they never go back."""

    def __init__(self) -> None:
        self._tracks: List[_Track] = []
        self._next_id = 1
        # Ids of the objects on the last frame that was inferred.
        self._present: List[int] = []

    def reset(self) -> None:
        """Forgets all objects: what comes next has other ids."""
        self._tracks = []
        self._present = []

    def update(self, objects: Sequence[Object], now: float) -> List[Object]:
        """The objects that were detected on a frame, in their order, each with its id."""
        present = set(self._present)
        tracks = [track for track in self._tracks if track.id in present or now - track.seen <= _KEPT_SECONDS]
        matches = _match(tracks, objects, now)
        followed = []
        for index, item in enumerate(objects):
            before = matches.get(index)
            if before is None:
                followed.append(_Track(self._next_id, item, (0.0, 0.0), now))
                self._next_id += 1
            else:
                followed.append(_Track(before.id, item, _speed(before, item, now), now))
        found = {track.id for track in followed}
        self._tracks = followed + [track for track in tracks if track.id not in found]
        self._present = [track.id for track in followed]
        return [track.item._replace(track_id=track.id) for track in followed]

    def predict(self, now: float, width: int, height: int) -> List[Object]:
        """The objects on the last frame that was inferred, where they are expected by now on a frame of this size."""
        present = set(self._present)
        moved = (_clipped(_moved(track, now), width, height) for track in self._tracks if track.id in present)
        return [item for item in moved if item is not None]


def _moved(track: _Track, now: float) -> Object:
    seconds = min(now - track.seen, _LONGEST_PREDICTION)
    item = track.item
    left, top = item.left + track.speed[0] * seconds, item.top + track.speed[1] * seconds
    return item._replace(left=left, top=top, track_id=track.id)


def _clipped(item: Object, width: int, height: int) -> Optional[Object]:
    """The part of a box that lies in the frame; None if there is none."""
    left, top = max(0.0, item.left), max(0.0, item.top)
    right, bottom = min(float(width), item.left + item.width), min(float(height), item.top + item.height)
    if right <= left or bottom <= top:
        return None
    return item._replace(left=left, top=top, width=right - left, height=bottom - top)


def _speed(before: _Track, item: Object, now: float) -> Tuple[float, float]:
    seconds = now - before.seen
    if seconds <= 0:
        return before.speed
    measured = [(after - earlier) / seconds for after, earlier in zip(_centre(item), _centre(before.item))]
    # Nothing is known of the speed of an object that was seen once.
    gain = 1.0 if before.speed == (0.0, 0.0) else _SPEED_GAIN
    across, down = [old + gain * (new - old) for old, new in zip(before.speed, measured)]
    return across, down


def _centre(item: Object) -> Tuple[float, float]:
    return item.left + item.width / 2, item.top + item.height / 2


def _match(tracks: Sequence[_Track], objects: Sequence[Object], now: float) -> Dict[int, _Track]:
    """The track of each object that has one, by the object's index: the best pair first."""
    if not tracks or not objects:
        return {}
    expected = _boxes([_moved(track, now) for track in tracks])
    found = _boxes(objects)
    same_class = np.equal.outer(
        [track.item.class_id for track in tracks],
        [item.class_id for item in objects],
    )
    overlap = _overlaps(expected, found)
    near = np.where(same_class, _nearness(expected, found), 0.0)
    # Any overlap counts for more than nearness, which is below 1.
    score = np.where(overlap >= np.where(same_class, _OVERLAP, _OVERLAP_OTHER_CLASS), 1 + overlap, near)
    matches: Dict[int, _Track] = {}
    taken = set()
    pairs = np.argwhere(score > 0)
    order = np.argsort(-score[score > 0], kind="stable")
    for row, column in pairs[order].tolist():
        if row not in taken and column not in matches:
            taken.add(row)
            matches[column] = tracks[row]
    return matches


def _boxes(objects: Sequence[Object]) -> "np.ndarray":
    """Left, top, right and bottom, one object in each row."""
    return np.array([(one.left, one.top, one.left + one.width, one.top + one.height) for one in objects])


def _overlaps(one: "np.ndarray", other: "np.ndarray") -> "np.ndarray":
    low = np.maximum(one[:, np.newaxis, :2], other[np.newaxis, :, :2])
    high = np.minimum(one[:, np.newaxis, 2:], other[np.newaxis, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    total = _areas(one)[:, np.newaxis] + _areas(other)[np.newaxis, :] - common
    overlaps: "np.ndarray" = np.divide(common, total, out=np.zeros_like(common), where=total > 0)
    return overlaps


def _nearness(one: "np.ndarray", other: "np.ndarray") -> "np.ndarray":
    """From 0, too far or too different in size, to 1."""
    size = one[:, 2:] - one[:, :2]
    between = (one[:, :2] + one[:, 2:])[:, np.newaxis] / 2 - (other[:, :2] + other[:, 2:])[np.newaxis] / 2
    distance = (
        np.hypot(between[..., 0], between[..., 1]) / np.maximum(np.hypot(size[:, 0], size[:, 1]), 1)[:, np.newaxis]
    )
    areas, others = np.maximum(_areas(one), 1)[:, np.newaxis], np.maximum(_areas(other), 1)[np.newaxis]
    alike = np.maximum(areas / others, others / areas) <= _SIZE_RATIO
    return np.where(alike & (distance < _DISTANCE), 1 - distance, 0.0)


def _areas(boxes: "np.ndarray") -> "np.ndarray":
    areas: "np.ndarray" = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return areas
