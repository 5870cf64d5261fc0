"""Keeps the session at a camera alive over TCP: newer releases of rtspsrc send nothing while frames come.

Up to 1.16 rtspsrc does it by itself. From 1.16 on it has the action get-parameter, and over UDP it needs no help. It
cannot be told to send OPTIONS instead: a camera that does not list GET_PARAMETER gets the RTCP reports alone.
"""

import time
from typing import Any

from sidecar.contract import spec
from sidecar.gst import GObject, Gst
from sidecar.log import Log
from sidecar.timer import every
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.rtsp_habits import habits_of
from sidecar.worker.main_loop import MainLoop

# rtspsrc does not say after how many seconds the camera ends the session; the shortest seen at cameras is 10.
INTERVAL_SECONDS = 4
# A camera whose packets have not come for this long is asked as often: does it hang, or has it nothing to send?
SILENCE_SECONDS = 0.75
_TIMER_MILLISECONDS = 250
# A camera that ended so many connections when it was asked is not asked any more.
_MOST_REFUSALS = 2


def keep_alive(source: Gst.Element, camera: spec.Camera, stats: CameraStats) -> None:
    """Sends requests from the time when an rtspsrc has a stream until it is closed. Returns at once."""
    if GObject.signal_lookup("get-parameter", source):
        # Not earlier: a request would take the place of the command to play.
        source.connect("pad-added", lambda one, _pad: MainLoop.post(_begin, one.weak_ref(), camera, stats))


def _begin(reference: Any, camera: spec.Camera, stats: CameraStats) -> None:
    source = reference()
    if source is None or hasattr(source, "_keeps_alive"):
        return
    source._keeps_alive = True
    asked = _Asked(camera, stats)

    def on_timer() -> None:
        element = reference()
        # Fields, not get_state(): no lock is waited for.
        if element is None or element.target_state != Gst.State.PLAYING or not asked.may_ask:
            timer.stop()
        else:
            asked.ask_if_due(element)

    timer = every(_TIMER_MILLISECONDS, on_timer)


class _Asked:
    """The requests of one connection. Methods are called on the loop thread."""

    def __init__(self, camera: spec.Camera, stats: CameraStats) -> None:
        self._stats = stats
        self._asked_at = time.monotonic()
        self._camera_id = camera.id
        self._habits = habits_of(camera)
        self._answers = 0
        self._is_waiting = False
        self._is_refused = False

    @property
    def may_ask(self) -> bool:
        return not self._is_refused and self._habits.get_parameter_refusals < _MOST_REFUSALS

    def ask_if_due(self, source: Gst.Element) -> None:
        """Returns at once: rtspsrc sends on its own thread, and goes on with the frames that come before the answer."""
        now = time.monotonic()
        is_silent = now - self._stats.last_packet > SILENCE_SECONDS
        due = self._asked_at + (SILENCE_SECONDS if is_silent else INTERVAL_SECONDS)
        if self._is_waiting or now < due:
            return
        self._asked_at = now
        self._is_waiting = True
        promise = Gst.Promise.new_with_change_func(lambda one, *_: MainLoop.post(self._on_reply, _result(one)))
        if not source.emit("get-parameter", "keep-alive", None, promise):
            self._is_waiting = False

    def _on_reply(self, result: int) -> None:
        self._is_waiting = False
        if result == 0:
            # Whatever the camera answers, it has heard from its viewer.
            self._answers += 1
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
