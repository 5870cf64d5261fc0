"""OutputBranch: one stream of the graph, from frames with metadata to RTP on a loopback port, or to a receiver."""

import time
from typing import Callable, Collection, List, Optional

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.osd_text import OsdText
from sidecar.worker.engines.deepstream.pipeline import ENCODERS, OutputCallbacks, output_bin
from sidecar.worker.engines.engine import Preview
from sidecar.worker.engines.shared_elements import encoded_pad, kilobits
from sidecar.worker.outputs.plan import StreamPlan
from sidecar.worker.outputs.receiver import Take


class OutputBranch:
    """Methods are called on the loop thread."""

    def __init__(
        self,
        plan: StreamPlan,
        elements: Elements,
        hardware: Collection[str],
        text: OsdText,
        failed: Callable[[Exception], None],
        take: Take,
    ) -> None:
        """hardware: the codecs that the GPU encodes. failed: see add_probe(). take: gets the frames of a stream that
        does not go to the outlet. Raises ChainError."""
        self._counter = _FrameCounter()
        self._readers: List[_JpegReader] = []
        callbacks = OutputCallbacks(
            text.draw, text.clear, failed, self._counter.add, _jpeg_callback(self._readers), take
        )
        self.container = output_bin(plan, elements, hardware, callbacks)

    @property
    def frames(self) -> int:
        """Frames that were encoded, or handed to a window."""
        return self._counter.frames

    def set_rtp_port(self, port: int) -> None:
        """Sends RTP there from now on. Only for a stream that goes to the outlet."""
        self.container.get_by_name("loopback").set_property("port", port)
        self.container.get_by_name("gate").set_property("drop", False)

    def set_bitrate(self, encoding: spec.Encoding) -> bool:
        """Changes the bit rate while frames flow. False: this encoder cannot."""
        encoder = self.container.get_by_name("encoder")
        # A window's frames are not encoded.
        factory = "" if encoder is None else encoder.get_factory().get_name()
        if factory in ENCODERS.values():
            encoder.set_property("bitrate", encoding.bitrate)
        elif factory == "x264enc":
            encoder.set_property("bitrate", kilobits(encoding))
        return factory != "x265enc"

    def encoded_pad(self) -> Optional[Gst.Pad]:
        """Where encoded frames leave the parser. None: a window's frames are not encoded."""
        encoder = self.container.get_by_name("encoder")
        return None if encoder is None else encoded_pad(encoder)

    def preview(self, max_frame_rate: float) -> Preview:
        reader = _JpegReader(self._stop_preview, max_frame_rate)
        self._readers.append(reader)
        self.container.get_by_name("preview").set_property("drop", False)
        return reader

    def _stop_preview(self, reader: "_JpegReader") -> None:
        if reader in self._readers:
            self._readers.remove(reader)
        if not self._readers:
            self.container.get_by_name("preview").set_property("drop", True)


class _FrameCounter:
    def __init__(self) -> None:
        self.frames = 0

    def add(self) -> None:
        """Called on a streaming thread."""
        self.frames += 1


def _jpeg_callback(readers: List["_JpegReader"]) -> Callable[[Gst.Element], Gst.FlowReturn]:
    """new-sample of an appsink, called on its streaming thread."""

    def on_jpeg(sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            buffer = sample.get_buffer()
            jpeg = buffer.extract_dup(0, buffer.get_size())
            for reader in list(readers):
                reader.offer(jpeg)
        return Gst.FlowReturn.OK

    return on_jpeg


class _JpegReader(Preview):
    """One reader of a stream's JPEG images."""

    def __init__(self, stop: Callable[["_JpegReader"], None], max_frame_rate: float) -> None:
        super().__init__()
        self._stop = stop
        self._interval = 1.0 / max_frame_rate
        self._next = 0.0

    def stop(self) -> None:
        self._stop(self)

    def offer(self, jpeg: bytes) -> None:
        """Called on the preview's streaming thread."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            super().offer(jpeg)
