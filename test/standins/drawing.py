"""Draws filled areas, outlines, lines and text in RGBA, NV12 and I420."""

import functools
from typing import Any, Tuple

import cairo
import numpy as np

from standins.frames import RawVideo, planes

Color = Tuple[float, float, float, float]


class Canvas:
    """One frame of a batch in mapped memory. Drawings are clipped to it; coordinates are in pixels."""

    def __init__(self, data: np.ndarray, video: RawVideo, index: int) -> None:
        self._planes = planes(data, video, index)
        self._yuv = video.format != "RGBA"
        self._size = (video.width, video.height)

    def fill(self, left: float, top: float, width: float, height: float, color: Color) -> None:
        """Fills an area with a colour, by its alpha."""
        x0, y0 = max(0, int(left)), max(0, int(top))
        x1, y1 = min(self._size[0], int(left + width)), min(self._size[1], int(top + height))
        if x1 > x0 and y1 > y0:
            self._blend(x0, y0, np.full((y1 - y0, x1 - x0), color[3], np.float32), color)

    def outline(self, left: float, top: float, width: float, height: float, thickness: int, color: Color) -> None:
        """Draws the outline of an area, inside it."""
        self.fill(left, top, width, thickness, color)
        self.fill(left, top + height - thickness, width, thickness, color)
        self.fill(left, top, thickness, height, color)
        self.fill(left + width - thickness, top, thickness, height, color)

    def line(self, x1: int, y1: int, x2: int, y2: int, thickness: int, color: Color) -> None:
        steps = max(abs(x2 - x1), abs(y2 - y1), 1)
        for step in range(0, steps + 1, max(1, thickness)):
            x, y = x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps
            self.fill(x - thickness // 2, y - thickness // 2, max(1, thickness), max(1, thickness), color)

    def text(self, left: int, top: int, text: str, font: str, size: int, color: Color) -> None:
        mask = _rendered(text, font, size)
        x0, y0 = max(0, left), max(0, top)
        visible = mask[y0 - top : self._size[1] - top, x0 - left : self._size[0] - left]
        if left < self._size[0] and top < self._size[1] and visible.size:
            self._blend(x0, y0, visible * color[3], color)

    def _blend(self, left: int, top: int, alpha: np.ndarray, color: Color) -> None:
        values = _yuv(color) if self._yuv else tuple(255 * part for part in color[:3])
        if not self._yuv:
            _mix(self._planes[0][..., :3], left, top, alpha[..., None], np.array(values, np.float32))
            return
        _mix(self._planes[0], left, top, alpha, values[0])
        # Chroma has half the resolution: even rows and columns of the area count for their neighbours too.
        half = alpha[::2, ::2]
        if len(self._planes) == 2:
            _mix(self._planes[1], left // 2, top // 2, half[..., None], np.array(values[1:], np.float32))
        else:
            _mix(self._planes[1], left // 2, top // 2, half, values[1])
            _mix(self._planes[2], left // 2, top // 2, half, values[2])


def _mix(plane: np.ndarray, left: int, top: int, alpha: np.ndarray, value: Any) -> None:
    area = plane[top : top + alpha.shape[0], left : left + alpha.shape[1]]
    alpha = alpha[: area.shape[0], : area.shape[1]]
    if alpha.min() >= 1:
        area[:] = np.asarray(value, np.float32).astype(np.uint8)
    else:
        area[:] = (area * (1 - alpha) + value * alpha).astype(np.uint8)


def _yuv(color: Color) -> Tuple[float, float, float]:
    """BT.601, limited range."""
    red, green, blue = color[:3]
    return (
        16 + 65.5 * red + 128.6 * green + 24.9 * blue,
        128 - 37.8 * red - 74.2 * green + 112 * blue,
        128 + 112 * red - 93.8 * green - 18.2 * blue,
    )


@functools.lru_cache(maxsize=256)
def _rendered(text: str, font: str, size: int) -> np.ndarray:
    """A text's coverage of each pixel, from 0 to 1."""
    measure = cairo.Context(cairo.ImageSurface(cairo.FORMAT_A8, 1, 1))
    measure.select_font_face(font)
    measure.set_font_size(size)
    extents = measure.text_extents(text)
    width, height = max(1, int(extents.x_advance) + 2), max(1, int(size * 1.4))
    surface = cairo.ImageSurface(cairo.FORMAT_A8, width, height)
    context = cairo.Context(surface)
    context.select_font_face(font)
    context.set_font_size(size)
    context.move_to(0, size)
    context.show_text(text)
    surface.flush()
    rows = np.frombuffer(surface.get_data(), np.uint8).reshape(height, surface.get_stride())
    return rows[:, :width].astype(np.float32) / 255


def text_size(text: str, font: str, size: int) -> Tuple[int, int]:
    height, width = _rendered(text, font, size).shape
    return width, height
