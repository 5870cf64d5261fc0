"""Draws the overlay on a camera's tile: zones and lines, boxes with their labels, the camera's name and the counts of
each class.

It paints straight on the planes: outlines as filled slices, texts as sprites that are drawn once and kept in bounded
caches. Nothing of the frame is converted, and only the pixels that change are touched.
"""

import functools
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from sidecar.worker.engines.cpu.sprites import Sprite, TextStyle, blit, even, fill, text_sprite, yuv
from sidecar.worker.engines.overlay import (
    BLACK,
    WHITE,
    Colour,
    OverlayOptions,
    Point,
    Shape,
    class_colour,
    class_name,
    counts_text,
    ink_on,
    label_text,
)
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object
from sidecar.worker.outputs.layout import Rectangle

# A label has a hundred percentages: room for some dozens of objects that move.
_TEXTS = 512

_SHAPES = 128

_BACKDROP_OPACITY = 0.6


class OverlayContent(NamedTuple):
    """What to draw on one frame of one camera."""

    # Size of the camera's frame, in whose pixels the objects are.
    frame_width: int
    frame_height: int
    # Where that frame lies in the tile; the rest of the tile is black bars.
    area: Rectangle
    objects: Sequence[Object]
    options: OverlayOptions
    # The camera's, at the top left.
    name: str
    shapes: Sequence[Shape] = ()
    # In the middle of the tile: why there is no fresh frame. Empty: there is one.
    text: str = ""


class _Placed(NamedTuple):
    sprite: Sprite
    x: int
    y: int


