"""Switches a mount's viewers between the worker's stream, from its newest key frame on, and the standby picture while
the worker sends no frames. Nothing else decides what feeds the RTSP server.
"""

import threading
import time
from typing import Any, Callable, List, NamedTuple, Optional, Union

from sidecar.buffers import restamped
from sidecar.gst import Gst

# The worker's stream is silent after this, or after this many of its own intervals if its frame rate is low.
_SILENCE_SECONDS = 1.0
_SILENT_INTERVALS = 3
_LONGEST_SILENCE_SECONDS = 5.0
# The frames since the newest key frame are kept to this many bytes; past it a new viewer waits for the next key frame.
_KEPT_BYTES = 4 * 1024 * 1024
# When this much is queued in the server (a client has described the stream and does not play), frames are dropped.
_WAITING_BYTES = 4 * 1024 * 1024
# Kept frames are sent this far apart: a client shows them as fast as it can decode and has caught up.
_CATCH_UP_NS = Gst.MSECOND


class Live(NamedTuple):
    """The worker's stream feeds the viewers."""

    # It is silent if no frame has arrived by then; monotonic, in seconds.
    silent_at: float


class Standby(NamedTuple):
    """The standby picture feeds the viewers, until the worker's next key frame."""


Input = Union[Live, Standby]


class FallbackSwitch:
    """Connects a mount's input to the server's appsrc, when there is one. Thread-safe.

    Frames carry times of the system clock; viewers get them on the time line of their media, which goes on evenly
    whatever the worker does.
    """

    def __init__(self, on_stream: Callable[[], None], on_viewer: Callable[[], None]) -> None:
        """on_stream is called on a streaming thread when the first frame after expect_new_stream() was fed.

        on_viewer is called on a server thread when somebody begins to watch.
        """
        self._on_stream = on_stream
        self._on_viewer = on_viewer
        self._lock = threading.Lock()
        # The worker's last frame is still current, however old it is.
        self.holds_last_frame = False
        self._input: Input = Standby()
        self._frames = 0
        # By the monotonic clock, and as time.time().
        self._last_frame = 0.0
        self._last_frame_at: Optional[float] = None
        self._kept: List[Any] = []
        self._kept_bytes = 0
        self._is_new_stream = True
        self._waits_for_key = True
        # The server's appsrc, once it asks for data, and the system time at which its time line begins.
        self._source: Optional[Any] = None
        self._base_time = 0
        self._earliest_pts = 0

    @property
    def frames(self) -> int:
        """Frames that arrived from the worker."""
        return self._frames

    @property
    def has_stream(self) -> bool:
        """Whether the stream that was expected has begun."""
        return not self._is_new_stream

    @property
    def last_frame_at(self) -> Optional[float]:
        """When the worker's last frame arrived that viewers could see, as time.time(); None: none yet."""
        return self._last_frame_at

    @property
    def has_frames(self) -> bool:
        """Whether a new viewer would see the worker's stream at once."""
        with self._lock:
            self._check_silence()
            return bool(self._kept)

    def expect_new_stream(self) -> None:
        """Another stream follows; its frames are taken from the first key frame on."""
        with self._lock:
            self._is_new_stream = True
            self._waits_for_key = True

    def push(self, frame: Any, clock_time: int) -> None:
        """Takes a frame from the worker. Called on the input's streaming thread."""
        is_key = not frame.has_flags(Gst.BufferFlags.DELTA_UNIT)
        begins_stream = False
        with self._lock:
            self._frames += 1
            if is_key:
                begins_stream, self._is_new_stream = self._is_new_stream, False
            if is_key or (isinstance(self._input, Live) and not self._is_new_stream):
                self._select_live(begins_stream)
                self._keep(frame, is_key)
                self._send(frame, is_key, clock_time)
        if begins_stream:
            self._on_stream()

    def wants_standby(self) -> bool:
        """Whether somebody watches while the worker is silent: push_standby() is wanted, several times a second."""
        with self._lock:
            self._check_silence()
            return self._source is not None and isinstance(self._input, Standby)

    def push_standby(self, frame: Any) -> None:
        """Takes a key frame of the standby picture, unless the worker has just begun to send again."""
        with self._lock:
            if self._source is not None and isinstance(self._input, Standby) and not self._is_full():
                self._emit(self._source, frame, self._source.get_clock().get_time())

    def repeat_held_frame(self) -> bool:
        """Sends the frames since the newest key frame again if they hold: who has just come has seen none.

        False: the next frame may still come in time, so this is to be called again.
        """
        with self._lock:
            if self.holds_last_frame and not self._is_late():
                return False
            if self._source is not None and self.holds_last_frame and not self._is_full():
                clock_time = self._source.get_clock().get_time()
                for frame in self._kept:
                    self._emit(self._source, frame, clock_time)
            return True

    def attach(self, source: Any) -> None:
        """Feeds a server's appsrc from the moment it asks. Called on a server thread."""
        source.connect("need-data", self._on_need_data)

    def detach(self, source: Any) -> None:
        """The server's appsrc is gone. Called on a server thread."""
        with self._lock:
            if self._source is source:
                self._source = None

    def _on_need_data(self, source: Any, _size: int) -> None:
        # The first request of a media: it plays, so its time line is fixed. Later ones do not matter.
        source.set_property("emit-signals", False)
        with self._lock:
            self._check_silence()
            self._source = source
            self._base_time = source.get_base_time()
            self._earliest_pts = 0
            self._waits_for_key = not self._kept
            clock_time = source.get_clock().get_time()
            for frame in self._kept:
                self._emit(source, frame, clock_time)
        self._on_viewer()

    def _select_live(self, begins_stream: bool) -> None:
        now = time.monotonic()
        interval = 0.0 if begins_stream else now - self._last_frame
        patience = min(max(_SILENCE_SECONDS, _SILENT_INTERVALS * interval), _LONGEST_SILENCE_SECONDS)
        self._input = Live(now + patience)
        self._last_frame, self._last_frame_at = now, time.time()

    def _check_silence(self) -> None:
        if self._is_late() and not self.holds_last_frame:
            self._input = Standby()
            # After a standby picture the frames before it are no longer of use to a decoder.
            self._kept, self._kept_bytes = [], 0
            self._waits_for_key = True

    def _is_late(self) -> bool:
        return isinstance(self._input, Live) and time.monotonic() >= self._input.silent_at

    def _keep(self, frame: Any, is_key: bool) -> None:
        if is_key:
            self._kept, self._kept_bytes = [], 0
        elif not self._kept:
            return
        self._kept.append(frame)
        self._kept_bytes += frame.get_size()
        if self._kept_bytes > _KEPT_BYTES:
            self._kept, self._kept_bytes = [], 0

    def _send(self, frame: Any, is_key: bool, clock_time: int) -> None:
        if self._source is None or (self._waits_for_key and not is_key):
            return
        # A dropped frame breaks those after it.
        self._waits_for_key = self._is_full()
        if not self._waits_for_key:
            self._emit(self._source, frame, clock_time)

    def _is_full(self) -> bool:
        return self._source is not None and self._source.get_property("current-level-bytes") > _WAITING_BYTES

    def _emit(self, source: Any, frame: Any, clock_time: int) -> None:
        # Live encoders send frames in the order of their times: later is always greater.
        pts = max(clock_time - self._base_time, self._earliest_pts)
        self._earliest_pts = pts + _CATCH_UP_NS
        source.emit("push-buffer", restamped(frame, pts))
