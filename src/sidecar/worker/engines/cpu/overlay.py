"""What is drawn on a camera's tile: masks, boxes with their labels, the camera's name and the counts of each class.

Nothing of the frame is converted: overlaycomposition blends small ARGB rectangles into the I420 picture. What they show
is drawn once and kept in bounded caches, so that a steady scene costs the blending alone.
"""

import functools
import math
from collections import Counter
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import gi

gi.require_version("GstVideo", "1.0")
from gi.repository import GstVideo  # noqa: E402

from sidecar.worker.engines.cpu import stamps  # noqa: E402
from sidecar.worker.engines.cpu.palette import BLACK, WHITE, Colour, class_colour, ink_on  # noqa: E402
from sidecar.worker.engines.cpu.stamps import Stamp, TextStyle, even  # noqa: E402
from sidecar.worker.inference.postprocess import Object  # noqa: E402
from sidecar.worker.layout import Rectangle  # noqa: E402

# A label has a hundred percentages, an outline two lengths: room for some dozens of objects that move.
_TEXTS = 512
_STRIPS = 512
_MASKS = 4

_BACKDROP_OPACITY = 0.6

Polygon = Tuple[Tuple[float, float], ...]


class OverlayContent(NamedTuple):
    """What to draw on one frame of one camera."""

    frame_width: int
    """Size of the camera's frame, in whose pixels the objects are."""
    frame_height: int
    picture: Rectangle
    """Where that frame lies in the tile; the rest of the tile is black bars."""
    objects: Sequence[Object]
    name: str
    """The camera's name at the top left. Empty: none."""
    boxes: bool
    labels: bool
    counts: bool
    masks: Tuple[Polygon, ...] = ()
    """Areas that must not show, in fractions of the camera's frame."""


class _Placed(NamedTuple):
    stamp: Stamp
    x: int
    y: int


