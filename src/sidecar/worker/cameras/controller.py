"""Attends to one camera: looks after it, opens and closes its line as decided, and tells how it goes. Both engines use
it; a line is what an engine has of its own."""

import abc
import random
from typing import Any, Callable, NamedTuple, Optional

from sidecar.chain import ChainError
from sidecar.contract import spec, state
from sidecar.gst import GLib
from sidecar.log import Log, redact
from sidecar.worker.cameras import text as text
from sidecar.worker.cameras.failure import CameraFailure
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.reachability_probe import ReachabilityProbe
from sidecar.worker.cameras.state import (
    CameraState,
    Connecting,
    Ended,
    Event,
    Failed,
    HostAnswered,
    Live,
    Lost,
    Observation,
    Observed,
    Phase,
    TurnedOff,
    TurnedOn,
    camera_rules,
    decide,
    initial_state,
)
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import Moment, TileText, camera_status, tile_text
from sidecar.worker.status.store import StatusStore

_LOOK_MILLISECONDS = 250
# An unreachable host is asked so often whether it answers again, in milliseconds.
_KNOCK_MILLISECONDS = 500
# A next attempt that shifts by more, in seconds, has another time on the wall clock, which was set.
_SAME_TIME = 1.0


class StreamFormat(NamedTuple):
    """What a line brings; empty and 0 until a frame can be shown."""

    encoding: str = ""
    width: int = 0
    height: int = 0


class CameraCallbacks(NamedTuple):
    """What a line tells of a connection, on the loop thread. What comes when another one is in force is ignored."""

    failed: Callable[[CameraFailure], None]
    ended: Callable[[], None]
    # Something has changed that is worth a look before its time.
    changed: Callable[[], None]


class CameraSource(abc.ABC):
    """An engine's way to a camera. Methods are called on the loop thread."""

    @abc.abstractmethod
    def open(self, heard: CameraCallbacks) -> None:
        """Connects, in place of an earlier connection. Raises ChainError."""

    @abc.abstractmethod
    def show(self) -> None:
        """The camera's frames are wanted from now on. Raises ChainError."""

    @abc.abstractmethod
    def close(self) -> None:
        """Returns when nothing comes from the camera any more; does nothing if that is so."""

    @abc.abstractmethod
    def say(self, note: TileText) -> None:
        """What the camera's tiles say, and what stands in place of its picture."""

    @abc.abstractmethod
    def format(self) -> StreamFormat:
        """Of the connection in force."""


