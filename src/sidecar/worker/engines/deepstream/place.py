"""A camera's place at the muxer: one sink pad that stays, and the source's bin in front of it that comes and goes."""

from typing import Callable, Optional

from sidecar.chain import ChainError, request_pad
from sidecar.gst import Gst
from sidecar.worker.engines.source_closer import SourceCloser
from sidecar.worker.main_loop import MainLoop

_FLUSHES = (Gst.EventType.FLUSH_START, Gst.EventType.FLUSH_STOP)


class Place:
    """The pad is never released: to do that while data flow is known to hang and crash. All methods are called on the
    loop thread, and none of them waits for a streaming thread: those hold locks of the elements while they wait for
    Python's in a probe."""

    def __init__(
        self, pipeline: Gst.Pipeline, mux: Gst.Element, index: int, camera_id: str, closer: SourceCloser
    ) -> None:
        """closer: ends the sources of camera_id, the camera at this place. Raises ChainError."""
        self.index = index
        self._pipeline = pipeline
        self._camera_id = camera_id
        self._closer = closer
        self._pad = request_pad(mux, "sink_%d" % index)
        if self._pad is None:
            raise ChainError("nvstreammux", "it gives no pad sink_%d" % index)
        # What is in front of the pad, and what waits for its first frame beside it.
        self._current: Optional[Gst.Bin] = None
        self._coming: Optional[Gst.Bin] = None
        self._block = 0

    def refusal(self) -> str:
        """See SourceCloser."""
        return self._closer.refusal(self._camera_id)

    def running_time(self) -> int:
        """Of the pipeline, now, in nanoseconds."""
        return int(max(0, self._pipeline.get_clock().get_time() - self._pipeline.get_base_time()))

    def open(self, container: Gst.Bin, arrived: Callable[[], None], ended: Callable[[], None]) -> None:
        """Starts a source's bin beside the place. arrived: its first frame is there and waits for take(). ended: at its
        end, before or after that. Both are called on the loop thread."""
        self._remove(self._coming)
        self._coming = container
        pad = container.get_static_pad("src")

        def on_event(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
            # A camera's end and seeks are no matter of the other cameras.
            kind = info.get_event().type
            if kind == Gst.EventType.EOS:
                MainLoop.post(ended)
                return Gst.PadProbeReturn.DROP
            return Gst.PadProbeReturn.DROP if kind in _FLUSHES else Gst.PadProbeReturn.OK

        def on_frame(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
            MainLoop.post(arrived)
            return Gst.PadProbeReturn.OK

        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM | Gst.PadProbeType.EVENT_FLUSH, on_event)
        self._block = pad.add_probe(Gst.PadProbeType.BLOCK | Gst.PadProbeType.BUFFER, on_frame)
        self._pipeline.add(container)
        container.sync_state_with_parent()

    def take(self, linked: Callable[[], None]) -> None:
        """The source that waits takes the place. linked: called before its first frame passes. Raises ChainError."""
        container, self._coming = self._coming, None
        assert container is not None, "arrived() came before"
        self._link(container)
        linked()
        container.get_static_pad("src").remove_probe(self._block)

    def clear(self) -> None:
        """Takes away the source, and one that waits. No frame of theirs comes through the pad any more, but for one
        that is on its way."""
        container, self._coming = self._coming, None
        self._remove(container)
        self._leave()

    def _link(self, container: Gst.Bin) -> None:
        self._leave()
        # Caps are not compared: once it runs, NVIDIA's decoder names formats in system memory when it is asked what it
        # can send, while its frames are in the GPU's (seen with 9.0.2).
        result = container.get_static_pad("src").link_full(self._pad, Gst.PadLinkCheck.HIERARCHY)
        if result != Gst.PadLinkReturn.OK:
            self._remove(container)
            raise ChainError(container.get_name(), "cannot be linked to the muxer: %s" % result.value_nick)
        self._current = container

    def _leave(self) -> None:
        container, self._current = self._current, None
        self._remove(container)

    def _remove(self, container: Optional[Gst.Bin]) -> None:
        if container is None:
            return
        # Locked, so that a change of the whole pipeline's state does not start it again.
        container.set_locked_state(True)
        # Removing it from the pipeline unlinks it.
        self._pipeline.remove(container)
        self._closer.end(self._camera_id, container)
