"""Which frames a mount's viewers get: the worker's, from the newest key frame on.

This is the one place that decides what feeds the RTSP server, so that another source, such as a standby picture, can
take turns with the worker's stream here.
"""

import threading
from typing import Any, Callable, List, Optional

from gi.repository import Gst

from sidecar.buffers import restamped

# The frames since the newest key frame are kept to this many bytes; past it a new viewer waits for the next key frame.
_KEPT_BYTES = 4 * 1024 * 1024
# When this much waits in the server (a client has described the stream and does not play), frames are given up.
_WAITING_BYTES = 4 * 1024 * 1024
# Kept frames are sent this far apart: a client shows them as fast as it can decode and has caught up.
_CATCH_UP_NS = Gst.MSECOND


class Feed:
    """Connects a mount's input to the server's appsrc, when there is one. Thread-safe.

    Frames carry times of the system clock; viewers get them on the time line of their media, which goes on evenly
    whatever the worker does.
    """

    def __init__(self, on_stream: Callable[[], None]) -> None:
        """on_stream is called on a streaming thread when the first frame after expect_new_stream() was fed."""
        self._on_stream = on_stream
        self._lock = threading.Lock()
        self._frames = 0
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
        """Frames that came from the worker."""
        return self._frames

    @property
    def has_stream(self) -> bool:
        """Whether the stream that was expected has begun."""
        return not self._is_new_stream

    @property
    def has_picture(self) -> bool:
        """Whether a viewer would see something at once."""
        return bool(self._kept)

    def expect_new_stream(self) -> None:
        """What comes next is of another stream, and is taken from its first key frame on."""
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
            if not self._is_new_stream:
                self._keep(frame, is_key)
                self._send(frame, is_key, clock_time)
        if begins_stream:
            self._on_stream()

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
            self._source = source
            self._base_time = source.get_base_time()
            self._earliest_pts = 0
            self._waits_for_key = not self._kept
            clock_time = source.get_clock().get_time()
            for frame in self._kept:
                self._emit(source, frame, clock_time)

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
        # A frame that is left out breaks those after it.
        self._waits_for_key = self._source.get_property("current-level-bytes") > _WAITING_BYTES
        if not self._waits_for_key:
            self._emit(self._source, frame, clock_time)

    def _emit(self, source: Any, frame: Any, clock_time: int) -> None:
        # Live encoders send frames in the order of their times: later is always greater.
        pts = max(clock_time - self._base_time, self._earliest_pts)
        self._earliest_pts = pts + _CATCH_UP_NS
        source.emit("push-buffer", restamped(frame, pts))
