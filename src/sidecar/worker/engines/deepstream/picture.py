"""One picture that leaves the machine: a bin from frames with metadata to RTP on a loopback port, or to a receiver."""

import queue
import time
from typing import Callable, List, Optional

from sidecar.chain import Chain, make
from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.engines.appsink import add_recording, add_showing
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.encoders import Encoders, add_encoder, raw_caps, set_bitrate
from sidecar.worker.engines.deepstream.lettering import Lettering, clear_drawings
from sidecar.worker.engines.deepstream.probes import add_probe
from sidecar.worker.engines.engine import Preview
from sidecar.worker.engines.software_encoder import add_loopback
from sidecar.worker.outputs.layout import grid
from sidecar.worker.outputs.plan import FileTarget, StreamPlan, WindowTarget, codec_name
from sidecar.worker.outputs.receiver import Take

# The discard service: nothing is sent there, the gate is shut until the outlet has said a port.
_NO_PORT = 9
_JPEG_QUALITY = 85


class Picture:
    """Methods are called on the loop thread."""

    def __init__(
        self,
        plan: StreamPlan,
        encoders: Encoders,
        elements: Elements,
        lettering: Lettering,
        failed: Callable[[Exception], None],
        take: Take,
    ) -> None:
        """Builds the bin, with a ghost pad sink. failed: see add_probe(). take: gets the frames of a picture that does
        not go to the outlet. Raises ChainError."""
        self.plan = plan
        self._counter = FrameCounter()
        self._audience = Audience()
        self.container = Gst.Bin.new("picture-" + "-".join(filter(None, plan.key)))
        chain = Chain(self.container)
        if plan.key[1]:
            # The frames are shared with the other pictures: what is drawn on must be this one's own.
            chain.add("nvvideoconvert", None, **elements.converter(own_surface=True))
        else:
            self._tile(chain, elements)
            chain.add("nvvideoconvert", None, **elements.converter())
        entry = chain.elements[0]
        chain.caps("video/x-raw(memory:NVMM), format=%s" % elements.osd_format)
        self._osd = chain.add("nvdsosd", None, **elements.osd())
        add_probe(self._osd.get_static_pad("sink"), lettering.on_frames, failed)
        add_probe(self._osd.get_static_pad("src"), clear_drawings, failed)
        drawn = chain.add("tee")
        # None: a window's frames are not encoded.
        self._encoder: Optional[Gst.Element] = None
        self._send(chain, encoders, elements, take)
        self._valve = self._preview_branch(drawn, elements)
        self.container.add_pad(Gst.GhostPad.new("sink", entry.get_static_pad("sink")))

    @property
    def frames(self) -> int:
        """Encoded so far, or handed to a window."""
        return self._counter.frames

    def show(self, boxes: bool) -> None:
        """Whether outlines are drawn."""
        self._osd.set_property("display-bbox", boxes)

    def set_rtp_port(self, port: int) -> None:
        """From now on RTP goes there."""
        self._loopback.set_property("port", port)
        self._gate.set_property("drop", False)

    def set_bitrate(self, encoding: spec.Encoding) -> bool:
        """Changes the bit rate while frames flow. False: this encoder cannot."""
        return self._encoder is None or set_bitrate(self._encoder, encoding)

    def preview(self, max_frame_rate: float) -> Preview:
        viewer = PicturePreview(self, max_frame_rate)
        self._audience.viewers = [*self._audience.viewers, viewer]
        self._valve.set_property("drop", False)
        return viewer

    def leave(self, viewer: "PicturePreview") -> None:
        self._audience.viewers = [one for one in self._audience.viewers if one is not viewer]
        if not self._audience.viewers:
            self._valve.set_property("drop", True)

    def _tile(self, chain: Chain, elements: Elements) -> None:
        """All cameras in one picture. Its rate is held down here, before anything is drawn and encoded."""
        encoding = self.plan.encoding
        rows, columns = grid(len(self.plan.cameras))
        tiler = chain.add(
            "nvmultistreamtiler",
            None,
            rows=rows,
            columns=columns,
            width=encoding.width,
            height=encoding.height,
            **elements.tiler(),
        )
        if len(self.plan.cameras) > 1 and encoding.frame_rate:
            # No videorate: it goes by the rate of the muxer's caps, which is that of any one camera.
            tiler.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, RateLimit(encoding.frame_rate).on_frame)

    def _send(self, chain: Chain, encoders: Encoders, elements: Elements, take: Take) -> None:
        encoding = self.plan.encoding
        # A picture that is late does not hold up the others.
        chain.add("queue", None, max_size_buffers=2, max_size_bytes=0, max_size_time=0, leaky="downstream")
        chain.add("nvvideoconvert", None, **elements.converter())
        if isinstance(self.plan.target, WindowTarget):
            sink = add_showing(chain, encoding, take)
            sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._counter.on_frame)
            return
        chain.caps(raw_caps(codec_name(encoding), encoders, encoding.width, encoding.height))
        self._encoder = add_encoder(chain, encoding, encoders, elements)
        self._encoder.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._counter.on_frame)
        if isinstance(self.plan.target, FileTarget):
            add_recording(chain, encoding, take)
            return
        self._gate = chain.add("valve", None, drop=True)
        self._loopback = add_loopback(chain, encoding, _NO_PORT)

    def _preview_branch(self, drawn: Gst.Element, elements: Elements) -> Gst.Element:
        """JPEG, made only while the valve, which is returned, is open."""
        chain = Chain(self.container, after=drawn)
        valve = chain.add("valve", None, drop=True)
        chain.add("queue", None, max_size_buffers=1, max_size_bytes=0, max_size_time=0, leaky="downstream")
        chain.add("nvvideoconvert", None, **elements.converter())
        chain.caps("video/x-raw, format=I420")
        chain.add("jpegenc", None, quality=_JPEG_QUALITY)
        sink = make("appsink", None, sync=False, emit_signals=True, max_buffers=1, drop=True, **{"async": False})
        chain.append(sink, "appsink").connect("new-sample", self._audience.on_jpeg)
        return valve


