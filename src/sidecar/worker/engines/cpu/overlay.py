"""What is drawn on a camera's tile: boxes with their labels, the camera's name and the counts of each class.

It is painted straight on the planes: outlines as filled slices, texts as stamps that are drawn once and kept in bounded
caches, so that nothing of the frame is converted and only the pixels that change are touched.
"""

import functools
from collections import Counter
from typing import List, NamedTuple, Optional, Sequence, Tuple

from sidecar.worker.engines.cpu import stamps
from sidecar.worker.engines.cpu.stamps import Stamp, TextStyle, even
from sidecar.worker.engines.palette import BLACK, WHITE, Colour, class_colour, ink_on
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object
from sidecar.worker.outputs.layout import Rectangle

# A label has a hundred percentages: room for some dozens of objects that move.
_TEXTS = 512

_BACKDROP_OPACITY = 0.6


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
    note: str = ""
    """In the middle of the tile: why there is no fresh picture. Empty: none."""


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
    """Draws on one tile of a fixed size. One thread at a time: the streaming thread of its Painter."""

    def __init__(self, width: int, height: int) -> None:
        """width, height: size of the tile in pixels."""
        self._width = width
        self._height = height
        # Even, as all that is drawn: a line of 3 pixels would colour a fourth.
        self._line = 2 if height < 900 else 4
        self._font_size = max(9, 6 + height // 52)
        self._margin = even(height / 60)
        # Per instance: a cache of the class would keep every tile there ever was.
        self._tag = functools.lru_cache(maxsize=_TEXTS)(self._draw_tag)
        self._caption = functools.lru_cache(maxsize=_TEXTS)(self._draw_caption)

    def paint(self, frame: I420Frame, content: OverlayContent) -> None:
        """Paints on a frame of the tile's size: labels over all outlines, name and counts over everything.

        Never raises on content: what cannot be drawn (no size, not a number, outside the frame) is left out.
        """
        tags: List[_Placed] = []
        for item in content.objects:
            box = _box_in_tile(item, content, self._line)
            if box is None:
                continue
            colour = class_colour(item.class_id)
            if content.boxes:
                self._outline(frame, box, stamps.yuv(colour))
            if content.labels:
                tags += self._placed_tag(box, self._tag(_tag_text(item), colour))
        if content.name:
            tags += self._placed_caption(self._caption(content.name), at_bottom=False)
        if content.counts and content.objects:
            tags += self._placed_caption(self._caption(_counts_text(content.objects)), at_bottom=True)
        if content.note:
            tags += self._centred(self._caption(content.note))
        for stamp, x, y in tags:
            stamps.put(frame, x, y, stamp)

    def _outline(self, frame: I420Frame, box: _Box, value: Tuple[int, int, int]) -> None:
        left, top, right, bottom = box
        line = self._line
        stamps.fill(frame, left, top, right - left, line, value)
        stamps.fill(frame, left, bottom - line, right - left, line, value)
        stamps.fill(frame, left, top, line, bottom - top, value)
        stamps.fill(frame, right - line, top, line, bottom - top, value)

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

    def _centred(self, caption: Optional[Stamp]) -> List[_Placed]:
        if caption is None or caption.height > self._height:
            return []
        return [_Placed(caption, even((self._width - caption.width) / 2), even((self._height - caption.height) / 2))]

    def _draw_tag(self, text: str, colour: Colour) -> Optional[Stamp]:
        style = TextStyle(self._font_size, ink_on(colour), colour, opacity=1.0, radius=0)
        return stamps.text(text, style, self._width)

    def _draw_caption(self, text: str) -> Optional[Stamp]:
        style = TextStyle(self._font_size, WHITE, BLACK, _BACKDROP_OPACITY, radius=self._font_size // 4)
        return stamps.text(text, style, self._width - 2 * self._margin)


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
