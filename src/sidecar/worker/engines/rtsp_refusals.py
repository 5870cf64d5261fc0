"""Notes which request an RTSP camera refused and how: rtspsrc does not tell the request, takes some redirections for an
unreachable host, and says nothing at all of others.
"""

from typing import Any, Callable, NamedTuple, Optional
from urllib.parse import urlsplit

from sidecar.contract import spec, state
from sidecar.gst import GstRtsp
from sidecar.log import Log
from sidecar.worker.cameras.addresses import address_problem, scheme
from sidecar.worker.cameras.failure import CameraFailure, camera_failure, status_reason
from sidecar.worker.engines.rtsp_habits import RtspHabits
from sidecar.worker.engines.rtsp_messages import method_and_uri, status_of
from sidecar.worker.main_loop import MainLoop

_METHOD_NAMES = {
    GstRtsp.RTSPMethod.OPTIONS: "OPTIONS",
    GstRtsp.RTSPMethod.DESCRIBE: "DESCRIBE",
    GstRtsp.RTSPMethod.SETUP: "SETUP",
    GstRtsp.RTSPMethod.PLAY: "PLAY",
}
_LOGIN_DEMANDS = (401, 407)
# What rtspsrc follows if it knows where to, and leaves unsaid if it does not.
_FOLLOWED = (301, 302)
# What rtspsrc takes for a request that need not be answered, also of PLAY.
_IGNORED = (405, 501, 551)
_UNSUPPORTED_TRANSPORT = 461
# A longer address is told in part.
_MOST_TOLD = 200


class _Refusal(NamedTuple):
    method: int
    status: int
    # Where a redirection leads, in the camera's words. Empty: it does not say, or it is none.
    location: str


class RefusalWatch:
    """Watches the messages of one rtspsrc, on its threads."""

    def __init__(self, camera: spec.Camera, habits: RtspHabits, failed: Callable[[CameraFailure], None]) -> None:
        """failed is called on the loop thread."""
        self._camera = camera
        self._habits = habits
        self._failed = failed
        # The answer to the last request for the stream. None: it was no refusal, or has not come.
        self._refusal: Optional[_Refusal] = None
        # Streams that the camera has agreed to send.
        self._streams = 0
        # Later requests keep the session.
        self._plays = False

    def on_request(self, request: Any) -> None:
        """Before it is sent."""
        if not self._plays and method_and_uri(request)[0] in _METHOD_NAMES:
            self._refusal = None

    def on_answer(self, request: Any, answer: Any) -> None:
        """Before rtspsrc acts on it."""
        method, uri = method_and_uri(request)
        status = status_of(answer)
        if self._plays or method not in _METHOD_NAMES:
            return
        if status < 300:
            self._streams += method == GstRtsp.RTSPMethod.SETUP and status >= 200
            if method == GstRtsp.RTSPMethod.PLAY and status >= 200:
                self._plays = True
                self._habits.transport_refusals = 0
            return
        location = ""
        if 300 <= status < 400:
            location = _absolute_location(answer, uri.decode("utf-8", "replace"))
            is_usable = scheme(location) in ("rtsp", "rtsps") and not address_problem(location)
            before_setup = method in (GstRtsp.RTSPMethod.OPTIONS, GstRtsp.RTSPMethod.DESCRIBE)
            if status in _FOLLOWED and before_setup and is_usable and location.encode() != uri:
                return
        self._refusal = _Refusal(method, status, location)
        if status in _FOLLOWED or (method == GstRtsp.RTSPMethod.PLAY and status in _IGNORED):
            MainLoop.post(self._tell)

    def _tell(self) -> None:
        why = self.failure()
        if why is not None:
            self._failed(why)

    def failure(self) -> Optional[CameraFailure]:
        """Why the camera sends no stream. None: it has refused nothing, or asks for a login.

        Called on the loop thread, once for each connection that has failed.
        """
        refusal = self._refusal
        if refusal is None or refusal.status in _LOGIN_DEMANDS:
            return None
        if refusal.status == _UNSUPPORTED_TRANSPORT:
            return self._refused_transport()
        reason = status_reason(refusal.status)
        said = "it answers %d to %s" % (refusal.status, _METHOD_NAMES[GstRtsp.RTSPMethod(refusal.method)])
        if 300 <= refusal.status < 400:
            reason = state.CAMERA_LOST_REASON_NOT_FOUND
            leads = ": it redirects to %s" % refusal.location[:_MOST_TOLD]
            said += leads if refusal.location else " and names no address"
        # The next connection begins with DESCRIBE, which tells the reason if there is one.
        retries = refusal.method == GstRtsp.RTSPMethod.OPTIONS
        if self._streams and not self._habits.sends_one_stream and refusal.method == GstRtsp.RTSPMethod.SETUP:
            retries = self._habits.sends_one_stream = True
        return camera_failure(reason, self._camera.uri, said)._replace(retries_otherwise=retries)

    def _refused_transport(self) -> CameraFailure:
        """The next connection tries the other transport: at once, unless that one has been refused, too."""
        habits = self._habits
        asked = self._camera.transport if habits.transport is None else habits.transport
        refused, other = ("UDP", "TCP") if asked == spec.TRANSPORT_UDP else ("TCP", "UDP")
        habits.transport = spec.TRANSPORT_TCP if asked == spec.TRANSPORT_UDP else spec.TRANSPORT_UDP
        habits.transport_refusals += 1
        if habits.transport_refusals == 1:
            Log("camera").info("camera refuses %s; connecting over %s" % (refused, other), camera=self._camera.id)
        why = camera_failure(state.CAMERA_LOST_REASON_TRANSPORT, self._camera.uri, "it refuses TCP and UDP")
        return why._replace(retries_otherwise=habits.transport_refusals == 1)


def _absolute_location(answer: Any, request_uri: str) -> str:
    """Where a redirection leads; empty: it does not say. A path is completed, since rtspsrc does not read one."""
    result, location = answer.get_header(GstRtsp.RTSPHeaderField.LOCATION, 0)
    location = str(location or "").strip() if result == GstRtsp.RTSPResult.OK else ""
    if location.startswith("/") and not location.startswith("//"):
        server = urlsplit(request_uri)
        location = "%s://%s%s" % (server.scheme, server.netloc, location)
        answer.remove_header(GstRtsp.RTSPHeaderField.LOCATION, -1)
        answer.add_header(GstRtsp.RTSPHeaderField.LOCATION, location)
    return location
