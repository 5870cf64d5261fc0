"""The outlet's own viewer of a mount: it shows that frames really get through to a client."""

from typing import Any, Callable, Optional

from sidecar.chain import Chain, make
from sidecar.gst import Gst
from sidecar.outlet.codec import codec
from sidecar.outlet.protocol import Mount, User
from sidecar.outlet.standby.mark import is_marked
from sidecar.timer import Timer, attempt, once, soon

# An attempt without a frame is given up after this; the next one follows after a pause.
_ATTEMPT_MS = 4000
_PAUSE_MS = 500


class LoopbackViewer:
    """Plays a mount until a frame of the worker's has arrived, however often that must be tried.

    Methods and callbacks are on the main-loop thread.
    """

    def __init__(self, mount: Mount, port: int, login: User, on_frame: Callable[[], None]) -> None:
        """Begins at once. on_frame is called once. Raises ChainError."""
        self._mount = mount
        self._location = "rtsp://127.0.0.1:%d%s" % (port, mount.path)
        self._login = login
        self._on_live_frame = on_frame
        self._pipeline: Optional[Any] = None
        # Callbacks hold their attempt's number: one that held the pipeline would keep it, and its sockets, for ever.
        self._number = 0
        self._timer: Optional[Timer] = None
        self._attempt()

    def stop(self) -> None:
        """Gives up. on_frame is not called after this."""
        self._end_attempt()

    def _attempt(self) -> None:
        self._number = number = self._number + 1
        elements = codec(self._mount.codec)
        pipeline = Gst.Pipeline.new(None)
        source = make(
            "rtspsrc",
            location=self._location,
            protocols="tcp",
            latency=0,
            timeout=2000000,
            user_id=self._login.username,
            user_pw=self._login.password,
        )
        pipeline.add(source)
        # Whole frames, not packets, must arrive.
        chain = Chain(pipeline)
        depayloader = chain.add(elements.depayloader)
        chain.caps(elements.frames)
        sink = chain.add("fakesink", sync=False, signal_handoffs=True)
        source.connect("pad-added", lambda _, pad: pad.link(depayloader.get_static_pad("sink")))
        sink.connect("handoff", _LiveFrameFilter(lambda: soon(lambda: self._on_frame_seen(number))).on_handoff)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda *_: self._try_later(number))
        bus.connect("message::eos", lambda *_: self._try_later(number))
        self._pipeline = pipeline
        self._timer = once(_ATTEMPT_MS, lambda: self._try_later(number))
        pipeline.set_state(Gst.State.PLAYING)

    def _on_frame_seen(self, number: int) -> None:
        if self._pipeline is not None and number == self._number:
            self._end_attempt()
            self._on_live_frame()

    def _try_later(self, number: int) -> None:
        if self._pipeline is not None and number == self._number:
            self._end_attempt()
            self._timer = attempt(_PAUSE_MS, self._attempt)

    def _end_attempt(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        if self._pipeline is not None:
            self._pipeline.get_bus().remove_signal_watch()
            self._pipeline.set_state(Gst.State.NULL)
            self._pipeline = None


class _LiveFrameFilter:
    """Distinguishes the worker's frames from those of the standby picture. Called on the client's streaming thread."""

    def __init__(self, on_frame: Callable[[], Any]) -> None:
        self._on_frame = on_frame
        self._is_whole = False

    def on_handoff(self, _sink: Any, frame: Any, _pad: Any) -> None:
        # A client connects at any moment: the first frame may lack its beginning, and with it the mark.
        if self._is_whole and not is_marked(frame.extract_dup(0, frame.get_size())):
            self._on_frame()
        self._is_whole = True
