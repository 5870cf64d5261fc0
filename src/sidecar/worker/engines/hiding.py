"""Hides the objects of some classes in a camera's frames, so that nobody recognises them in any picture."""

import math
from typing import FrozenSet, List, NamedTuple, Sequence, Tuple

import numpy as np

from sidecar.contract import spec
from sidecar.worker.inference.frame import BLACK_LUMA, NO_COLOUR, I420Frame
from sidecar.worker.inference.postprocess import Object

# A network misses an object now and then: where one was stays hidden for so many seconds.
_KEPT_SECONDS = 1.0
# An object is hidden with so much around it, in shares of its size: boxes are not exact.
_MARGIN = 0.1
# A blurred object is at most so many squares wide and high, and each of them at least so many pixels.
_SQUARES = 6
_SMALLEST_SQUARE = 12


class PrivacyError(Exception):
    """A frame must not leave: its masks cannot be applied, or its objects not be hidden. The message says why."""


class _Hidden(NamedTuple):
    """Where an object was, and until when that is hidden, in seconds."""

    item: Object
    until: float


class Hider:
    """Hides the objects of one camera. For one thread at a time: the camera's streaming thread."""

    def __init__(self, hiding: spec.Hiding) -> None:
        self.classes: FrozenSet[str] = frozenset(hiding.classes)
        self._hide = _blur if hiding.method == spec.HIDING_METHOD_BLUR else _cover
        self._hidden: List[_Hidden] = []

    def reset(self) -> None:
        """The next frames are of a new connection."""
        self._hidden = []

    def add(self, objects: Sequence[Object], now: float) -> bool:
        """Takes the objects of a frame of this time, in seconds. Returns whether anything is to be hidden on it."""
        kept = [one for one in self._hidden if now < one.until]
        self._hidden = kept + [_Hidden(one, now + _KEPT_SECONDS) for one in objects if one.label in self.classes]
        return bool(self._hidden)

    def apply(self, frame: I420Frame) -> None:
        """Hides the objects on the frame that add() was called for. Its planes must be writable."""
        for one in self._hidden:
            left, top, right, bottom = _area(one.item, frame)
            if left >= right or top >= bottom:
                continue
            for plane, half, black in ((frame.y, 0, BLACK_LUMA), (frame.u, 1, NO_COLOUR), (frame.v, 1, NO_COLOUR)):
                rows, columns = slice(top >> half, (bottom + half) >> half), slice(left >> half, (right + half) >> half)
                self._hide(plane[rows, columns], black, _SMALLEST_SQUARE >> half)


def _area(item: Object, frame: I420Frame) -> Tuple[int, int, int, int]:
    """Left, top, right and bottom of an object and what is around it, in whole chroma samples within the frame."""
    across, down = item.width * _MARGIN, item.height * _MARGIN
    edges = item.left - across, item.top - down, item.left + item.width + across, item.top + item.height + down
    if not all(np.isfinite(edges)):
        raise PrivacyError("an object that is to be hidden has no place")
    left, top = (max(0, math.floor(edge / 2) * 2) for edge in edges[:2])
    right, bottom = (math.ceil(edge / 2) * 2 for edge in edges[2:])
    return left, top, min(right, frame.width), min(bottom, frame.height)


def _cover(area: "np.ndarray", black: int, _smallest: int) -> None:
    area[:] = black


def _blur(area: "np.ndarray", _black: int, smallest: int) -> None:
    down, across = (max(1, min(_SQUARES, size // smallest)) for size in area.shape)
    for rows in np.array_split(area, down):
        for square in np.array_split(rows, across, axis=1):
            square[:] = square.mean()
