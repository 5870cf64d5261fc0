"""Ends the sources of cameras, each a pipeline or a bin, on threads of their own.

rtspsrc reads a message to its end once it has begun, and cannot be interrupted (seen with GStreamer 1.22). It would
wait for its TCP timeout if the camera falls silent, and for ever if the message has no end: so its connection is cut.
"""

import threading
import time
from typing import List, Optional

from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.timer import once
from sidecar.worker.engines.rtsp_connections import connections_of
from sidecar.worker.engines.rtsp_keep_alive import stop_asking

# How many seconds to wait for an earlier source: a device, or a camera with few sessions, is free only after its end.
_PATIENCE_SECONDS = 0.25
# How long a source may take to say goodbye to its camera before its connection is cut.
_CUT_MILLISECONDS = 2000
# Each source that does not end keeps a thread and a connection. A camera with so many is not opened again.
_MOST_HANGING = 3
# An end that takes longer than this, in seconds, is logged.
_LATE_SECONDS = 10.0


class _Ending:
    """A source that is being ended."""

    def __init__(self, camera_id: str, source: Gst.Bin) -> None:
        self.camera_id = camera_id
        self.began = time.monotonic()
        self.logged = False
        self._connections = connections_of(source)
        stop_asking(source)
        # Nothing else holds the source. A daemon thread: the process does not wait for it.
        self.thread = threading.Thread(target=_end, args=(source,), name="end-of-camera", daemon=True)
        self.thread.start()
        once(_CUT_MILLISECONDS, self._cut)

    def _cut(self) -> None:
        if self.thread.is_alive():
            for connection in list(self._connections):
                connection.cut()


class SourceCloser:
    """All methods are called on the loop thread."""

    def __init__(self) -> None:
        self._endings: List[_Ending] = []
        self._log = Log("camera")

    def end(self, camera_id: str, source: Gst.Bin) -> None:
        """Begins to end a pipeline, or a bin that is in none, and returns at once. Nobody may touch it any more."""
        self._endings.append(_Ending(camera_id, source))

    def refusal(self, camera_id: str) -> str:
        """Why a camera cannot be opened now. Empty: it can. Gives its earlier source a moment to end."""
        self.wait(_PATIENCE_SECONDS, camera_id)
        hanging = self.hanging(camera_id)
        return "%d earlier connections have not ended" % hanging if hanging >= _MOST_HANGING else ""

    def hanging(self, camera_id: str) -> int:
        """How many of a camera's sources have not ended yet."""
        self._endings = [one for one in self._endings if one.thread.is_alive()]
        count = sum(one.camera_id == camera_id for one in self._endings)
        for one in self._endings:
            if one.camera_id == camera_id and not one.logged and time.monotonic() - one.began > _LATE_SECONDS:
                one.logged = True
                self._log.warning("connection to a camera does not end", camera=camera_id, hanging=count)
        return count

    def wait(self, seconds: float, camera_id: Optional[str] = None) -> None:
        """Waits for the sources, of one camera or of all, to end: so many seconds from when each was told to end."""
        for one in self._endings:
            if camera_id in (None, one.camera_id):
                one.thread.join(max(0.0, one.began + seconds - time.monotonic()))


def _end(source: Gst.Bin) -> None:
    source.set_state(Gst.State.NULL)
