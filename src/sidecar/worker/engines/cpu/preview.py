"""JPEG pictures of an output, made only while somebody looks."""

import queue
import time
from typing import Optional

from sidecar.chain import Chain
from sidecar.gst import Gst
from sidecar.worker.engines.engine import Preview

# A reader that is this many pictures behind gets the newest ones.
_WAITING = 2


class PicturePreview(Preview):
    """Takes annotated frames from a picture and encodes them."""

    def __init__(self, raw_pad: Gst.Pad, max_frame_rate: float) -> None:
        """raw_pad: where annotated I420 frames pass. Raises ChainError."""
        self._jpegs: "queue.Queue[bytes]" = queue.Queue(maxsize=_WAITING)
        self._interval = 1.0 / max_frame_rate
        self._next = 0.0
        self._pipeline = Gst.Pipeline.new("preview")
        chain = Chain(self._pipeline)
        self._source = chain.add("appsrc", is_live=True, format="time", do_timestamp=True, block=False)
        chain.add("jpegenc", quality=85)
        sink = chain.add("appsink", sync=False, emit_signals=True, max_buffers=1, drop=True)
        sink.connect("new-sample", self._on_jpeg)
        self._pipeline.set_state(Gst.State.PLAYING)
        self._pad = raw_pad
        self._probe = raw_pad.add_probe(Gst.PadProbeType.BUFFER, self._on_frame)

    def take(self, timeout: float) -> Optional[bytes]:
        try:
            return self._jpegs.get(timeout=timeout)
        except queue.Empty:
            return None

    def stop(self) -> None:
        self._pad.remove_probe(self._probe)
        self._pipeline.set_state(Gst.State.NULL)

    def _on_frame(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """Called on the picture's streaming thread: hands the frame over, does not copy or encode it."""
        now = time.monotonic()
        if now >= self._next and self._source.get_property("current-level-bytes") == 0:
            self._next = now + self._interval
            self._source.emit("push-sample", Gst.Sample.new(info.get_buffer(), pad.get_current_caps(), None, None))
        return Gst.PadProbeReturn.OK

    def _on_jpeg(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            buffer = sample.get_buffer()
            jpeg = buffer.extract_dup(0, buffer.get_size())
            if self._jpegs.full():
                try:
                    self._jpegs.get_nowait()
                except queue.Empty:
                    pass  # the reader was faster
            try:
                self._jpegs.put_nowait(jpeg)
            except queue.Full:
                pass  # only this thread puts
        return Gst.FlowReturn.OK