class CameraController:
    """All methods are called on the loop thread."""

    def __init__(
        self,
        camera: spec.Camera,
        line: CameraSource,
        stats: CameraStats,
        freeze_detector: FreezeDetector,
        store: StatusStore,
        clock: Callable[[], Moment] = text.now,
        before: Optional[CameraState] = None,
    ) -> None:
        """stats and freeze_detector: written by the source's threads, frame by frame. before: see initial_state()."""
        self.camera = camera
        self._source = line
        self._stats = stats
        self._freeze_detector = freeze_detector
        self._store = store
        self._clock = clock
        self._log = Log("camera")
        self._rules = camera_rules(camera)
        self._state = initial_state(camera, clock().monotonic, before)
        # Which connection it is: what is heard of an earlier one does not count.
        self._number = 0
        # GLib source number; 0: not started.
        self._timer = 0
        self._knocks: Optional[ReachabilityProbe] = None
        self._told: Optional[state.CameraStatus] = None
        self._said: Optional[TileText] = None

    @property
    def state(self) -> CameraState:
        return self._state

    def introduce(self) -> None:
        """Tells of the camera before it is attended to."""
        self._tell(Observation())

    def start(self) -> None:
        """From now on the camera is attended to. Raises ChainError if the line cannot even be without a camera."""
        self._timer = GLib.timeout_add(_LOOK_MILLISECONDS, self._look)
        self._state = initial_state(self.camera, self._clock().monotonic, self._state)
        phase = self._state.phase
        self._source.close()
        self._tell(Observation())
        if isinstance(phase, Connecting):
            self._open()
        elif isinstance(phase, Lost):
            self._knock(phase)

    def stop(self) -> None:
        """The line is left as it is, and what it says is no longer heard."""
        self._number += 1
        self._stop_knocking()
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0

    def turn(self, camera: spec.Camera) -> None:
        """The camera's specification has changed in what needs no other line: its name, and whether it is off."""
        self.camera = camera
        self._take(TurnedOff() if camera.HasField("off") else TurnedOn())

    def _look(self) -> bool:
        self._take(Observed(self._observe()))
        return bool(GLib.SOURCE_CONTINUE)

    def _observe(self) -> Observation:
        brought = self._source.format()
        return Observation(
            self._stats.last_received,
            self._stats.interval,
            brought.encoding,
            (brought.width, brought.height),
            self._freeze_detector.seconds,
            self._freeze_detector.is_frozen,
        )

    def _take(self, event: Event) -> None:
        before = self._state.phase
        self._state = decide(self._state, event, self._rules, self._clock().monotonic, random.random)
        after = self._state.phase
        if self._timer and after is not before:
            self._act(before, after)
        self._tell(event.observation if isinstance(event, Observed) else self._observe())

    def _act(self, before: Phase, after: Phase) -> None:
        self._stop_knocking()
        if isinstance(after, Connecting):
            self._open()
        elif isinstance(after, Live):
            self._freeze_detector.reset()
            self._try(self._source.show)
        else:
            self._number += 1
            try:
                self._source.close()
            except ChainError as error:
                # Its tile stays empty. The looks must go on.
                self._log.error("a camera's tile cannot be filled", camera=self.camera.id, err=str(error))
            if isinstance(after, Lost):
                self._log.debug("camera lost", camera=self.camera.id, detail=after.why.detail)
                if isinstance(before, Live) and after.why.reason == state.CAMERA_LOST_REASON_FROZEN:
                    self._freeze_detector.latch()
                self._knock(after)

    def _open(self) -> None:
        self._number += 1
        number = self._number
        self._stats.begin()
        self._freeze_detector.begin()

        def heard(act: Callable[..., None]) -> Callable[..., None]:
            return lambda *values: act(*values) if number == self._number else None

        told = CameraCallbacks(
            failed=heard(lambda why: self._take(Failed(why))),
            ended=heard(lambda: self._take(Ended())),
            changed=heard(lambda: self._take(Observed(self._observe()))),
        )
        self._try(lambda: self._source.open(told))

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:  # whatever a line stumbles over, it costs this camera and no other
            if not isinstance(error, ChainError):
                self._log.error("a camera cannot be opened", camera=self.camera.id, err=repr(error))
            detail = redact("%s: %s" % (self._rules.uri, error))
            self._take(Failed(CameraFailure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, detail)))

    def _knock(self, phase: Lost) -> None:
        if phase.probes_host:
            self._knocks = ReachabilityProbe(
                self._rules.uri,
                _KNOCK_MILLISECONDS,
                lambda: self._take(HostAnswered()),
                only_after_silence=phase.host_answers,
            )

    def _stop_knocking(self) -> None:
        if self._knocks is not None:
            self._knocks.stop()
            self._knocks = None

    def _tell(self, observation: Observation) -> None:
        moment = self._clock()
        note = tile_text(self._state, self.camera, moment)
        if note != self._said:
            self._said = note
            self._source.say(note)
        status = camera_status(self._state, self.camera, observation, moment)
        if status is not None and _differ(self._told, status):
            self._told = status
            self._store.set_camera(status)


def _differ(before: Optional[state.CameraStatus], after: state.CameraStatus) -> bool:
    if before is None or not (before.HasField("lost") and after.HasField("lost")):
        return bool(before != after)
    shift = after.lost.next_attempt.ToNanoseconds() - before.lost.next_attempt.ToNanoseconds()
    if abs(shift) > _SAME_TIME * 1e9:
        return True
    same = state.CameraStatus()
    same.CopyFrom(before)
    same.lost.next_attempt.CopyFrom(after.lost.next_attempt)
    return bool(same != after)