class _Box(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int


class TileOverlay:
    """Draws on one tile of a fixed size. For one thread at a time: the streaming thread of its painter."""

    def __init__(self, width: int, height: int) -> None:
        """width, height: of the tile in pixels."""
        self._width = width
        self._height = height
        # Even, as all that is drawn: a line of 3 pixels would colour a fourth.
        self._line = 2 if height < 900 else 4
        self._font_size = max(9, 6 + height // 52)
        self._margin = even(height / 60)
        # Per instance: a cache of the class would keep every tile there ever was.
        self._tag = functools.lru_cache(maxsize=_TEXTS)(self._draw_tag)
        self._caption = functools.lru_cache(maxsize=_TEXTS)(self._draw_caption)
        self._trace = functools.lru_cache(maxsize=_SHAPES)(self._trace_edges)

    def paint(self, frame: I420Frame, content: OverlayContent) -> None:
        """Paints on a frame of the tile's size: boxes over zones, labels over outlines, name and counts over all.

        Never raises on content: what cannot be drawn (no size, not a number, outside the frame) is left out.
        """
        options = content.options
        placed: List[Optional[_Placed]] = []
        # A tile that says why there is no fresh frame shows no objects either.
        for shape in content.shapes if options.zones and not content.text else ():
            self._draw_edges(frame, self._trace(shape.points, content.area))
            if shape.text:
                placed.append(self._place_beside(shape, content.area))
        for item in content.objects:
            box = _box_in_tile(item, content, self._line)
            if box is None:
                continue
            colour = class_colour(item.class_id)
            if options.boxes:
                self._outline(frame, box, yuv(colour))
            if options.labels:
                text = label_text(item.class_id, item.label, item.confidence, item.track_id)
                placed.append(self._place_tag(box, self._tag(text, colour)))
        if options.names:
            placed.append(self._place_caption(self._caption(content.name), at_bottom=False))
        if options.counts and content.objects:
            counts = counts_text(class_name(item.class_id, item.label) for item in content.objects)
            placed.append(self._place_caption(self._caption(counts), at_bottom=True))
        if content.text:
            placed.append(self._centre(self._caption(content.text)))
        for one in placed:
            if one is not None:
                blit(frame, one.x, one.y, one.sprite)

    def _outline(self, frame: I420Frame, box: _Box, value: Tuple[int, int, int]) -> None:
        left, top, right, bottom = box
        line = self._line
        fill(frame, left, top, right - left, line, value)
        fill(frame, left, bottom - line, right - left, line, value)
        fill(frame, left, top, line, bottom - top, value)
        fill(frame, right - line, top, line, bottom - top, value)

    def _draw_edges(self, frame: I420Frame, cells: "np.ndarray") -> None:
        rows, columns = cells
        y, u, v = yuv(WHITE)
        for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            frame.y[2 * rows + row, 2 * columns + column] = y
        frame.u[rows, columns], frame.v[rows, columns] = u, v

    def _trace_edges(self, points: Tuple[Point, ...], area: Rectangle) -> "np.ndarray":
        """Rows and columns of the chroma samples under the edges of a shape, within the frame's area of the tile."""
        left, top, right, bottom = area.x // 2, area.y // 2, (area.x + area.width) // 2, (area.y + area.height) // 2
        found = [np.zeros((2, 0), int)]
        for (x0, y0), (x1, y1) in Shape(points, "").edges():
            across, down = np.subtract((x1, y1), (x0, y0)) * (area.width / 2, area.height / 2)
            steps = np.linspace(0, 1, int(max(abs(across), abs(down))) + 2)
            rows = np.clip((area.y + y0 * area.height) / 2 + down * steps, top, bottom - 1).astype(int)
            columns = np.clip((area.x + x0 * area.width) / 2 + across * steps, left, right - 1).astype(int)
            thick = range(self._line // 2)
            found += [
                np.array((np.minimum(rows + row, bottom - 1), np.minimum(columns + column, right - 1)))
                for row in thick
                for column in thick
            ]
        return np.unique(np.concatenate(found, axis=1), axis=1)

    def _place_beside(self, shape: Shape, area: Rectangle) -> Optional[_Placed]:
        caption = self._caption(shape.text)
        if caption is None or caption.height > self._height:
            return None
        x, y = shape.anchor()
        left, top = even(area.x + x * area.width), even(area.y + y * area.height)
        return _Placed(
            caption,
            min(left, (self._width - caption.width) // 2 * 2),
            min(top, (self._height - caption.height) // 2 * 2),
        )

    def _place_tag(self, box: _Box, tag: Optional[Sprite]) -> Optional[_Placed]:
        if tag is None or tag.height > self._height:
            return None
        above = box.top - tag.height
        x = min(box.left, (self._width - tag.width) // 2 * 2)
        y = above if above >= 0 else min(box.top, (self._height - tag.height) // 2 * 2)
        return _Placed(tag, x, y)

    def _place_caption(self, caption: Optional[Sprite], at_bottom: bool) -> Optional[_Placed]:
        if caption is None or caption.height + 2 * self._margin > self._height:
            return None
        y = (self._height - self._margin - caption.height) // 2 * 2 if at_bottom else self._margin
        return _Placed(caption, self._margin, y)

    def _centre(self, caption: Optional[Sprite]) -> Optional[_Placed]:
        if caption is None or caption.height > self._height:
            return None
        return _Placed(caption, even((self._width - caption.width) / 2), even((self._height - caption.height) / 2))

    def _draw_tag(self, text: str, colour: Colour) -> Optional[Sprite]:
        style = TextStyle(self._font_size, ink_on(colour), colour, opacity=1.0, radius=0)
        return text_sprite(text, style, self._width)

    def _draw_caption(self, text: str) -> Optional[Sprite]:
        style = TextStyle(self._font_size, WHITE, BLACK, _BACKDROP_OPACITY, radius=self._font_size // 4)
        return text_sprite(text, style, self._width - 2 * self._margin)


def _box_in_tile(item: Object, content: OverlayContent, line: int) -> Optional[_Box]:
    """Where an object's outline lies in the tile, cut at the edges of the frame; None if it lies outside them."""
    x, y, width, height = content.area
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
