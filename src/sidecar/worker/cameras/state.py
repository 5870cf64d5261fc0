"""A camera's state machine: connecting, live, lost, off. Pure: both engines act on what is decided here.

All times are on the monotonic clock, in seconds: a step of the system's clock changes nothing.
"""

from typing import Callable, NamedTuple, Optional, Union

from sidecar.contract import spec, state
from sidecar.worker.cameras.addresses import scheme
from sidecar.worker.cameras.backoff import retry_delay
from sidecar.worker.cameras.failure import CameraFailure, camera_failure
from sidecar.worker.cameras.observation import Observation
from sidecar.worker.cameras.silence import (
    PACKET_SECONDS,
    Silence,
    allowed_silence,
    ended_without_fault,
    judge_silence,
    sends_no_frames,
)

# How long a camera may take until its first frame: twice as long after each attempt that was too short, and longer
# while packets come, because a key frame may be far.
FIRST_FRAME_SECONDS = 10.0
_MOST_DOUBLINGS = 2
_KEY_FRAME_FACTOR = 6
# How often a camera may be connected to in another way, in a row, before it is lost.
_MOST_DETOURS = 2
# After this much time with frames the failure count is reset: the next loss is retried at once.
_HEALTHY_SECONDS = 60.0
# Observations are made several times a second. If two lie further apart, this process was held up, and frames may be.
_HELD_UP_SECONDS = 1.0
# Usual seconds between two, and the weight of the newest in the average.
_OBSERVATION_SECONDS = 0.3
_SLOWNESS_WEIGHT = 0.1
_MOST_SLOWNESS = 2.5
# From here on a failure says that the machine may have caused it.
_OVERLOADED = 1.5
_DEFAULT_FROZEN_SECONDS = 60.0
_DEFAULT_SILENT_SECONDS = 10.0
_NEVER = float("inf")


class CameraRules(NamedTuple):
    """What is expected of one camera."""

    uri: str
    # A file is played again at its end.
    loops: bool
    # It has a host that can be probed.
    has_host: bool
    # A camera that repeats one frame for this long hangs.
    frozen_seconds: float
    # See judge_silence().
    silent_seconds: float


class Off(NamedTuple):
    """Not connected, on purpose."""


class Connecting(NamedTuple):
    """Opened, and no frame has arrived yet."""

    began: float
    # To the outside it has been live since then: a file is played again, or a camera is silent and may be well.
    live_since: Optional[float] = None
    # Its host accepts connections, as far as is known.
    host_answers: bool = False


class Live(NamedTuple):
    """Frames arrive."""

    since: float


class Lost(NamedTuple):
    """Closed; opened again at a time, or sooner if its host answers."""

    why: CameraFailure
    due: float
    # Whether its host is probed, and whether an answer counts only after the host was silent.
    probes_host: bool
    host_answers: bool


Phase = Union[Off, Connecting, Live, Lost]


class Outage(NamedTuple):
    """Why and since when a camera is not live."""

    reason: "state.CameraLostReason"
    since: float


class CameraState(NamedTuple):
    """Everything that is remembered of a camera."""

    phase: Phase
    # Failed attempts since it was last live.
    attempts: int = 0
    # Failed attempts without a healthy time between them.
    failures: int = 0
    # None: it is live, or was not tried yet.
    outage: Optional[Outage] = None
    # When it was last observed, and since when observations have been on time.
    observed_at: float = 0.0
    awake_since: float = 0.0
    # Attempts in which nothing came in time, since the camera was last healthy.
    slow_starts: int = 0
    # Connecting, and packets come: a key frame is waited for.
    receives: bool = False
    # Connections in a row that failed so that the next was made in another way.
    detours: int = 0
    # Silences of a live camera that were unclear.
    silences: int = 0
    # How many times longer than on an idle machine everything takes here. 1: this machine is not overloaded.
    slowness: float = 1.0


class TurnedOn(NamedTuple):
    """The camera is wanted."""


class TurnedOff(NamedTuple):
    """The camera is not wanted for now."""


class Restarted(NamedTuple):
    """Somebody wants another connection, at once."""


class Observed(NamedTuple):
    """Made several times a second."""

    observation: Observation


