"""Cameras that refuse OPTIONS, with which rtspsrc begins, or that do not list GET_PARAMETER in its answer."""

from typing import Any, Iterable

from sidecar.gst import GstRtsp
from sidecar.worker.engines.rtsp_habits import RtspHabits
from sidecar.worker.engines.rtsp_messages import method_and_uri, pointer_to, rtsp_library, status_of

# Where a camera lists what it can do.
_LISTS = (GstRtsp.RTSPHeaderField.PUBLIC, GstRtsp.RTSPHeaderField.ALLOW)
_MOST_METHODS = 64
# What refuses OPTIONS and is no demand for a login, which rtspsrc meets.
_REFUSALS = frozenset(range(300, 600)) - {401, 407}


class OptionsGuard:
    """Watches the messages of one rtspsrc, on its threads."""

    def __init__(self, habits: RtspHabits, keeps_session: bool) -> None:
        """keeps_session: the camera is asked with rtspsrc's action get-parameter, which needs GET_PARAMETER listed."""
        self._habits = habits
        self._keeps_session = keeps_session
        self._knows_get_parameter = True

    def on_request(self, request: Any) -> None:
        """Before it is sent."""
        method, uri = method_and_uri(request)
        if method == GstRtsp.RTSPMethod.GET_PARAMETER and not self._knows_get_parameter:
            _change_method(request, GstRtsp.RTSPMethod.OPTIONS, uri)
        elif method == GstRtsp.RTSPMethod.OPTIONS and self._habits.refuses_options:
            # rtspsrc begins with it, and ends at a refusal whatever becomes of the answer.
            _change_method(request, GstRtsp.RTSPMethod.DESCRIBE, uri)
            request.add_header(GstRtsp.RTSPHeaderField.ACCEPT, "application/sdp")

    def on_answer(self, request: Any, answer: Any) -> None:
        """Before rtspsrc acts on it."""
        if method_and_uri(request)[0] != GstRtsp.RTSPMethod.OPTIONS:
            return
        if status_of(answer) in _REFUSALS:
            self._habits.refuses_options = True
            return
        if self._keeps_session:
            listed = [one for header in _LISTS for one in _values(answer, header)]
            if not any("GET_PARAMETER" in one.upper() for one in listed):
                self._knows_get_parameter = False
                missing = "GET_PARAMETER" if listed else "DESCRIBE, SETUP, GET_PARAMETER"
                answer.add_header(GstRtsp.RTSPHeaderField.PUBLIC, missing)


def _values(answer: Any, header: Any) -> Iterable[str]:
    """The library makes a header of each item of a list."""
    for number in range(_MOST_METHODS):
        result, value = answer.get_header(header, number)
        if result != GstRtsp.RTSPResult.OK:
            return
        yield value


def _change_method(request: Any, method: Any, uri: bytes) -> None:
    """Headers go. rtspsrc adds its own when it sends the request."""
    rtsp_library.gst_rtsp_message_init_request(pointer_to(request), int(method), uri)
