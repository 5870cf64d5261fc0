"""OsdText: what nvdsosd draws on a stream beside boxes: zones, lines, names, counts, and why there are no fresh frames.

It is a probe in front of nvdsosd, behind the tiler: positions are in pixels of the stream, the font size follows the
tile's, and a tile keeps its text while batches arrive without its camera.
"""

import time
from typing import List, Sequence, Tuple

from sidecar.gst import Gst
from sidecar.worker.engines.deepstream import meta
from sidecar.worker.engines.deepstream.batch_probes import BatchProbes, LiveSettings
from sidecar.worker.engines.deepstream.camera_slot import CameraSlot
from sidecar.worker.engines.deepstream.sizes import fitted_size
from sidecar.worker.engines.overlay import Point, class_name, counts_text, label_text
from sidecar.worker.outputs.layout import Rectangle

# Opacity of the black over a camera's last frame.
_DIMMED = 0.65
# How long a tile keeps the boxes of its last frame, in seconds.
_BOXES_SECONDS = 1.0


class OsdText:
    """The methods are called on the streaming thread that draws."""

    def __init__(self, probes: BatchProbes, slots: Sequence[int], tiles: List[Rectangle]) -> None:
        """slots: numbers of the muxer's pads. tiles: their rectangles in the stream."""
        self._probes = probes
        self._tiles = [_Tile(probes.slots[number], number, tile) for number, tile in zip(slots, tiles)]

    def draw(self, buffer: Gst.Buffer) -> None:
        """In front of nvdsosd."""
        frames = meta.frames(buffer)
        if not frames:
            return
        settings = self._probes.settings
        present = {frame.slot for frame in frames}
        lines: List[meta.Line] = []
        boxes: List[meta.Box] = []
        fills: List[meta.Fill] = []
        edges: List[meta.Edge] = []
        for tile in self._tiles:
            of_zones = tile.zones(settings, self._probes.mux_size)
            edges += of_zones[0]
            lines += of_zones[1]
            lines += tile.lines(settings)
            fills += tile.fills()
            if tile.slot_number not in present:
                kept = tile.kept_boxes(settings, self._probes.mux_size)
                boxes += kept[0]
                lines += kept[1]
        if lines or boxes or fills or edges:
            frames[0].draw(lines, boxes, fills, edges)

    @staticmethod
    def clear(buffer: Gst.Buffer) -> None:
        """Behind nvdsosd: what was drawn on this stream is not for the others, which may get the same metadata."""
        for frame in meta.frames(buffer):
            frame.clear_drawings()


class _Tile:
    def __init__(self, slot: CameraSlot, slot_number: int, area: Rectangle) -> None:
        self.slot_number = slot_number
        self._slot = slot
        self._area = area
        self._font_size = max(9, 6 + area.height // 52)
        self._margin = max(4, area.height // 60)

    def lines(self, settings: LiveSettings) -> List[meta.Line]:
        overlay, area, size, margin = settings.overlay, self._area, self._font_size, self._margin
        lines = []
        if overlay.names:
            lines.append(meta.Line(settings.names[self.slot_number], area.x + margin, area.y + margin, size))
        text = self._slot.tile_text.text
        if text:
            # Centred: letters are about six tenths as wide as high.
            x = area.x + max(0, area.width - len(text) * size * 6 // 10) // 2
            lines.append(meta.Line(text, x, area.y + area.height // 2 - size, size))
        elif overlay.counts and self._slot.objects:
            y = area.y + area.height - margin - 2 * size
            names = [class_name(one.class_id, one.label) for one in self._slot.objects]
            lines.append(meta.Line(counts_text(names), area.x + margin, y, size))
        return lines

    def zones(self, settings: LiveSettings, mux_size: Tuple[int, int]) -> Tuple[List[meta.Edge], List[meta.Line]]:
        """The edges of zones and lines, and their texts, while the tile shows fresh frames."""
        width, height = self._slot.frame_size
        if not settings.overlay.zones or not self._slot.is_live() or not width or not height:
            return [], []
        # The camera's frame fills the top left of the muxer's.
        fitted = fitted_size(width, height, mux_size)
        across = fitted[0] * self._area.width // mux_size[0] - 1
        down = fitted[1] * self._area.height // mux_size[1] - 1

        def place(point: Point) -> Tuple[int, int]:
            return self._area.x + round(point[0] * across), self._area.y + round(point[1] * down)

        edges, lines = [], []
        for shape in settings.shapes[self.slot_number]:
            edges += [meta.Edge(*place(one), *place(other)) for one, other in shape.edges()]
            if shape.text:
                lines.append(meta.Line(shape.text, *place(shape.anchor()), self._font_size))
        return edges, lines

    def fills(self) -> List[meta.Fill]:
        """Dims or hides a camera's last frame, which the tiler keeps until another arrives. Before the first one, the
        tile is undefined, and so hidden."""
        text, area = self._slot.tile_text, self._area
        if not text.text:
            return []
        hides = text.dark or not self._slot.connections
        return [meta.Fill(area.x, area.y, area.width, area.height, 1.0 if hides else _DIMMED)]

    def kept_boxes(self, settings: LiveSettings, mux_size: Tuple[int, int]) -> Tuple[List[meta.Box], List[meta.Line]]:
        """The boxes and labels of the last frame, which the tile still shows."""
        slot, overlay, area = self._slot, settings.overlay, self._area
        if not slot.is_live() or time.monotonic() - slot.seen_at > _BOXES_SECONDS:
            return [], []
        across, down = area.width / mux_size[0], area.height / mux_size[1]
        boxes, lines = [], []
        for one in slot.objects:
            left, top = area.x + one.left * across, area.y + one.top * down
            if overlay.boxes:
                boxes.append(meta.Box(left, top, one.width * across, one.height * down, one.class_id))
            if overlay.labels:
                above = max(0, int(top) - 2 * self._font_size)
                caption = label_text(one.class_id, one.label, one.confidence, slot.shown_track_id(one))
                lines.append(meta.Line(caption, max(0, int(left)), above, self._font_size))
        return boxes, lines
