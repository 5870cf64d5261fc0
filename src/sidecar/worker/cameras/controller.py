"""Controls one camera: watches it, opens and closes its source as state.py decides, and reports its status.

Both engines use it, each with a source of its own.
"""

import abc
import random
from typing import Any, Callable, NamedTuple, Optional

from sidecar.chain import ChainError
from sidecar.contract import spec, state
from sidecar.log import Log
from sidecar.redact import redact
from sidecar.timer import Timer, every
from sidecar.worker.cameras.addresses import address_problem
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.observation import Observation
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
    Observed,
    Phase,
    Restarted,
    TurnedOff,
    TurnedOn,
    camera_rules,
    decide,
    initial_state,
)
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import Moment, TileText, camera_status, now, tile_text
from sidecar.worker.status.store import StatusStore

_OBSERVATION_MILLISECONDS = 250
# How often an unreachable host is asked whether it answers again, in milliseconds.
_PROBE_MILLISECONDS = 500
# A next attempt that shifts by more seconds than this means that the wall clock was set.
_SAME_TIME = 1.0


class StreamFormat(NamedTuple):
    """What a source delivers; empty and 0 until a frame can be shown."""

    encoding: str = ""
    width: int = 0
    height: int = 0


class CameraCallbacks(NamedTuple):
    """What a source reports of a connection, on the loop thread. Calls for an earlier connection are ignored."""

    failed: Callable[[CameraFailure], None]
    ended: Callable[[], None]
    # Something has changed, so that the camera is observed at once.
    changed: Callable[[], None]


class CameraSource(abc.ABC):
    """The elements by which an engine receives one camera. Methods are called on the loop thread."""

    @abc.abstractmethod
    def open(self, callbacks: CameraCallbacks) -> None:
        """Ends an earlier connection, then connects: a camera may allow one session. Raises ChainError."""

    @abc.abstractmethod
    def show(self) -> None:
        """From now on the camera's frames go into the streams. Raises ChainError."""

    @abc.abstractmethod
    def close(self) -> None:
        """Returns when nothing arrives from the camera any more. May be called twice."""

    @abc.abstractmethod
    def set_tile_text(self, text: TileText) -> None:
        """Sets what the camera's tiles say, and the standby picture of its own stream."""

    @abc.abstractmethod
    def format(self) -> StreamFormat:
        """The format of the current connection."""


