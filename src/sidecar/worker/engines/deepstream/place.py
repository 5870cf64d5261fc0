"""A camera's place at the muxer: one sink pad that stays, and the source's bin in front of it that comes and goes."""

from typing import Any, Callable, Optional

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.chain import ChainError, request_pad  # noqa: E402
from sidecar.worker.engines.deepstream import meta  # noqa: E402
from sidecar.worker.loop import MainLoop  # noqa: E402

_FLUSHES = (Gst.EventType.FLUSH_START, Gst.EventType.FLUSH_STOP)


class Place:
    """The pad is never released: to do that while data flow is known to hang and crash. All methods are called on the
    loop thread."""

    def __init__(self, pipeline: Gst.Pipeline, mux: Gst.Element, index: int) -> None:
        """Raises ChainError."""
        self.index = index
        self._pipeline = pipeline
        self._mux = mux
        self._pad = request_pad(mux, "sink_%d" % index)
        if self._pad is None:
            raise ChainError("nvstreammux", "it gives no pad sink_%d" % index)
        # What is in front of the pad, and what waits for its first frame beside it.
        self._current: Optional[Gst.Bin] = None
        self._coming: Optional[Gst.Bin] = None
        self._block = 0

    @property
    def is_empty(self) -> bool:
        """Nothing is in front of the pad."""
        return self._current is None

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

    def fill(self, container: Gst.Bin) -> None:
        """Puts a bin into the place at once. Raises ChainError."""
        self._pipeline.add(container)
        self._link(container)
        container.sync_state_with_parent()

    def shut(self) -> None:
        """Takes away the source that waits, if there is one. Returns when its threads have ended."""
        container, self._coming = self._coming, None
        self._remove(container)

    def clear(self) -> None:
        """Takes away everything. Returns when all threads in front of the pad have ended."""
        self.shut()
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
        if container is None:
            return
        self._remove(container)
        meta.tell_stream_reset(self._mux, self.index)

    def _remove(self, container: Any) -> None:
        if container is None:
            return
        # Locked, so that a change of the whole pipeline's state does not start it again.
        container.set_locked_state(True)
        container.set_state(Gst.State.NULL)
        # Removing it from the pipeline unlinks it.
        self._pipeline.remove(container)
