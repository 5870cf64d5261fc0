"""Draws a standby picture: dark, with a title and a few lines in the middle."""

import cairo

from sidecar import cairo_text as letters

_BACKGROUND = 0.11
_INK = 0.75
_TITLE_INK = 0.9
# Fractions of the picture's height and width.
_LINE_HEIGHT = 1 / 20
_TITLE_HEIGHT = 1 / 14
_WIDEST = 0.9
# Smaller letters cannot be read, in pixels.
_SMALLEST = 9


def draw(width: int, height: int, title: str, text: str) -> bytes:
    """The picture in GStreamer's format GRAY8. A line of text that is too long is set in smaller letters, then cut."""
    surface = cairo.ImageSurface(cairo.FORMAT_A8, width, height)
    pen = cairo.Context(surface)
    pen.set_source_rgba(0, 0, 0, _BACKGROUND)
    pen.paint()
    # What is written replaces what is below, so that opacity is brightness.
    pen.set_operator(cairo.OPERATOR_LIGHTEN)
    lines = [(title, height * _TITLE_HEIGHT, _TITLE_INK)] if title else []
    lines += [(line, height * _LINE_HEIGHT, _INK) for line in text.split("\n")]
    y = (height - 1.6 * sum(size for _, size, _ in lines)) / 2
    for line, size, ink in lines:
        y += 1.6 * size
        _write(surface, line, size, ink, y)
    surface.flush()
    return bytes(surface.get_data())


def _write(surface: cairo.ImageSurface, line: str, size: float, ink: float, y: float) -> None:
    widest = surface.get_width() * _WIDEST
    line = letters.printable(line)
    pen = letters.pen(surface, size)
    wide = letters.width(pen, line)
    if wide > widest:
        pen = letters.pen(surface, max(_SMALLEST, size * widest / wide))
        line = letters.fitted(pen, line, widest)
    pen.set_source_rgba(0, 0, 0, ink)
    pen.move_to((surface.get_width() - letters.width(pen, line)) / 2, y - 0.5 * size)
    pen.show_text(line)