class CameraController:
    """All methods are called on the loop thread."""

    def __init__(
        self,
        camera: spec.Camera,
        source: CameraSource,
        stats: CameraStats,
        freeze_detector: FreezeDetector,
        store: StatusStore,
        clock: Callable[[], Moment] = now,
        before: Optional[CameraState] = None,
    ) -> None:
        """stats and freeze_detector: written by the source's threads, frame by frame. before: see initial_state()."""
        self.camera = camera
        self._source = source
        self._stats = stats
        self._freeze_detector = freeze_detector
        self._store = store
        self._clock = clock
        self._log = Log("camera")
        self._rules = camera_rules(camera)
        self._state = initial_state(camera, clock().monotonic, before)
        # The number of the current connection. Callbacks of an earlier one are ignored.
        self._number = 0
        # None: not started.
        self._timer: Optional[Timer] = None
        self._probe: Optional[ReachabilityProbe] = None
        self._reported: Optional[state.CameraStatus] = None
        self._tile_text: Optional[TileText] = None

    @property
    def state(self) -> CameraState:
        return self._state

    def announce(self) -> None:
        """Reports the camera before it is started."""
        self._report(Observation())

    def start(self) -> None:
        """From now on the camera is controlled. Raises ChainError if the source cannot even be without a camera."""
        self._timer = every(_OBSERVATION_MILLISECONDS, self._on_timer)
        self._state = initial_state(self.camera, self._clock().monotonic, self._state)
        phase = self._state.phase
        self._source.close()
        self._report(Observation())
        if isinstance(phase, Connecting):
            self._open()
        elif isinstance(phase, Lost):
            self._start_probe(phase)

    def stop(self) -> None:
        """Leaves the source as it is, and ignores its callbacks from now on."""
        self._number += 1
        self._stop_probe()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def update(self, camera: spec.Camera) -> None:
        """The specification changed only in what the source need not know: the camera's name, and whether it is off."""
        self.camera = camera
        self._handle(TurnedOff() if camera.HasField("off") else TurnedOn())

    def restart(self) -> None:
        """Connects again at once, unless the camera is off."""
        self._handle(Restarted())

    def _on_timer(self) -> None:
        self._handle(Observed(self._observe()))

    def _observe(self) -> Observation:
        delivered = self._source.format()
        return Observation(
            self._stats.last_received,
            self._stats.interval,
            self._stats.key_interval,
            delivered.encoding,
            (delivered.width, delivered.height),
            self._freeze_detector.seconds,
            self._freeze_detector.is_frozen,
            self._stats.last_packet,
            self._stats.last_question,
            self._stats.last_answer,
            self._stats.last_sign,
            self._stats.last_ack,
            self._stats.packets_since,
        )

    def _handle(self, event: Event) -> None:
        before = self._state.phase
        self._state = decide(self._state, event, self._rules, self._clock().monotonic, random.random)
        after = self._state.phase
        if self._timer is not None and after is not before:
            self._enter(after, before)
        self._report(event.observation if isinstance(event, Observed) else self._observe())

    def _enter(self, phase: Phase, before: Phase) -> None:
        self._stop_probe()
        if isinstance(phase, Connecting):
            self._open()
        elif isinstance(phase, Live):
            self._freeze_detector.reset()
            self._try(self._source.show)
        else:
            self._number += 1
            try:
                self._source.close()
            except ChainError as error:
                # Its tile stays empty. The camera must be observed all the same.
                self._log.error("cannot fill the tile of a camera", camera=self.camera.id, err=str(error))
            if isinstance(phase, Lost):
                self._log.debug("camera lost", camera=self.camera.id, detail=phase.why.detail, cause=phase.why.cause)
                if isinstance(before, Live) and phase.why.reason == state.CAMERA_LOST_REASON_FROZEN:
                    self._freeze_detector.latch()
                self._start_probe(phase)

    def _open(self) -> None:
        self._number += 1
        number = self._number
        self._stats.begin()
        self._freeze_detector.begin()

        def if_current(act: Callable[..., None]) -> Callable[..., None]:
            return lambda *values: act(*values) if number == self._number else None

        callbacks = CameraCallbacks(
            failed=if_current(lambda why: self._handle(Failed(why, self._observe()))),
            ended=if_current(lambda: self._handle(Ended(self._observe()))),
            changed=if_current(lambda: self._handle(Observed(self._observe()))),
        )
        problem = address_problem(self._rules.uri)
        if problem:
            self._handle(Failed(camera_failure(state.CAMERA_LOST_REASON_ADDRESS, self._rules.uri, problem)))
            return
        self._try(lambda: self._source.open(callbacks))

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:  # whatever goes wrong in a source, it costs this camera and no other
            if not isinstance(error, ChainError):
                self._log.error("cannot open a camera", camera=self.camera.id, err=repr(error))
            detail = redact("%s: %s" % (self._rules.uri, error))
            self._handle(Failed(CameraFailure(state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, detail)))

    def _start_probe(self, phase: Lost) -> None:
        if phase.probes_host:
            self._probe = ReachabilityProbe(
                self._rules.uri,
                _PROBE_MILLISECONDS,
                lambda: self._handle(HostAnswered()),
                only_after_silence=phase.host_answers,
            )

    def _stop_probe(self) -> None:
        if self._probe is not None:
            self._probe.stop()
            self._probe = None

    def _report(self, observation: Observation) -> None:
        moment = self._clock()
        text = tile_text(self._state, self.camera, observation, moment)
        if text != self._tile_text:
            self._tile_text = text
            self._source.set_tile_text(text)
        status = camera_status(self._state, self.camera, observation, moment)
        if status is not None and _differ(self._reported, status):
            self._reported = status
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
