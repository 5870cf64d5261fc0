"""Stamps: small pictures in the form that overlaycomposition blends, premultiplied BGRA with a video meta.

A stamp has no place of its own: it is drawn once, kept, and put wherever it is needed. Sizes are even, because a stamp
on even coordinates then covers whole chroma samples of an I420 picture and its colours do not smear.
"""

import math
from typing import Any, NamedTuple, Optional, Sequence, Tuple

import cairo
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstVideo  # noqa: E402

from sidecar.worker.engines.cpu.palette import Colour  # noqa: E402

_FONT = "DejaVu Sans"
_ELLIPSIS = "\u2026"

# Longer texts fit no picture; measuring them would only cost time.
_MAX_TEXT = 512

# A mask reaches this many pixels beyond its outline, so that the chroma samples which the outline cuts are black too.
_MASK_MARGIN = 2


class Stamp(NamedTuple):
    """A picture to blend. The buffer is shared by all rectangles that show it and is never written again."""

    buffer: Any
    width: int
    height: int


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


def strip(width: int, height: int, colour: Colour) -> Stamp:
    """A filled rectangle."""
    red, green, blue = colour
    return _stamp(bytes((blue, green, red, 255)) * (width * height), width, height)


def text(content: str, style: TextStyle, max_width: int) -> Optional[Stamp]:
    """One line of text on a filled strip, cut with an ellipsis at max_width. None if nothing fits."""
    pad = max(2, style.size // 3)
    pen = _pen(cairo.ImageSurface(cairo.FORMAT_ARGB32, 1, 1), style)
    line = _fitted(pen, _printable(content), max_width - 2 * pad)
    if not line:
        return None
    ascent, descent = pen.font_extents()[:2]
    width = min(even(pen.text_extents(line).x_advance + 2 * pad + 1), max_width // 2 * 2)
    height = even(ascent + descent + style.size // 4 + 1)

    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, width, height)
    pen = _pen(surface, style)
    pen.set_source_rgba(*_unit(style.fill), style.opacity)
    _round_rectangle(pen, width, height, style.radius)
    pen.fill()
    pen.set_source_rgb(*_unit(style.ink))
    pen.move_to(pad, round((height - ascent - descent) / 2 + ascent))
    pen.show_text(line)
    return _from_surface(surface)


def mask(polygon: Sequence[Tuple[float, float]], width: int, height: int) -> Optional[Tuple[int, int, Stamp]]:
    """A black area within a tile of width x height: left, top and the stamp. None where it lies outside.

    The polygon is in tile pixels. Every pixel that it touches is opaque; where it crosses itself, no hole is left.
    """
    if len(polygon) < 3:
        return None
    columns, rows = zip(*polygon)
    left = max(0, (int(min(columns)) - _MASK_MARGIN) // 2 * 2)
    top = max(0, (int(min(rows)) - _MASK_MARGIN) // 2 * 2)
    right = min(width, even(math.ceil(max(columns)) + _MASK_MARGIN + 1))
    bottom = min(height, even(math.ceil(max(rows)) + _MASK_MARGIN + 1))
    if right <= left or bottom <= top:
        return None
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, right - left, bottom - top)
    pen = cairo.Context(surface)
    pen.set_antialias(cairo.ANTIALIAS_NONE)
    pen.translate(-left, -top)
    pen.set_source_rgb(0, 0, 0)
    pen.set_line_width(2 * _MASK_MARGIN)
    for x, y in polygon:
        pen.line_to(x, y)
    pen.close_path()
    pen.fill_preserve()
    pen.stroke()
    return left, top, _from_surface(surface)


def _pen(surface: Any, style: TextStyle) -> Any:
    pen = cairo.Context(surface)
    pen.select_font_face(_FONT, cairo.FONT_SLANT_NORMAL, cairo.FONT_WEIGHT_BOLD)
    pen.set_font_size(style.size)
    return pen


def _printable(content: str) -> str:
    # Cairo refuses NUL and lone surrogates; other control characters would show as empty frames.
    content = content[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in content).strip()


def _fitted(pen: Any, line: str, max_width: int) -> str:
    if pen.text_extents(line).x_advance <= max_width:
        return line
    fits, too_long = 0, len(line)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if pen.text_extents(line[:middle].rstrip() + _ELLIPSIS).x_advance <= max_width:
            fits = middle
        else:
            too_long = middle
    return line[:fits].rstrip() + _ELLIPSIS if fits else ""


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


def _from_surface(surface: Any) -> Stamp:
    # Cairo's ARGB32 is a native-endian word: BGRA in memory on the little-endian machines that this runs on. Its rows
    # are width * 4 bytes, without padding, which is what the meta's default layout says.
    surface.flush()
    return _stamp(bytes(surface.get_data()), surface.get_width(), surface.get_height())


def _stamp(pixels: bytes, width: int, height: int) -> Stamp:
    buffer = Gst.Buffer.new_wrapped(pixels)
    GstVideo.buffer_add_video_meta(buffer, GstVideo.VideoFrameFlags.NONE, GstVideo.VideoFormat.BGRA, width, height)
    return Stamp(buffer, width, height)
