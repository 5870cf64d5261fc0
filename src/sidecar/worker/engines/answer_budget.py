"""Bounds what a camera may send before it plays: rtspsrc stores an answer of any length, and takes twelve times that to
parse it as a description of streams."""

import threading
from typing import Any, Callable, List

from sidecar.gst import Gst, GstRtsp
from sidecar.timer import Timer, every
from sidecar.worker.engines.rtsp_connection import RtspConnection

# Bytes until PLAY. A description of streams has a few thousand.
MOST_BYTES = 1 << 20
_LOOK_MILLISECONDS = 20


class AnswerBudget:
    """Ends the connection of an rtspsrc that gets more than MOST_BYTES before it sends PLAY."""

    def __init__(self, source: Gst.Element, exceeded: Callable[[], None]) -> None:
        """exceeded: called then, on the loop thread."""
        self._exceeded = exceeded
        self._plays = threading.Event()
        source.connect("before-send", self._on_send)

    def watch(self, connection: RtspConnection) -> None:
        """Called on the loop thread."""
        timers: List[Timer] = []

        def look() -> None:
            facts = None if self._plays.is_set() or connection.is_closed else connection.facts()
            if facts is not None and facts.bytes_received <= MOST_BYTES:
                return
            timers[0].stop()
            if facts is not None:
                connection.end()
                self._exceeded()

        timers.append(every(_LOOK_MILLISECONDS, look))

    def _on_send(self, _source: Gst.Element, message: Any) -> bool:
        # Only PLAY has a range. parse_request() would tell the method, but old bindings free the address
        # that it returns (GStreamer 1.14).
        result, _range = message.get_header(GstRtsp.RTSPHeaderField.RANGE, 0)
        if result == GstRtsp.RTSPResult.OK:
            self._plays.set()
        return True
