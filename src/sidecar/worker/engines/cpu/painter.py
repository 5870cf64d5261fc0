"""An element that calls a function to paint on each I420 frame, in place."""

import functools
from typing import Any, Callable

from sidecar.gst import Gst, GstBase
from sidecar.log import Log
from sidecar.worker.engines.planes import planes, video_info
from sidecar.worker.inference.frame import I420Frame

# Gets a frame and its PTS.
Paint = Callable[[I420Frame, int], None]


def paint_nothing(_frame: I420Frame, _pts: int) -> None:
    """What a painter calls until it gets a function, and after that one is done."""


def make_painter(paint: Paint = paint_nothing) -> Gst.Element:
    """An element that calls its attribute paint on its streaming thread; the frame is valid until that returns.

    It replaces overlaycomposition, which blends whole lines of the frame for each line of each rectangle: twenty times
    the cost for boxes at 1280x720. A buffer that somebody else holds too is copied first.
    """
    element = _painter_class()()
    element.paint = paint
    return element


# A GObject class can be made once in a process, and this one only after Gst.init(): neither at import nor in each call.
@functools.lru_cache(maxsize=1)
def _painter_class() -> Any:
    caps = Gst.Caps.from_string("video/x-raw, format=I420")

    class Painter(GstBase.BaseTransform):  # type: ignore[misc] # gi has no types
        __gstmetadata__ = ("Painter", "Filter/Effect/Video", "Paints on frames, in place", "Slipstream")
        __gsttemplates__ = (
            Gst.PadTemplate.new("sink", Gst.PadDirection.SINK, Gst.PadPresence.ALWAYS, caps),
            Gst.PadTemplate.new("src", Gst.PadDirection.SRC, Gst.PadPresence.ALWAYS, caps),
        )

        def do_set_caps(self, incoming: Gst.Caps, _outgoing: Gst.Caps) -> bool:
            self.info = video_info(incoming)
            return True

        def do_transform_ip(self, buffer: Gst.Buffer) -> Gst.FlowReturn:
            # GStreamer lends the buffer for this call without adding a reference, so that it stays writable.
            ok, mapped = buffer.map(Gst.MapFlags.READ | Gst.MapFlags.WRITE)
            if not ok:
                return Gst.FlowReturn.ERROR
            try:
                self.paint(planes(mapped.data, buffer, self.info), buffer.pts)
            except Exception:  # PyGObject would only print it, for every frame; so the pipeline fails and is made anew
                Log("painter").exception("cannot paint")
                return Gst.FlowReturn.ERROR
            finally:
                buffer.unmap(mapped)
            return Gst.FlowReturn.OK

    return Painter
