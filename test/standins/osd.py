"""nvdsosd: draws what the metadata say. Masks, arrows, circles and the clock are not drawn."""

from typing import Any, Tuple

from sidecar.gst import Gst, GstBase
from standins import batch, pyds
from standins.drawing import Canvas, text_size
from standins.element import Standin
from standins.frames import RawVideo, mapped, raw_video


class Osd(Standin):
    """nvdsosd. It draws the metadata of a whole batch on the batch's first frame: 9.0 reads the metadata's pools and
    writes surfaceList[0]. Behind the tiler or the demultiplexer, a batch is one frame."""

    gst_class = GstBase.BaseTransform

    def build(self) -> None:
        self.set_in_place(True)
        self._video = RawVideo("NV12", 0, 0)

    def do_set_caps(self, incaps: Gst.Caps, outcaps: Gst.Caps) -> bool:
        self._video = raw_video(incaps)
        return True

    def do_transform_ip(self, buffer: Gst.Buffer) -> Gst.FlowReturn:
        meta = batch.find(hash(buffer))
        if meta is None:
            return Gst.FlowReturn.OK
        drawn = [frame for frame in meta.items("frame_meta_list") if _has_drawing(frame)]
        if not drawn:
            return Gst.FlowReturn.OK
        with mapped(buffer, write=True) as data:
            for frame in drawn:
                self._draw(Canvas(data, self._video, 0), frame)
        return Gst.FlowReturn.OK

    def _draw(self, canvas: Canvas, frame: pyds.NvDsFrameMeta) -> None:
        """In the order of gst_nvds_osd_transform_ip() of 9.0: all rectangles, all texts, all lines. display-bbox and
        display-text apply to display metadata too."""
        objects, displays = frame.items("obj_meta_list"), frame.items("display_meta_list")
        rectangles = [found.rect_params for found in objects]
        texts = [found.text_params for found in objects]
        for display in displays:
            rectangles += [display.rect_params[index] for index in range(display.num_rects)]
            texts += [display.text_params[index] for index in range(display.num_labels)]
        for rectangle in rectangles if self.values["display-bbox"] else ():
            _rectangle(canvas, rectangle)
        for text in texts if self.values["display-text"] else ():
            _text(canvas, text)
        for display in displays:
            for index in range(display.num_lines):
                line = display.line_params[index]
                canvas.line(line.x1, line.y1, line.x2, line.y2, line.line_width, _color(line.line_color))


def _has_drawing(frame: pyds.NvDsFrameMeta) -> bool:
    return bool(frame.items("obj_meta_list") or frame.items("display_meta_list"))


def _rectangle(canvas: Canvas, rectangle: Any) -> None:
    place = (rectangle.left, rectangle.top, rectangle.width, rectangle.height)
    if rectangle.has_bg_color:
        canvas.fill(*place, _color(rectangle.bg_color))
    if rectangle.border_width:
        canvas.outline(*place, rectangle.border_width, _color(rectangle.border_color))


def _text(canvas: Canvas, text: Any) -> None:
    content = pyds.get_string(text.display_text)
    if not content:
        return
    font = text.font_params
    style = (content, pyds.get_string(font.font_name) or "Serif", font.font_size or 10)
    if text.set_bg_clr:
        canvas.fill(text.x_offset, text.y_offset, *text_size(*style), _color(text.text_bg_clr))
    canvas.text(text.x_offset, text.y_offset, *style, _color(font.font_color))


def _color(color: Any) -> Tuple[float, float, float, float]:
    return color.red, color.green, color.blue, color.alpha
