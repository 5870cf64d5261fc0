"""What is written on one picture: names, counts, and on the tile of a camera that sends nothing, why.

A probe in front of nvdsosd, behind the tiler: places are in the picture's own pixels, letters have the tile's size, and
a tile keeps its words when a batch comes without its camera.
"""

import time
from collections import Counter
from typing import List, Sequence, Tuple

from sidecar.gst import Gst
from sidecar.worker.engines.deepstream import meta
from sidecar.worker.engines.deepstream.vision import Seat, Settings, Vision
from sidecar.worker.outputs.layout import Rectangle

# Opacity of the black over a frame that is no longer the camera's newest.
_DIMMED = 0.65
# How long a tile keeps the outlines of its last frame, in seconds.
_KEPT_SECONDS = 1.0


class Lettering:
    """on_frames is called on the picture's streaming thread."""

    def __init__(self, vision: Vision, seats: Sequence[int], tiles: List[Rectangle]) -> None:
        """seats: numbers of the muxer's pads, tiles: their places in the picture."""
        self._vision = vision
        self._tiles = [_Tile(vision.seats[number], number, place) for number, place in zip(seats, tiles)]

    def on_frames(self, buffer: Gst.Buffer) -> None:
        frames = meta.frames(buffer)
        if not frames:
            return
        settings = self._vision.settings
        here = {frame.source for frame in frames}
        lines: List[meta.Line] = []
        boxes: List[meta.Box] = []
        fills: List[meta.Fill] = []
        for tile in self._tiles:
            lines += tile.lines(settings)
            fills += tile.fills()
            if tile.source not in here:
                kept = tile.outlines(settings, self._vision.mux_size)
                boxes += kept[0]
                lines += kept[1]
        if lines or boxes or fills:
            frames[0].draw(lines, boxes, fills)


def clear_drawings(buffer: Gst.Buffer) -> None:
    """Behind nvdsosd: what was drawn on this picture is not for the others, which may get the same metadata."""
    for frame in meta.frames(buffer):
        frame.clear_drawings()


class _Tile:
    def __init__(self, seat: Seat, source: int, place: Rectangle) -> None:
        self.source = source
        self._seat = seat
        self._place = place
        self._font_size = max(9, 6 + place.height // 52)
        self._margin = max(4, place.height // 60)

    def lines(self, settings: Settings) -> List[meta.Line]:
        look, place, size, margin = settings.look, self._place, self._font_size, self._margin
        lines = []
        if look.names:
            lines.append(meta.Line(settings.names[self.source], place.x + margin, place.y + margin, size))
        note = self._seat.note.text
        if note:
            # Letters are taken for six tenths as wide as high.
            x = place.x + max(0, place.width - len(note) * size * 6 // 10) // 2
            lines.append(meta.Line(note, x, place.y + place.height // 2 - size, size))
        elif look.counts and self._seat.objects:
            y = place.y + place.height - margin - 2 * size
            lines.append(meta.Line(_counts(self._seat.objects), place.x + margin, y, size))
        return lines

    def fills(self) -> List[meta.Fill]:
        """The tiler keeps a camera's last frame for as long as no other comes: it is dimmed, or hidden. Before the
        first there is whatever the tiler leaves there."""
        note, place = self._seat.note, self._place
        if not note.text:
            return []
        hides = note.dark or not self._seat.connections
        return [meta.Fill(place.x, place.y, place.width, place.height, 1.0 if hides else _DIMMED)]

    def outlines(self, settings: Settings, mux_size: Tuple[int, int]) -> Tuple[List[meta.Box], List[meta.Line]]:
        """Of the last frame, which the tile still shows."""
        seat, look, place = self._seat, settings.look, self._place
        if seat.note.text or time.monotonic() - seat.seen_at > _KEPT_SECONDS:
            return [], []
        across, down = place.width / mux_size[0], place.height / mux_size[1]
        boxes, lines = [], []
        for one in seat.objects:
            left, top = place.x + one.left * across, place.y + one.top * down
            if look.boxes:
                boxes.append(meta.Box(left, top, one.width * across, one.height * down, one.class_id))
            if look.labels:
                above = max(0, int(top) - 2 * self._font_size)
                lines.append(
                    meta.Line(meta.caption(one.label, one.confidence), max(0, int(left)), above, self._font_size)
                )
        return boxes, lines


def _counts(objects: Sequence[meta.SeenObject]) -> str:
    """The most frequent class first; equal ones by name, so that the line does not flicker."""
    counts = Counter(one.label or "class %d" % one.class_id for one in objects)
    return "   ".join("%d %s" % (n, name) for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
