"""What a camera's state is called, on clocks that the tests set."""

import datetime
import time

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from sidecar.contract import spec, state
from sidecar.worker.cameras.failure import CameraFailure
from sidecar.worker.cameras.observation import Observation
from sidecar.worker.cameras.state import CameraState, Connecting, Live, Lost, Off, Outage
from sidecar.worker.cameras.text import Moment, TileText, camera_status, standby_text, tile_text

CAMERA = spec.Camera(id="one", uri="rtsp://10.0.0.2/")
# Local time: the one on the tiles.
NOON = datetime.datetime(2026, 1, 5, 12, 0, 0).timestamp()
NOW = Moment(monotonic=500.0, wall=NOON)


def lost(reason=state.CAMERA_LOST_REASON_TIMEOUT, due=504.0):
    return CameraState(Lost(CameraFailure(reason, "why"), due, False, False), attempts=3, outage=Outage(reason, 440.0))


@pytest.mark.parametrize(
    ("current", "text"),
    [
        (CameraState(Connecting(499.0)), "connecting"),
        (CameraState(Live(499.0)), ""),
        (CameraState(Connecting(499.0, live_since=400.0)), ""),
        (lost(due=503.2), "no signal since 11:59:00, next try in 4 s"),
        (lost(due=1090.0), "no signal since 11:59:00, next try in 10 min"),
        (lost(state.CAMERA_LOST_REASON_FROZEN), "frozen since 11:59:00, next try in 5 s"),
        (lost(state.CAMERA_LOST_REASON_AUTH_FAILED), "login refused since 11:59:00, next try in 5 s"),
        (lost(state.CAMERA_LOST_REASON_PRIVACY), "withheld for privacy since 11:59:00, next try in 5 s"),
        (lost()._replace(phase=Connecting(500.0)), "no signal since 11:59:00, trying now"),
    ],
)
def test_a_tile_says_why_it_has_no_fresh_frame(current, text):
    told = tile_text(current, CAMERA, Observation(last_frame=499.9), NOW)
    assert (told.text, told.dark) == (text, False)


@pytest.mark.parametrize(
    ("current", "observation", "holds"),
    [
        (CameraState(Live(499.0)), Observation(last_frame=499.9, interval=0.04), False),
        (CameraState(Live(499.0)), Observation(last_frame=499.3, interval=0.04), True),
        (CameraState(Live(499.0)), Observation(last_frame=499.9, interval=2.0), True),
        (CameraState(Connecting(499.0, live_since=400.0)), Observation(), True),
        (CameraState(Connecting(499.0)), Observation(), False),
        (lost(), Observation(last_frame=490.0, interval=5.0), False),
    ],
)
def test_the_last_frame_of_a_live_camera_that_sends_rarely_holds(current, observation, holds):
    assert tile_text(current, CAMERA, observation, NOW).holds is holds


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (None, "off"),
        (7, "off until 19:00"),
        (19, "off until 07:00"),
        (67, "off until Thu 07:00"),
        (24 * 10, "off until 2026-01-15 12:00"),
        # Due, and it is for the agent to say so.
        (-1, "off until 11:00"),
    ],
)
def test_a_tile_of_a_camera_that_is_off_is_dark_and_says_until_when(hours, text):
    until = None if hours is None else Timestamp(seconds=int(NOON) + hours * 3600)
    camera = spec.Camera(id="one", off=spec.CameraOff(until=until))
    assert tile_text(CameraState(Off()), camera, Observation(), NOW) == TileText(text, dark=True)


def test_the_contract_has_each_state():
    def told(current, camera=CAMERA):
        return camera_status(current, camera, Observation(1.0, encoding="H264", size=(640, 360)), NOW)

    assert told(CameraState(Connecting(499.0))).connecting.attempt == 1
    live = told(CameraState(Live(499.0))).live
    assert (live.encoding, live.width, live.height) == ("H264", 640, 360)
    gone = told(lost()).lost
    assert (gone.reason, gone.detail, gone.attempts) == (state.CAMERA_LOST_REASON_TIMEOUT, "why", 3)
    assert gone.next_attempt.ToNanoseconds() == (NOON + 4) * 1e9
    off = spec.CameraOff(until=Timestamp(seconds=77))
    assert told(CameraState(Off()), spec.Camera(id="one", off=off)).off.until.seconds == 77
    # It stays lost, with what was said of that, while it is tried again; and live while a file begins anew.
    assert told(lost()._replace(phase=Connecting(500.0))) is None
    assert told(CameraState(Connecting(500.0, live_since=1.0))) is None


def test_times_are_those_of_the_wall_clock_as_it_is_now():
    """A machine without a battery boots in 1970, and loses its camera before it learns the date."""
    later = Moment(NOW.monotonic + 1, NOON)
    before = Moment(NOW.monotonic, 100.0)
    first, second = (
        camera_status(lost(), CAMERA, Observation(), moment).lost.next_attempt for moment in (before, later)
    )
    assert first.ToNanoseconds() == 104 * 1e9
    assert second.ToNanoseconds() == (NOON + 3) * 1e9
    assert tile_text(lost(), CAMERA, Observation(), later).text.startswith("no signal since 11:58:59")
    assert time.localtime(NOON).tm_hour == 12


def test_the_standby_picture_of_several_cameras_has_a_line_for_each_that_has_something_to_say():
    cameras = [spec.Camera(id="a", name="Front"), spec.Camera(id="b"), spec.Camera(id="c")]
    assert (
        standby_text(cameras, {"a": TileText("off"), "c": TileText("connecting")}).text == "Front: off\nc: connecting"
    )
    assert standby_text(cameras[:1], {"a": TileText("off")}).text == "off"
    assert standby_text(cameras[:1], {}).text == ""


def test_the_last_frame_of_a_stream_holds_while_that_of_one_camera_does():
    cameras = [spec.Camera(id="a"), spec.Camera(id="b")]
    assert standby_text(cameras, {"a": TileText("", holds=True), "b": TileText("off")}) == TileText(
        "b: off", holds=True
    )
    assert not standby_text(cameras, {"a": TileText(""), "b": TileText("off")}).holds