class _Box(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int


class TileOverlay:
    """Draws on one tile of a fixed size. One thread at a time: the streaming thread of its overlaycomposition."""

    def __init__(self, width: int, height: int) -> None:
        """width, height: size of the tile in pixels."""
        self._width = width
        self._height = height
        # Even, as all that is drawn: a line of 3 pixels would colour a fourth.
        self._line = 2 if height < 900 else 4
        self._font_size = max(9, 6 + height // 52)
        self._margin = even(height / 60)
        # Per instance: a cache of the class would keep every tile there ever was.
        self._strip = functools.lru_cache(maxsize=_STRIPS)(stamps.strip)
        self._tag = functools.lru_cache(maxsize=_TEXTS)(self._draw_tag)
        self._caption = functools.lru_cache(maxsize=_TEXTS)(self._draw_caption)
        self._masks = functools.lru_cache(maxsize=_MASKS)(self._draw_masks)

    def composition(self, content: OverlayContent) -> Optional[Any]:
        """The GstVideo.VideoOverlayComposition to return from overlaycomposition's draw signal; None if it is empty.

        Never raises on content: what cannot be drawn (no size, not a number, outside the frame) is left out.
        """
        composition = None
        for stamp, x, y in self._layout(content):
            rectangle = GstVideo.VideoOverlayRectangle.new_raw(
                stamp.buffer, x, y, stamp.width, stamp.height, GstVideo.VideoOverlayFormatFlags.PREMULTIPLIED_ALPHA
            )
            if composition is None:
                composition = GstVideo.VideoOverlayComposition.new(rectangle)
            else:
                composition.add_rectangle(rectangle)
        return composition

    def _layout(self, content: OverlayContent) -> List[_Placed]:
        """In drawing order: labels over all outlines, name and counts over everything."""
        placed = list(self._masks(content.masks, content.picture)) if content.masks else []
        tags: List[_Placed] = []
        for item in content.objects:
            box = _box_in_tile(item, content, self._line)
            if box is None:
                continue
            colour = class_colour(item.class_id)
            if content.boxes:
                placed += self._outline(box, colour)
            if content.labels:
                tags += self._placed_tag(box, self._tag(_tag_text(item), colour))
        placed += tags
        if content.name:
            placed += self._placed_caption(self._caption(content.name), at_bottom=False)
        if content.counts and content.objects:
            placed += self._placed_caption(self._caption(_counts_text(content.objects)), at_bottom=True)
        return placed

    def _outline(self, box: _Box, colour: Colour) -> List[_Placed]:
        line = self._line
        across = self._strip(box.right - box.left, line, colour)
        sides = [_Placed(across, box.left, box.top), _Placed(across, box.left, box.bottom - line)]
        inner = box.bottom - box.top - 2 * line
        if inner > 0:
            down = self._strip(line, inner, colour)
            sides += [_Placed(down, box.left, box.top + line), _Placed(down, box.right - line, box.top + line)]
        return sides

    def _placed_tag(self, box: _Box, tag: Optional[Stamp]) -> List[_Placed]:
        if tag is None or tag.height > self._height:
            return []
        above = box.top - tag.height
        x = min(box.left, (self._width - tag.width) // 2 * 2)
        y = above if above >= 0 else min(box.top, (self._height - tag.height) // 2 * 2)
        return [_Placed(tag, x, y)]

    def _placed_caption(self, caption: Optional[Stamp], at_bottom: bool) -> List[_Placed]:
        if caption is None or caption.height + 2 * self._margin > self._height:
            return []
        y = (self._height - self._margin - caption.height) // 2 * 2 if at_bottom else self._margin
        return [_Placed(caption, self._margin, y)]

    def _draw_tag(self, text: str, colour: Colour) -> Optional[Stamp]:
        style = TextStyle(self._font_size, ink_on(colour), colour, opacity=1.0, radius=0)
        return stamps.text(text, style, self._width)

    def _draw_caption(self, text: str) -> Optional[Stamp]:
        style = TextStyle(self._font_size, WHITE, BLACK, _BACKDROP_OPACITY, radius=self._font_size // 4)
        return stamps.text(text, style, self._width - 2 * self._margin)

    def _draw_masks(self, polygons: Tuple[Polygon, ...], picture: Rectangle) -> Tuple[_Placed, ...]:
        x, y, width, height = picture
        placed = []
        for polygon in polygons:
            points = [(x + _fraction(across) * width, y + _fraction(down) * height) for across, down in polygon]
            drawn = stamps.mask(points, self._width, self._height)
            if drawn is not None:
                left, top, stamp = drawn
                placed.append(_Placed(stamp, left, top))
        return tuple(placed)


def _box_in_tile(item: Object, content: OverlayContent, line: int) -> Optional[_Box]:
    """Where an object's outline lies in the tile, cut at the picture's edges; None if it lies outside them."""
    x, y, width, height = content.picture
    if content.frame_width <= 0 or content.frame_height <= 0:
        return None
    across, down = width / content.frame_width, height / content.frame_height
    left, top = x + item.left * across, y + item.top * down
    right, bottom = left + item.width * across, top + item.height * down
    # Written so that a comparison with NaN refuses the box.
    if not (left < right and top < bottom and left < x + width and top < y + height and right > x and bottom > y):
        return None
    left, right = even(max(left, x)), even(min(right, x + width))
    top, bottom = even(max(top, y)), even(min(bottom, y + height))
    return _Box(left, top, max(right, left + 2 * line), max(bottom, top + 2 * line))


def _fraction(value: float) -> float:
    # NaN falls to 0: a mask never disappears because one of its corners is unusable.
    return min(max(value, 0.0), 1.0) if not math.isnan(value) else 0.0


def _class_name(item: Object) -> str:
    return item.label or "class %d" % item.class_id


def _tag_text(item: Object) -> str:
    if not 0 <= item.confidence <= 1:
        return _class_name(item)
    return "%s %.0f %%" % (_class_name(item), 100 * item.confidence)


def _counts_text(objects: Sequence[Object]) -> str:
    """The most frequent class first; equal ones by name, so that the line does not flicker."""
    counts = Counter(_class_name(item) for item in objects)
    return "   ".join("%d %s" % (n, name) for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
