"""Sprites: small images that are drawn once, kept, and blitted on frames, as I420 planes with an opacity.

Their sizes are even: at even coordinates a sprite then covers whole chroma samples, and its colours do not smear.
"""

import math
from typing import Any, NamedTuple, Optional, Tuple

import cairo
import numpy as np

from sidecar import cairo_text
from sidecar.worker.engines.overlay import Colour
from sidecar.worker.inference.frame import I420Frame

# BT.709, limited range.
_BLACK = (16, 128, 128)
_TO_YUV = np.array(((0.1826, 0.6142, 0.0620), (-0.1006, -0.3386, 0.4392), (0.4392, -0.3989, -0.0403)))


class Sprite(NamedTuple):
    """I420 planes already multiplied by their opacity, and how much to keep of the frame below."""

    width: int
    height: int
    planes: Tuple["np.ndarray", "np.ndarray", "np.ndarray"]
    # For each luma and each chroma sample, 0 to 256. None: the sprite is opaque.
    keep: Optional[Tuple["np.ndarray", "np.ndarray"]]


class TextStyle(NamedTuple):
    """How a text is drawn. Sizes in pixels."""

    size: int
    ink: Colour
    fill: Colour
    opacity: float
    radius: int


def even(value: float) -> int:
    """The nearest even number."""
    return 2 * math.floor(value / 2 + 0.5)


def yuv(colour: Colour) -> Tuple[int, int, int]:
    """A colour in BT.709, limited range."""
    y, u, v = np.add(np.dot(_TO_YUV, colour), _BLACK).round().astype(int)
    return int(y), int(u), int(v)


def fill(frame: I420Frame, x: int, y: int, width: int, height: int, value: Tuple[int, int, int]) -> None:
    """Fills a rectangle on even coordinates, cut at the frame's edges."""
    frame.y[y : y + height, x : x + width] = value[0]
    frame.u[y >> 1 : (y + height) >> 1, x >> 1 : (x + width) >> 1] = value[1]
    frame.v[y >> 1 : (y + height) >> 1, x >> 1 : (x + width) >> 1] = value[2]


def blit(frame: I420Frame, x: int, y: int, sprite: Sprite) -> None:
    """Paints a sprite at even coordinates, cut at the frame's right and lower edges."""
    for below, source, half in zip((frame.y, frame.u, frame.v), sprite.planes, (0, 1, 1)):
        part = below[y >> half : (y + sprite.height) >> half, x >> half : (x + sprite.width) >> half]
        source = source[: part.shape[0], : part.shape[1]]
        if sprite.keep is None:
            part[:] = source
        else:
            kept = sprite.keep[half][: part.shape[0], : part.shape[1]]
            part[:] = ((part * kept) >> 8) + source


def text_sprite(content: str, style: TextStyle, max_width: int) -> Optional[Sprite]:
    """One line of text on a filled strip, cut with an ellipsis at max_width. None if nothing fits."""
    pad = max(2, style.size // 3)
    pen = cairo_text.pen(cairo.ImageSurface(cairo.FORMAT_ARGB32, 1, 1), style.size)
    line = cairo_text.fitted(pen, cairo_text.printable(content), max_width - 2 * pad)
    if not line:
        return None
    ascent, descent = pen.font_extents()[:2]
    width = min(even(cairo_text.width(pen, line) + 2 * pad + 1), max_width // 2 * 2)
    height = even(ascent + descent + style.size // 4 + 1)

    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, width, height)
    pen = cairo_text.pen(surface, style.size)
    pen.set_source_rgba(*_unit(style.fill), style.opacity)
    _round_rectangle(pen, width, height, style.radius)
    pen.fill()
    pen.set_source_rgb(*_unit(style.ink))
    pen.move_to(pad, round((height - ascent - descent) / 2 + ascent))
    pen.show_text(line)
    return _from_surface(surface)


def _round_rectangle(pen: Any, width: int, height: int, radius: int) -> None:
    if radius <= 0:
        pen.rectangle(0, 0, width, height)
        return
    quarter = math.pi / 2
    pen.arc(width - radius, radius, radius, -quarter, 0)
    pen.arc(width - radius, height - radius, radius, 0, quarter)
    pen.arc(radius, height - radius, radius, quarter, 2 * quarter)
    pen.arc(radius, radius, radius, 2 * quarter, 3 * quarter)
    pen.close_path()


def _unit(colour: Colour) -> Tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _from_surface(surface: Any) -> Sprite:
    # Cairo's ARGB32 is a native-endian word, BGRA in memory on a little-endian machine, multiplied by its alpha.
    surface.flush()
    width, height = surface.get_width(), surface.get_height()
    pixels = np.frombuffer(surface.get_data(), np.uint8).reshape(height, surface.get_stride() // 4, 4)[:, :width]
    alpha = pixels[:, :, 3] / 255.0
    planes = np.dot(pixels[:, :, 2::-1], _TO_YUV.T) + alpha[:, :, None] * _BLACK
    chroma = planes.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    chroma_alpha = alpha.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    y, u, v = (plane.round().astype(np.uint8) for plane in (planes[:, :, 0], chroma[:, :, 1], chroma[:, :, 2]))
    if (alpha == 1).all():
        return Sprite(width, height, (y, u, v), None)
    luma_keep, chroma_keep = ((256 * (1 - a)).astype(np.uint16) for a in (alpha, chroma_alpha))
    return Sprite(width, height, (y, u, v), (luma_keep, chroma_keep))
