"""A camera's source: one bin for each connection, in front of the camera's pad of the muxer.

What happens to one camera never touches another: only what is in front of the pad comes and goes.
"""

from typing import Callable, Optional, Tuple

from sidecar.chain import ChainError, request_pad
from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.worker.cameras import failure
from sidecar.worker.cameras.controller import CameraCallbacks, CameraSource, StreamFormat
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.state import camera_rules
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.deepstream.camera_slot import CameraSlot
from sidecar.worker.engines.deepstream.elements import Elements
from sidecar.worker.engines.deepstream.pipeline import SourceCallbacks, source_bin
from sidecar.worker.engines.shared_elements import camera_error
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.main_loop import MainLoop

# Until the controller sets the full text.
_NO_SIGNAL = TileText("no signal")
_FLUSHES = (Gst.EventType.FLUSH_START, Gst.EventType.FLUSH_STOP)


class DeepstreamCameraSource(CameraSource):
    """Links a new bin to the camera's pad of the muxer for each connection.

    The pad is never released: to do that while data flow is known to hang and crash. All methods are called on the loop
    thread, and none of them waits for a streaming thread: those hold locks of elements while they wait for Python's in
    a probe.
    """

    def __init__(
        self,
        camera: spec.Camera,
        slot: CameraSlot,
        index: int,
        pipeline: Gst.Pipeline,
        elements: Elements,
        mux_size: Tuple[int, int],
        closer: SourceCloser,
        set_standby_text: Callable[[TileText], None],
    ) -> None:
        """index: of the muxer's pad. closer: ends bins. set_standby_text: gets what viewers of the camera's own stream
        read while it has no frames. Raises ChainError."""
        self._camera = camera
        self._slot = slot
        self._index = index
        self._pipeline = pipeline
        self._elements = elements
        self._mux_size = mux_size
        self._closer = closer
        self._set_standby_text = set_standby_text
        self.freeze_detector = FreezeDetector()
        self._compares_frames = camera_rules(camera).frozen_seconds != float("inf")
        self._mux_pad = request_pad(pipeline.get_by_name("mux"), "sink_%d" % index)
        if self._mux_pad is None:
            raise ChainError("nvstreammux", "it gives no pad sink_%d" % index)
        # The number of the current connection. Callbacks of an earlier one are ignored.
        self._number = 0
        self._callbacks: Optional[CameraCallbacks] = None
        self._encoding = ""
        # The bin that has not been linked to the muxer yet, and the one that is linked.
        self._starting: Optional[Gst.Bin] = None
        self._linked: Optional[Gst.Bin] = None
        self._block = 0
        self._has_arrived = False

    def open(self, callbacks: CameraCallbacks) -> None:
        self.remove()
        refusal = self._closer.refusal(self._camera.id)
        if refusal:
            callbacks.failed(failure.camera_failure(state.CAMERA_LOST_REASON_TIMEOUT, self._camera.uri, refusal))
            return
        number = self._number
        self._callbacks = callbacks
        self._encoding = ""

        def on_encoding(encoding: str) -> None:
            if number == self._number:
                self._encoding = encoding

        def on_arrived() -> None:
            if number == self._number:
                self._has_arrived = True
                callbacks.changed()

        source_callbacks = SourceCallbacks(
            on_encoding,
            callbacks.failed,
            self._slot.stats,
            self._slot.set_frame_size,
            self.freeze_detector if self._compares_frames else None,
        )
        source = source_bin(
            self._bin_name(), self._camera, self._elements, self._mux_size, source_callbacks, self._running_time
        )
        self._starting = source
        self._block = _hold_first_frame(source.get_static_pad("src"), on_arrived, callbacks.ended)
        self._pipeline.add(source)
        source.sync_state_with_parent()

    def show(self) -> None:
        source, self._starting = self._starting, None
        assert source is not None, "its first frame has arrived"
        self._slot.connections += 1
        pad = source.get_static_pad("src")
        # Caps are not compared: asked what it can send, NVIDIA's decoder names formats in system memory once it runs,
        # while its frames are on the GPU (seen with 9.0.2).
        result = pad.link_full(self._mux_pad, Gst.PadLinkCheck.HIERARCHY)
        if result != Gst.PadLinkReturn.OK:
            self._remove(source)
            raise ChainError(source.get_name(), "cannot be linked to the muxer: %s" % result.value_nick)
        self._linked = source
        self._slot.tile_text = TileText("")
        pad.remove_probe(self._block)

    def close(self) -> None:
        if self._slot.is_live():
            self._slot.tile_text = _NO_SIGNAL
        self.remove()

    def remove(self) -> None:
        """Removes the bins, and leaves the tile as it is. No frame of theirs passes the pad any more, except one that
        is on its way."""
        self._number += 1
        self._callbacks = None
        self._has_arrived = False
        self._remove(self._starting)
        self._remove(self._linked)
        self._starting = self._linked = None

    def set_tile_text(self, text: TileText) -> None:
        self._slot.tile_text = text
        self._set_standby_text(text)

    def format(self) -> StreamFormat:
        if not self._has_arrived:
            return StreamFormat(self._encoding)
        return StreamFormat(self._encoding, *self._slot.frame_size)

    def on_error(self, name: str, message: Gst.Message) -> bool:
        """Handles an error message from a bin of that name. False: the bin is not one of this source."""
        if not name.startswith("camera-%d-" % self._index):
            return False
        if name == self._bin_name() and self._callbacks is not None:
            self._callbacks.failed(camera_error(message, self._camera))
        return True

    def _bin_name(self) -> str:
        return "camera-%d-%d" % (self._index, self._number)

    def _running_time(self) -> int:
        """Of the pipeline, now, in nanoseconds."""
        return int(max(0, self._pipeline.get_clock().get_time() - self._pipeline.get_base_time()))

    def _remove(self, source: Optional[Gst.Bin]) -> None:
        if source is None:
            return
        # Locked, so that a state change of the whole pipeline does not start it again.
        source.set_locked_state(True)
        # This unlinks it too.
        self._pipeline.remove(source)
        self._closer.end(self._camera.id, source)


def _hold_first_frame(pad: Gst.Pad, arrived: Callable[[], None], ended: Callable[[], None]) -> int:
    """Blocks a pad at its first frame, until the probe whose number is returned is removed.

    arrived: called on the loop thread when that frame is there. ended: called on the loop thread at EOS, at any time.
    """

    def on_event(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        # The other cameras must not notice the end of this one, nor a seek.
        kind = info.get_event().type
        if kind == Gst.EventType.EOS:
            MainLoop.post(ended)
        return Gst.PadProbeReturn.DROP if kind == Gst.EventType.EOS or kind in _FLUSHES else Gst.PadProbeReturn.OK

    def on_frame(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        MainLoop.post(arrived)
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM | Gst.PadProbeType.EVENT_FLUSH, on_event)
    return int(pad.add_probe(Gst.PadProbeType.BLOCK | Gst.PadProbeType.BUFFER, on_frame))