class Failed(NamedTuple):
    """The current connection has failed."""

    why: CameraFailure
    observation: Observation = Observation()


class Ended(NamedTuple):
    """The stream of the current connection has ended. rtspsrc says so, too, of a stream that was silent for long."""

    observation: Observation = Observation()


class HostAnswered(NamedTuple):
    """The host of a camera that could not be reached accepts connections again."""


Event = Union[TurnedOn, TurnedOff, Restarted, Observed, Failed, Ended, HostAnswered]


def camera_rules(camera: spec.Camera) -> CameraRules:
    """What the specification says, and the defaults."""
    kind = scheme(camera.uri)
    if kind in ("file", "test"):
        frozen = _NEVER
    elif camera.HasField("frozen_after"):
        frozen = camera.frozen_after.ToMilliseconds() / 1000.0 or _NEVER
    else:
        frozen = _DEFAULT_FROZEN_SECONDS
    silent = _DEFAULT_SILENT_SECONDS
    if camera.HasField("silent_after"):
        silent = camera.silent_after.ToMilliseconds() / 1000.0 or _NEVER
    return CameraRules(camera.uri, kind == "file", kind in ("rtsp", "rtsps"), frozen, silent)


def initial_state(camera: spec.Camera, now: float, before: Optional[CameraState] = None) -> CameraState:
    """The state of a camera whose source is new. before: the state with an earlier source, so that a login that was
    refused is not tried at once because something else has changed."""
    if camera.HasField("off"):
        return CameraState(Off(), observed_at=now, awake_since=now)
    if before is None or isinstance(before.phase, Off):
        return CameraState(Connecting(now), observed_at=now, awake_since=now)
    phase = before.phase if isinstance(before.phase, Lost) else Connecting(now)
    return before._replace(phase=phase, observed_at=now, awake_since=now)


def decide(
    before: CameraState, event: Event, rules: CameraRules, now: float, random: Callable[[], float]
) -> CameraState:
    """The state after an event.

    The caller acts on a new phase: a new Connecting replaces the open connection, Lost and Off close it. random returns
    0 to 1.
    """
    phase = before.phase
    if isinstance(event, TurnedOff):
        return before if isinstance(phase, Off) else CameraState(Off(), observed_at=now, awake_since=now)
    if isinstance(event, TurnedOn):
        return CameraState(Connecting(now), observed_at=now, awake_since=now) if isinstance(phase, Off) else before
    if isinstance(event, Restarted):
        return before if isinstance(phase, Off) else CameraState(Connecting(now), observed_at=now, awake_since=now)
    if isinstance(event, Observed):
        return _after_observation(before, event.observation, rules, now, random)
    if isinstance(event, HostAnswered):
        again = before._replace(phase=Connecting(now, host_answers=True), failures=0)
        return again if isinstance(phase, Lost) else before
    if not isinstance(phase, (Connecting, Live)):
        return before
    has_ended = isinstance(event, Ended) or event.why.reason == state.CAMERA_LOST_REASON_ENDED
    if has_ended and isinstance(phase, Live) and ended_without_fault(event.observation, now, before.awake_since):
        return before._replace(phase=Connecting(now, live_since=phase.since))
    if isinstance(event, Failed) and event.why.retries_otherwise and before.detours < _MOST_DETOURS:
        live_since = phase.live_since if isinstance(phase, Connecting) else phase.since
        return before._replace(phase=Connecting(now, live_since=live_since), receives=False, detours=before.detours + 1)
    if isinstance(event, Failed):
        return _lose(before, event.why, rules, now, random)
    if rules.loops and isinstance(phase, Live):
        return before._replace(phase=Connecting(now, live_since=phase.since))
    return _lose(before, camera_failure(state.CAMERA_LOST_REASON_ENDED, rules.uri), rules, now, random)


def first_frame_patience(slow_starts: int, receives: bool) -> float:
    """Seconds that a connection may last without a frame."""
    patience = FIRST_FRAME_SECONDS * 2.0 ** min(slow_starts, _MOST_DOUBLINGS)
    return patience * _KEY_FRAME_FACTOR if receives else patience


