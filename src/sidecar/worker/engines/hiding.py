"""Hides the objects of some classes in a camera's frames, so that nobody recognises them in any picture."""

import math
from typing import FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from sidecar.contract import spec
from sidecar.worker.inference.frame import BLACK_LUMA, NO_COLOUR, I420Frame
from sidecar.worker.inference.postprocess import Object

# A network misses an object now and then: where one was stays hidden for so many seconds.
_KEPT_SECONDS = 1.0
# Intersection over union of two places of one object, and how many places are kept at most.
_SAME = 0.3
_MOST_KEPT = 200
# An object is hidden with so much around it, in shares of its size: boxes are not exact.
_MARGIN = 0.1
# A blurred object is at most so many squares wide and high, and each of them at least so many pixels.
_SQUARES = 6
_SMALLEST_SQUARE = 12


class PrivacyError(Exception):
    """A frame must not leave: its masks cannot be applied, or its objects not be hidden. The message says why."""


class _Hidden(NamedTuple):
    """Where an object was, in fractions of the frame, and until when that is hidden, in seconds."""

    left: float
    top: float
    right: float
    bottom: float
    until: float


class Hider:
    """Hides the objects of one camera. Any thread may call it, one at a time: the one that delivers a frame does."""

    def __init__(self, hiding: spec.Hiding) -> None:
        self.classes: FrozenSet[str] = frozenset(hiding.classes)
        self._hide = _blur if hiding.method == spec.HIDING_METHOD_BLUR else _cover
        self._hidden: List[_Hidden] = []

    def reset(self) -> None:
        """The next frames are of a new connection."""
        self._hidden = []

    def add(self, objects: Sequence[Object], size: Tuple[int, int], now: float) -> bool:
        """Takes the objects of a frame of this size and time, in seconds. Whether anything is to be hidden on it.

        Raises PrivacyError.
        """
        found = [_hidden(one, size, now + _KEPT_SECONDS) for one in objects if one.label in self.classes]
        kept = [one for one in self._hidden if now < one.until]
        # What is found again is hidden where it is now, and only there. It stands for one object: of two that overlap,
        # the one that is missed stays hidden.
        again = {_most_overlapped(kept, one) for one in found}
        kept = [one for index, one in enumerate(kept) if index not in again]
        self._hidden = found + kept[: max(0, _MOST_KEPT - len(found))]
        return bool(self._hidden)

    def apply(self, frame: I420Frame) -> None:
        """Hides the objects on the frame that add() was called for. Its planes must be writable."""
        for one in self._hidden:
            left, right = (2 * math.floor(one.left * frame.width / 2), 2 * math.ceil(one.right * frame.width / 2))
            top, bottom = (2 * math.floor(one.top * frame.height / 2), 2 * math.ceil(one.bottom * frame.height / 2))
            for plane, half, black in ((frame.y, 0, BLACK_LUMA), (frame.u, 1, NO_COLOUR), (frame.v, 1, NO_COLOUR)):
                area = plane[top >> half : bottom >> half, left >> half : right >> half]
                if area.size:
                    self._hide(area, black, _SMALLEST_SQUARE >> half)


def _hidden(item: Object, size: Tuple[int, int], until: float) -> _Hidden:
    """An object and what is around it, within the frame."""
    across, down = item.width * _MARGIN, item.height * _MARGIN
    horizontal = (item.left - across) / size[0], (item.left + item.width + across) / size[0]
    vertical = (item.top - down) / size[1], (item.top + item.height + down) / size[1]
    if not all(map(math.isfinite, horizontal + vertical)):
        raise PrivacyError("an object that is to be hidden has no place")
    (left, right), (top, bottom) = ([min(1.0, max(0.0, edge)) for edge in pair] for pair in (horizontal, vertical))
    return _Hidden(left, top, right, bottom, until)


def _most_overlapped(kept: Sequence[_Hidden], found: _Hidden) -> Optional[int]:
    """The index of the place where an object that was found has most probably been; None if it is new."""
    overlap, index = max(((_overlap(one, found), index) for index, one in enumerate(kept)), default=(0.0, 0))
    return index if overlap >= _SAME else None


def _overlap(one: _Hidden, other: _Hidden) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    areas = ((each.right - each.left) * (each.bottom - each.top) for each in (one, other))
    return width * height / (sum(areas) - width * height)


def _cover(area: "np.ndarray", black: int, _smallest: int) -> None:
    area[:] = black


def _blur(area: "np.ndarray", _black: int, smallest: int) -> None:
    down, across = (max(1, min(_SQUARES, size // smallest)) for size in area.shape)
    for rows in np.array_split(area, down):
        for square in np.array_split(rows, across, axis=1):
            square[:] = square.mean()
