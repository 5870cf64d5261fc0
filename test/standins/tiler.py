"""nvmultistreamtiler: one frame with the frames of all sources in rows and columns; their metadata move with them."""

from typing import Any, Dict, List, Optional

from sidecar.gst import Gst
from standins import batch, pyds
from standins.convert import Transform, fixate_like
from standins.copies import copied_batch
from standins.frames import Converter, RawVideo, Rectangle, mapped, planes, raw_video, split


class Tiler(Transform):
    """A source that is missing in a batch keeps its last frame. Tiles are assigned row by row, by source number."""

    def build(self) -> None:
        super().build()
        self.set_passthrough(False)
        self._forget()

    def _forget(self) -> None:
        self._converters: Dict[Rectangle, Converter] = {}
        # The last frame of each source.
        self._frames: Dict[int, Gst.Buffer] = {}

    def changed(self, name: str, value: Any) -> None:
        if name in ("width", "height"):
            self.reconfigure_src()

    def do_stop(self) -> bool:
        self._forget()
        return True

    def do_transform_caps(
        self, direction: Gst.PadDirection, caps: Gst.Caps, filter_caps: Optional[Gst.Caps]
    ) -> Gst.Caps:
        known, numerator, denominator = caps.get_structure(0).get_fraction("framerate")
        rate = ", framerate=%d/%d" % (numerator, denominator) if known else ""
        formats = caps.intersect(self.template("sink").get_caps())
        result = Gst.Caps.new_empty()
        for index in range(formats.get_size()):
            structure = formats.get_structure(index)
            name = structure.get_string("format")
            text = "video/x-raw(memory:NVMM)" + (", format=%s" % name if name else "") + rate
            if direction == Gst.PadDirection.SINK:
                text += ", width=%d, height=%d" % (self.values["width"], self.values["height"])
            result = result.merge(Gst.Caps.from_string(text).intersect(self.template("sink").get_caps()))
        return result if filter_caps is None else filter_caps.intersect_full(result, Gst.CapsIntersectMode.FIRST)

    def do_fixate_caps(self, direction: Gst.PadDirection, caps: Gst.Caps, othercaps: Gst.Caps) -> Gst.Caps:
        return fixate_like(raw_video(caps), othercaps)

    def do_transform_size(self, direction: Gst.PadDirection, caps: Gst.Caps, size: int, othercaps: Gst.Caps) -> Any:
        return True, raw_video(othercaps).info().size

    def configured(self) -> None:
        self._forget()

    def transformed(self, inbuf: Gst.Buffer, outbuf: Gst.Buffer) -> None:
        meta = batch.find(hash(inbuf))
        if meta is None:
            raise ValueError("a buffer without batch metadata")
        source, target = self.videos()
        frames: List[pyds.NvDsFrameMeta] = meta.items("frame_meta_list")
        buffers = split(inbuf, self.source_size)
        for frame in frames:
            self._frames[frame.pad_index] = buffers[frame.batch_id]
        tiles = {index: self._tile(index, target) for index in self._frames}
        _blacken(outbuf, target)
        for index, tile in tiles.items():
            if tile is not None:
                self._converter(source, target, tile).convert(self._frames[index], outbuf)
        moved = copied_batch(meta)
        batch.attach(outbuf, moved)
        for frame in moved.items("frame_meta_list"):
            tile = tiles[frame.pad_index]
            if tile is None:
                pyds.nvds_clear_obj_meta_list(frame, None)
                pyds.nvds_clear_display_meta_list(frame, None)
            else:
                _move(frame, tile, source)

    def _tile(self, index: int, target: RawVideo) -> Optional[Rectangle]:
        """The place of a source; None: it is not shown."""
        shown = self.values["show-source"]
        if shown >= 0:
            return Rectangle(0, 0, target.width, target.height) if index == shown else None
        rows, columns = self.values["rows"], self.values["columns"]
        if index >= rows * columns:
            return None
        # Even, since chroma of NV12 has half the resolution.
        width, height = target.width // columns // 2 * 2, target.height // rows // 2 * 2
        return Rectangle(index % columns * width, index // columns * height, width, height)

    def _converter(self, source: RawVideo, target: RawVideo, tile: Rectangle) -> Converter:
        if tile not in self._converters:
            self._converters[tile] = Converter(source, target, tile, border=False)
        return self._converters[tile]


def _blacken(buffer: Gst.Buffer, video: RawVideo) -> None:
    with mapped(buffer, write=True) as data:
        views = planes(data, video)
        if video.format == "RGBA":
            views[0][:] = (0, 0, 0, 255)
        else:
            views[0][:] = 16
            for chroma in views[1:]:
                chroma[:] = 128


def _move(frame: pyds.NvDsFrameMeta, tile: Rectangle, source: RawVideo) -> None:
    """Moves what is drawn on a frame from the frame's pixels into those of its tile."""
    across, down = tile.width / source.width, tile.height / source.height
    rectangles = []
    texts = []
    for found in frame.items("obj_meta_list"):
        rectangles.append(found.rect_params)
        texts.append(found.text_params)
    for display in frame.items("display_meta_list"):
        rectangles.extend(display.rect_params[index] for index in range(display.num_rects))
        texts.extend(display.text_params[index] for index in range(display.num_labels))
    for rectangle in rectangles:
        rectangle.left = tile.left + rectangle.left * across
        rectangle.top = tile.top + rectangle.top * down
        rectangle.width *= across
        rectangle.height *= down
    for text in texts:
        text.x_offset = int(tile.left + text.x_offset * across)
        text.y_offset = int(tile.top + text.y_offset * down)