def _after_observation(
    before: CameraState, observation: Observation, rules: CameraRules, now: float, random: Callable[[], float]
) -> CameraState:
    passed = now - before.observed_at
    held_up = passed > _HELD_UP_SECONDS
    latest = min(passed / _OBSERVATION_SECONDS, _MOST_SLOWNESS)
    after = before._replace(
        observed_at=now,
        awake_since=now if held_up else before.awake_since,
        slowness=max(1.0, before.slowness + (latest - before.slowness) * _SLOWNESS_WEIGHT),
    )
    phase = after.phase
    if isinstance(phase, Connecting):
        receives = not observation.last_frame and now - observation.last_packet < PACKET_SECONDS
        after = after._replace(receives=receives)
        if observation.last_frame and all(observation.size) and not observation.is_frozen:
            live = Live(now if phase.live_since is None else phase.live_since)
            return after._replace(phase=live, attempts=0, outage=None, detours=0)
        patience = first_frame_patience(after.slow_starts, receives) * after.slowness
        is_late = now - max(phase.began, after.awake_since) > patience
        # A frozen camera sends frames, and may stop doing so.
        if is_late or (
            observation.last_frame and _silence(after, observation, now) > allowed_silence(observation.interval)
        ):
            reason = state.CAMERA_LOST_REASON_FROZEN if observation.is_frozen else state.CAMERA_LOST_REASON_TIMEOUT
            return _lose(after, camera_failure(reason, rules.uri, _overload(after)), rules, now, random)
    elif isinstance(phase, Live):
        silence = judge_silence(
            observation,
            now,
            after.awake_since,
            rules.frozen_seconds,
            rules.silent_seconds,
            after.silences,
            after.slowness,
        )
        if silence is Silence.UNCLEAR:
            return after._replace(phase=Connecting(now, live_since=phase.since), silences=after.silences + 1)
        why = _loss(after, observation, silence, rules, now)
        if why is not None:
            return _lose(after, why, rules, now, random)
        if now - phase.since > _HEALTHY_SECONDS:
            return after._replace(failures=0, slow_starts=0)
    elif isinstance(phase, Lost) and now >= phase.due:
        return after._replace(phase=Connecting(now, host_answers=phase.host_answers))
    return after


def _loss(
    current: CameraState, observation: Observation, silence: Silence, rules: CameraRules, now: float
) -> Optional[CameraFailure]:
    """What is wrong with a live camera."""
    if silence is Silence.LOST:
        what = "packets arrive and make no frame" if sends_no_frames(observation) else "no frame"
        lasting = "%s for %.1f s" % (what, _silence(current, observation, now))
        said = "; ".join(filter(None, [lasting, _overload(current)]))
        return camera_failure(state.CAMERA_LOST_REASON_TIMEOUT, rules.uri, said)
    if observation.frozen_for > rules.frozen_seconds:
        said = "the same frame for %.0f s" % observation.frozen_for
        return camera_failure(state.CAMERA_LOST_REASON_FROZEN, rules.uri, said)
    return None


def _overload(current: CameraState) -> str:
    return "this machine is overloaded, which may be the cause" if current.slowness > _OVERLOADED else ""


def _silence(current: CameraState, observation: Observation, now: float) -> float:
    return now - max(observation.last_frame, current.awake_since)


def _lose(
    before: CameraState, why: CameraFailure, rules: CameraRules, now: float, random: Callable[[], float]
) -> CameraState:
    failures = before.failures + 1
    probes_host = why.reason == state.CAMERA_LOST_REASON_UNREACHABLE and rules.has_host
    # Then the cause is something else, and each answer would only lead to the same failure.
    host_answers = isinstance(before.phase, Connecting) and before.phase.host_answers
    is_slow = isinstance(before.phase, Connecting) and why.reason == state.CAMERA_LOST_REASON_TIMEOUT
    return before._replace(
        phase=Lost(why, now + retry_delay(why.reason, failures, random), probes_host, host_answers),
        attempts=before.attempts + 1,
        failures=failures,
        slow_starts=before.slow_starts + is_slow,
        receives=False,
        detours=0,
        outage=Outage(why.reason, now if before.outage is None else before.outage.since),
    )
