"""What a camera's state is called: in the contract, on its tile, and in place of its picture. Pure."""

import time
from typing import Dict, List, NamedTuple, Optional

from sidecar.contract import spec, state
from sidecar.worker.cameras.state import CameraState, Connecting, Live, Lost, Observation, Off

_DAY_SECONDS = 24 * 3600
# Later than that the day of the week is not enough.
_WEEK_SECONDS = 7 * _DAY_SECONDS
_COUNTED_SECONDS = 120

_TROUBLES = {
    state.CAMERA_LOST_REASON_AUTH_FAILED: "login refused",
    state.CAMERA_LOST_REASON_FROZEN: "frozen",
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
    """What a camera's tile says in place of a fresh picture. An empty text: it has one."""

    text: str
    # The tile shows no earlier picture either: the camera is not to be seen.
    dark: bool = False


def tile_text(current: CameraState, camera: spec.Camera, moment: Moment) -> TileText:
    phase = current.phase
    if isinstance(phase, Off):
        return TileText(_off(camera, moment), dark=True)
    if isinstance(phase, Live) or (isinstance(phase, Connecting) and phase.live_since is not None):
        return TileText("")
    outage = current.outage
    if outage is None:
        return TileText("connecting")
    since = time.strftime("%H:%M:%S", time.localtime(moment.wall_at(outage.since)))
    when = "next try in %s" % _span(phase.due - moment.monotonic) if isinstance(phase, Lost) else "trying now"
    return TileText("%s since %s, %s" % (_TROUBLES.get(outage.reason, "no signal"), since, when))


def camera_status(
    current: CameraState, camera: spec.Camera, observation: Observation, moment: Moment
) -> Optional[state.CameraStatus]:
    """As the contract has it, without the counters. None: as it was before: a later attempt has not ended yet."""
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
    return status


def standby_picture_text(cameras: List[spec.Camera], notes: Dict[str, str]) -> str:
    """What stands in place of a picture that has no frames. notes: by camera id."""
    lines = [(camera.name or camera.id, notes.get(camera.id, "")) for camera in cameras]
    if len(lines) == 1:
        return lines[0][1]
    return "\n".join("%s: %s" % (name, note) for name, note in lines if note)


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
