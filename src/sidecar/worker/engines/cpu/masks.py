"""Privacy masks: areas of a camera's frame that are black before anything else sees the frame."""

from typing import Iterable, List, Optional, Tuple

import cairo
import numpy as np

from sidecar.contract import spec
from sidecar.worker.inference.frame import I420Frame

# Video black; chroma of no colour.
_BLACK_LUMA = 16
_NO_COLOUR = 128


class Masks:
    """The masks of one camera. apply() is called on that camera's streaming thread."""

    def __init__(self, polygons: Iterable[spec.Polygon]) -> None:
        self._polygons = [[(point.x, point.y) for point in polygon.points] for polygon in polygons]
        self._size = (0, 0)
        self._luma = np.zeros((0, 0), bool)
        self._chroma = np.zeros((0, 0), bool)

    def __bool__(self) -> bool:
        return bool(self._polygons)

    def apply(self, frame: I420Frame) -> None:
        """Blackens the areas in a frame whose planes may be written to."""
        if self._size != (frame.width, frame.height):
            self._size = (frame.width, frame.height)
            self._luma = _covered(self._polygons, frame.y.shape, (frame.width, frame.height))
            rows, columns = frame.u.shape
            # A chroma sample belongs to four pixels: it goes if one of them does.
            padded = np.zeros((rows * 2, columns * 2), bool)
            padded[: self._luma.shape[0], : self._luma.shape[1]] = self._luma
            self._chroma = np.array(padded.reshape(rows, 2, columns, 2).any(axis=(1, 3)))
        frame.y[self._luma] = _BLACK_LUMA
        frame.u[self._chroma] = _NO_COLOUR
        frame.v[self._chroma] = _NO_COLOUR


def _covered(polygons: List[List[Tuple[float, float]]], shape: Tuple[int, int], size: Tuple[int, int]) -> np.ndarray:
    """Which pixels any of the polygons touches, however little."""
    surface = cairo.ImageSurface(cairo.FORMAT_A8, shape[1], shape[0])
    context = cairo.Context(surface)
    for polygon in polygons:
        context.new_path()
        for x, y in polygon:
            context.line_to(x * size[0], y * size[1])
        context.close_path()
        context.fill_preserve()
        context.set_line_width(1)
        context.stroke()
    surface.flush()
    alpha = np.frombuffer(surface.get_data(), np.uint8).reshape(shape[0], surface.get_stride())
    covered = alpha[:, : shape[1]] > 0
    return np.array(covered)


def masks_of(camera: spec.Camera) -> Optional[Masks]:
    """The camera's masks, None if it has none."""
    return Masks(camera.masks) if camera.masks else None
