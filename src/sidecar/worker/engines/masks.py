"""Privacy masks: areas of a camera's frames that are blackened before anything else sees them."""

import math
from typing import Iterable, List, Sequence, Tuple

from sidecar.contract import spec
from sidecar.worker.inference.frame import BLACK_LUMA, NO_COLOUR, I420Frame
from sidecar.worker.outputs.layout import Rectangle

# Rows that are covered together: as many as share a chroma sample.
_BAND = 2

_Points = Sequence[Tuple[float, float]]
_Interval = Tuple[float, float]


class Masks:
    """The masks of one camera. apply() is called on that camera's streaming thread."""

    def __init__(self, polygons: Iterable[spec.Polygon]) -> None:
        self._polygons = [[(point.x, point.y) for point in polygon.points] for polygon in polygons]
        self._size = (0, 0)
        self._rectangles: List[Rectangle] = []

    def apply(self, frame: I420Frame) -> None:
        """Blackens the areas in a frame. Its planes must be writable."""
        if self._size != (frame.width, frame.height):
            self._rectangles = covering(self._polygons, frame.width, frame.height)
            self._size = (frame.width, frame.height)
        for x, y, width, height in self._rectangles:
            frame.y[y : y + height, x : x + width] = BLACK_LUMA
            rows, columns = slice(y // 2, (y + height + 1) // 2), slice(x // 2, (x + width + 1) // 2)
            frame.u[rows, columns] = NO_COLOUR
            frame.v[rows, columns] = NO_COLOUR


def covering(polygons: Iterable[_Points], width: int, height: int) -> List[Rectangle]:
    """Rectangles that cover every pixel that a polygon touches, however little, and whole chroma samples. Pure.

    polygons: in fractions of the frame, with their points in either direction. They cover what they wind around.
    """
    scaled = [[(x * width, y * height) for x, y in polygon] for polygon in polygons]
    rectangles: List[Rectangle] = []
    open_: List[Rectangle] = []
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        spans = _united([_even(one, width) for polygon in scaled for one in _touched(polygon, top, bottom)])
        if [(one.x, one.x + one.width) for one in open_] == spans:
            open_ = [one._replace(height=bottom - one.y) for one in open_]
        else:
            rectangles += open_
            open_ = [Rectangle(left, top, right - left, bottom - top) for left, right in spans]
    return rectangles + open_


def _touched(polygon: _Points, top: float, bottom: float) -> List[_Interval]:
    """Where a polygon touches a band of rows.

    An edge covers all that it passes over within the band. What no edge passes over is either inside or outside: a line
    through the middle of the band decides.
    """
    intervals: List[_Interval] = []
    crossings: List[Tuple[float, int]] = []
    middle = (top + bottom) / 2
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], *polygon[:1]]):
        if max(y0, y1) < top or min(y0, y1) > bottom:
            continue
        if y0 == y1:
            intervals.append((min(x0, x1), max(x0, x1)))
            continue
        ends = [x0 + (x1 - x0) * (min(max(y, top), bottom) - y0) / (y1 - y0) for y in (y0, y1)]
        intervals.append((min(ends), max(ends)))
        if min(y0, y1) <= middle < max(y0, y1):
            crossings.append((x0 + (x1 - x0) * (middle - y0) / (y1 - y0), 1 if y1 > y0 else -1))
    winding = 0
    left = 0.0
    for x, step in sorted(crossings):
        if winding == 0:
            left = x
        winding += step
        if winding == 0:
            intervals.append((left, x))
    return intervals


def _even(interval: _Interval, width: int) -> Tuple[int, int]:
    """An interval in whole chroma samples within the frame; empty if it lies outside."""
    left = max(0, math.floor(interval[0] / 2) * 2)
    right = min(width, math.floor(interval[1] / 2) * 2 + 2)
    return left, max(left, right)


def _united(intervals: List[Tuple[int, int]]) -> List[Tuple[int, int]]:
    united: List[Tuple[int, int]] = []
    for left, right in sorted(one for one in intervals if one[0] < one[1]):
        if united and left <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], right))
        else:
            united.append((left, right))
    return united