# What elements call is bound to objects that hold no element: else a picture would keep itself alive for ever.


class FrameCounter:
    """Counts on a streaming thread."""

    def __init__(self) -> None:
        self.frames = 0

    def on_frame(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        self.frames += 1
        return Gst.PadProbeReturn.OK


class Audience:
    """Who gets the JPEGs; the list is replaced as a whole on the loop thread."""

    def __init__(self) -> None:
        self.viewers: List[PicturePreview] = []

    def on_jpeg(self, sink: Gst.Element) -> Gst.FlowReturn:
        """appsink's new-sample."""
        sample = sink.emit("pull-sample")
        if sample is not None:
            buffer = sample.get_buffer()
            jpeg = buffer.extract_dup(0, buffer.get_size())
            for viewer in self.viewers:
                viewer.offer(jpeg)
        return Gst.FlowReturn.OK


class RateLimit:
    """Lets so many frames a second pass, by their times."""

    def __init__(self, frame_rate: int) -> None:
        self._interval = Gst.SECOND // frame_rate
        self._next = 0

    def on_frame(self, _pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        pts = info.get_buffer().pts
        # Half an interval of tolerance: cameras jitter.
        if pts + self._interval // 2 < self._next:
            return Gst.PadProbeReturn.DROP
        self._next = max(self._next, pts - self._interval // 2) + self._interval
        return Gst.PadProbeReturn.OK


class PicturePreview(Preview):
    """One reader of a picture's JPEGs; a slow one gets the newest."""

    def __init__(self, picture: Picture, max_frame_rate: float) -> None:
        self._picture = picture
        self._interval = 1.0 / max_frame_rate
        self._next = 0.0
        self._jpegs: "queue.Queue[bytes]" = queue.Queue(maxsize=1)

    def take(self, timeout: float) -> Optional[bytes]:
        try:
            return self._jpegs.get(timeout=timeout)
        except queue.Empty:
            return None

    def stop(self) -> None:
        self._picture.leave(self)

    def offer(self, jpeg: bytes) -> None:
        """Called on the preview's streaming thread."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._interval
        try:
            self._jpegs.get_nowait()
        except queue.Empty:
            pass  # The reader has taken the one before.
        self._jpegs.put_nowait(jpeg)
