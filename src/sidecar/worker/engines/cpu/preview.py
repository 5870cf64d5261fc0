"""JPEG images of a stream, encoded only while somebody watches."""

import time

from sidecar.gst import Gst
from sidecar.worker.engines.cpu.pipeline import build_preview_pipeline
from sidecar.worker.engines.engine import Preview


class JpegEncoder(Preview):
    """Encodes frames in a pipeline of its own."""

    def __init__(self) -> None:
        """Raises ChainError."""
        super().__init__()
        self._pipeline, self.source = build_preview_pipeline(self._on_jpeg)
        self._pipeline.set_state(Gst.State.PLAYING)

    def stop(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)

    def _on_jpeg(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            buffer = sample.get_buffer()
            self.offer(buffer.extract_dup(0, buffer.get_size()))
        return Gst.FlowReturn.OK


class CpuPreview(JpegEncoder):
    """Takes annotated frames from an output's pipeline."""

    def __init__(self, raw_pad: Gst.Pad, max_frame_rate: float) -> None:
        """raw_pad: where annotated I420 frames pass. Raises ChainError."""
        super().__init__()
        self._interval = 1.0 / max_frame_rate
        self._next = 0.0
        self._pad = raw_pad
        self._probe = raw_pad.add_probe(Gst.PadProbeType.BUFFER, self._on_frame)

    def stop(self) -> None:
        self._pad.remove_probe(self._probe)
        super().stop()

    def _on_frame(self, pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """Called on the output's streaming thread: hands the frame over, does not copy or encode it."""
        now = time.monotonic()
        if now >= self._next and self.source.get_property("current-level-bytes") == 0:
            self._next = now + self._interval
            self.source.emit("push-sample", Gst.Sample.new(info.get_buffer(), pad.get_current_caps(), None, None))
        return Gst.PadProbeReturn.OK
