"""Asks a camera whether it is there: to keep its session over TCP, and while it sends nothing.

rtspsrc keeps the session by itself over UDP, and up to 1.16 over TCP too: at four fifths of the session's time it sends
GET_PARAMETER, or OPTIONS to a camera that does not list that. From 1.18 on it sends nothing over TCP while frames come;
but it has the action get-parameter from 1.16 on. Cameras that do not list GET_PARAMETER get OPTIONS instead: see
rtsp_options.py.
"""

import time
from typing import Optional

from sidecar.contract import spec
from sidecar.gst import GObject, Gst
from sidecar.log import Log
from sidecar.timer import Timer, every
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.describe import elements_in
from sidecar.worker.engines.rtsp_habits import MOST_ANSWER_SECONDS, habits_of
from sidecar.worker.main_loop import MainLoop

# rtspsrc does not say after how many seconds the camera ends the session; the shortest seen at cameras is 10.
INTERVAL_SECONDS = 4
# A camera whose packets have not come for this long is asked as often: does it hang, or has it nothing to send?
SILENCE_SECONDS = 0.75
_TIMER_MILLISECONDS = 250
# When nothing has come for so long, rtspsrc sends GET_PARAMETER or OPTIONS by itself.
_OWN_QUESTION_SECONDS = 5
# A camera that ended so many connections when it was asked is not asked any more.
_MOST_REFUSALS = 2


def keep_alive(source: Gst.Element, camera: spec.Camera, stats: CameraStats, keeps_session: bool) -> None:
    """Sends requests from the time when an rtspsrc has a stream until stop_asking(). Returns at once.

    keeps_session: requests are due while frames come, too.
    """
    # For stop_asking().
    source.asking = asking = _Asking(camera, stats, keeps_session)
    # Not earlier: a request would take the place of the command to play.
    source.connect("pad-added", lambda one, _pad: MainLoop.post(asking.begin, one))


def stop_asking(source: Gst.Bin) -> None:
    """Called on the loop thread before a camera's source is handed to another thread, which lets go of it."""
    for element in elements_in(source):
        if hasattr(element, "asking"):
            element.asking.stop()


class _Asking:
    """Holds the rtspsrc as long as it asks. A weak reference would end the process if another thread dropped the
    element while it is asked (PyGObject 3.26 to 3.42). Methods are called on the loop thread."""

    def __init__(self, camera: spec.Camera, stats: CameraStats, keeps_session: bool) -> None:
        self._camera = camera
        self._stats = stats
        self._keeps_session = keeps_session
        self._timer: Optional[Timer] = None
        self._is_stopped = False

    def begin(self, source: Gst.Element) -> None:
        """The source has a stream, and may have more."""
        if self._is_stopped or self._timer is not None:
            return
        source.set_property("tcp-timeout", _OWN_QUESTION_SECONDS * 1000000)
        if not GObject.signal_lookup("get-parameter", source):
            return
        questions = _Questions(self._camera, self._stats, self._keeps_session)

        def on_timer() -> None:
            if questions.may_ask:
                questions.ask_if_due(source)
            else:
                source.set_property("tcp-timeout", _OWN_QUESTION_SECONDS * 1000000)
                self.stop()

        self._timer = every(_TIMER_MILLISECONDS, on_timer)

    def stop(self) -> None:
        self._is_stopped = True
        if self._timer is not None:
            self._timer.stop()
            self._timer = None


class _Questions:
    """The requests of one connection. Methods are called on the loop thread."""

    def __init__(self, camera: spec.Camera, stats: CameraStats, keeps_session: bool) -> None:
        self._stats = stats
        # Answers of an earlier connection, which has not ended yet, say nothing about the current one.
        self._connection = stats.connections
        self._keeps_session = keeps_session
        # Asked at once: whether a camera answers must be known before it falls silent.
        self._asked_at = float("-inf")
        self._camera_id = camera.id
        self._habits = habits_of(camera)
        self._answers = 0
        self._is_waiting = False
        self._is_refused = False

    @property
    def may_ask(self) -> bool:
        is_current = self._connection == self._stats.connections
        return is_current and not self._is_refused and self._habits.get_parameter_refusals < _MOST_REFUSALS

    def ask_if_due(self, source: Gst.Element) -> None:
        """Returns at once: rtspsrc sends on its own thread, and goes on with the frames that come before the answer."""
        now = time.monotonic()
        is_silent = now - self._stats.last_packet > SILENCE_SECONDS
        if self._is_waiting or not (is_silent or self._keeps_session):
            return
        if now < self._asked_at + (SILENCE_SECONDS if is_silent else INTERVAL_SECONDS):
            return
        self._asked_at = now
        self._is_waiting = True
        # rtspsrc takes a camera that sends nothing for that long, not even an answer, for lost. It is set before the
        # question, since rtspsrc may wait for the answer before emit() returns.
        source.set_property("tcp-timeout", MOST_ANSWER_SECONDS * 1000000)
        promise = Gst.Promise.new_with_change_func(lambda one, *_: MainLoop.post(self._on_reply, _result(one)))
        if not source.emit("get-parameter", "keep-alive", None, promise):
            self._is_waiting = False
            return
        self._stats.on_question()

    def _on_reply(self, result: int) -> None:
        self._is_waiting = False
        if result == 0:
            # Whatever the camera answers, it has heard from its viewer.
            self._answers += 1
            if self._connection == self._stats.connections:
                self._stats.on_answer()
            return
        self._is_refused = True
        if not self._answers:
            self._habits.get_parameter_refusals += 1
            Log("camera").debug("camera does not take GET_PARAMETER", camera=self._camera_id, result=result)


def _result(promise: Gst.Promise) -> int:
    reply = promise.get_reply()
    found, result = (False, 0) if reply is None else reply.get_int("rtsp-result")
    return result if found else -1
