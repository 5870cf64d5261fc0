"""A camera's state as others see it: in the contract, on its tile and on its standby picture. Pure."""

import time
from typing import Dict, List, NamedTuple, Optional

from sidecar.contract import spec, state
from sidecar.worker.cameras.observation import Observation
from sidecar.worker.cameras.silence import sends_rarely
from sidecar.worker.cameras.state import CameraState, Connecting, Live, Lost, Off

_DAY_SECONDS = 24 * 3600
# Beyond that the day of the week is not enough.
_WEEK_SECONDS = 7 * _DAY_SECONDS
_COUNTED_SECONDS = 120

_OUTAGES = {
    state.CAMERA_LOST_REASON_AUTH_FAILED: "login refused",
    state.CAMERA_LOST_REASON_FROZEN: "frozen",
    state.CAMERA_LOST_REASON_PRIVACY: "withheld for privacy",
}


class Moment(NamedTuple):
    """One moment on both clocks, in seconds. The wall clock may be set at any time, the monotonic one is not."""

    monotonic: float
    wall: float

    def wall_at(self, monotonic: float) -> float:
        """What the wall clock, as it is now, shows at another moment."""
        return self.wall + (monotonic - self.monotonic)


def now() -> Moment:
    return Moment(time.monotonic(), time.time())


class TileText(NamedTuple):
    """What a camera's tile says while it has no fresh frame. Empty: it has one."""

    text: str
    # The tile does not show the last frame either: the camera is off.
    dark: bool = False
    # The last frame holds: the camera is live and sends rarely.
    holds: bool = False


def tile_text(current: CameraState, camera: spec.Camera, observation: Observation, moment: Moment) -> TileText:
    phase = current.phase
    if isinstance(phase, Off):
        return TileText(_off(camera, moment), dark=True)
    if isinstance(phase, Live):
        return TileText("", holds=sends_rarely(observation, moment.monotonic))
    if isinstance(phase, Connecting) and phase.live_since is not None:
        return TileText("", holds=True)
    outage = current.outage
    if outage is None:
        return TileText("connected, waiting for a key frame" if current.receives else "connecting")
    since = time.strftime("%H:%M:%S", time.localtime(moment.wall_at(outage.since)))
    when = "next try in %s" % _span(phase.due - moment.monotonic) if isinstance(phase, Lost) else _attempt(current)
    return TileText("%s since %s, %s" % (_OUTAGES.get(outage.reason, "no signal"), since, when))


def camera_status(
    current: CameraState, camera: spec.Camera, observation: Observation, moment: Moment
) -> Optional[state.CameraStatus]:
    """The contract's status, without the counters. None: unchanged, since a later attempt has not ended yet."""
    phase = current.phase
    status = state.CameraStatus(id=camera.id)
    if isinstance(phase, Off):
        status.off.SetInParent()
        if camera.off.HasField("until"):
            status.off.until.CopyFrom(camera.off.until)
    elif isinstance(phase, Live):
        width, height = observation.size
        status.live.MergeFrom(state.CameraStatus.Live(encoding=observation.encoding, width=width, height=height))
    elif isinstance(phase, Lost):
        lost = state.CameraStatus.Lost(reason=phase.why.reason, detail=phase.why.detail, attempts=current.attempts)
        lost.next_attempt.FromNanoseconds(int(moment.wall_at(phase.due) * 1e9))
        status.lost.MergeFrom(lost)
    elif current.attempts or phase.live_since is not None:
        return None
    else:
        status.connecting.attempt = 1
        status.connecting.receiving = current.receives
    return status


def standby_text(cameras: List[spec.Camera], texts: Dict[str, TileText]) -> TileText:
    """What the standby picture of a stream says, and whether its last frame holds. texts: by camera id."""
    lines = [(camera.name or camera.id, texts.get(camera.id, TileText(""))) for camera in cameras]
    holds = any(one.holds for _, one in lines)
    if len(lines) == 1:
        return TileText(lines[0][1].text, holds=holds)
    return TileText("\n".join("%s: %s" % (name, one.text) for name, one in lines if one.text), holds=holds)


def _attempt(current: CameraState) -> str:
    return "waiting for a key frame" if current.receives else "trying now"


def _off(camera: spec.Camera, moment: Moment) -> str:
    if not camera.off.HasField("until"):
        return "off"
    until = camera.off.until.ToNanoseconds() / 1e9
    ahead = until - moment.wall
    form = "%H:%M" if ahead < _DAY_SECONDS else "%a %H:%M" if ahead < _WEEK_SECONDS else "%Y-%m-%d %H:%M"
    return "off until %s" % time.strftime(form, time.localtime(until))


def _span(seconds: float) -> str:
    whole = int(max(0.0, seconds)) + 1
    return "%d s" % whole if whole <= _COUNTED_SECONDS else "%d min" % (whole // 60 + 1)
