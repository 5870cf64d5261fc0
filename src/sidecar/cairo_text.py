"""One line of text by cairo: with characters that can be shown, cut to a width. Knows nothing of pictures' formats."""

from typing import Any

import cairo

_FONT = "DejaVu Sans"
_ELLIPSIS = "\u2026"

# Longer texts fit no picture; measuring them would only cost time.
_MAX_TEXT = 512


def pen(surface: Any, size: float) -> Any:
    """A cairo.Context that writes on a surface with letters of this size in pixels."""
    context = cairo.Context(surface)
    context.select_font_face(_FONT, cairo.FONT_SLANT_NORMAL, cairo.FONT_WEIGHT_BOLD)
    context.set_font_size(size)
    return context


def printable(content: str) -> str:
    """Cairo refuses NUL and lone surrogates; other control characters would show as empty frames."""
    content = content[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in content).strip()


def width(context: Any, line: str) -> float:
    """In pixels, as far as the next letter would begin."""
    return float(context.text_extents(line).x_advance)


def fitted(context: Any, line: str, max_width: float) -> str:
    """The line, cut with an ellipsis where it is wider than that. Empty if nothing fits."""
    if width(context, line) <= max_width:
        return line
    fits, too_long = 0, len(line)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width(context, line[:middle].rstrip() + _ELLIPSIS) <= max_width:
            fits = middle
        else:
            too_long = middle
    return line[:fits].rstrip() + _ELLIPSIS if fits else ""
