"""The controller of a camera acts as state.py decides, whatever the source does and whatever the wall clock shows."""

import time

import pytest

from sidecar.chain import ChainError
from sidecar.contract import spec, state
from sidecar.tests.main_loop import turn_until
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.cameras import text
from sidecar.worker.cameras.controller import CameraController, CameraSource, StreamFormat
from sidecar.worker.cameras.failure import camera_failure
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.cameras.text import Moment
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore

URI = "rtsp://127.0.0.1:1/x"
DEADLINE_SECONDS = 30


class ScriptedSource(CameraSource):
    """Does what a test says, and keeps what it is asked."""

    def __init__(self):
        self.calls = []
        self.texts = []
        self.callbacks = None
        self.refuses = {}
        self.brings = StreamFormat()

    def open(self, callbacks):
        self.calls.append("open")
        self.callbacks = callbacks
        self._refuse("open")

    def show(self):
        self.calls.append("show")
        self._refuse("show")

    def close(self):
        self.calls.append("close")
        self._refuse("close")

    def set_tile_text(self, text):
        self.texts.append(text.text)

    def format(self):
        return self.brings

    def _refuse(self, call):
        if call in self.refuses:
            raise ChainError("element", self.refuses[call])


class ControlledCamera:
    """A camera whose source is scripted by the test. The wall clock is off by skew."""

    def __init__(self, **fields):
        self.store = StatusStore(EventLog())
        self.source = ScriptedSource()
        self.stats = CameraStats()
        self.freeze_detector = FreezeDetector()
        self.skew = 0.0
        self.camera = spec.Camera(id="one", uri=URI, **fields)
        self.controller = CameraController(
            self.camera, self.source, self.stats, self.freeze_detector, self.store, self.clock
        )

    def clock(self):
        real = text.now()
        return Moment(real.monotonic, real.wall + self.skew)

    def status(self):
        return self.store.snapshot().cameras[0]

    def is_in(self, name):
        return lambda: self.status().WhichOneof("state") == name

    def sends(self, encoding="H264"):
        self.source.brings = StreamFormat(encoding, 320, 180)
        self.stats.on_received()
        self.source.callbacks.changed()

    def until(self, condition):
        turn_until(condition, self.status, DEADLINE_SECONDS)


@pytest.fixture
def control():
    started = []

    def start(**fields):
        started.append(ControlledCamera(**fields))
        started[-1].controller.start()
        return started[-1]

    yield start
    for one in started:
        one.controller.stop()


def test_a_source_is_opened_shown_with_its_first_frame_and_closed_when_it_fails(control):
    one = control()
    assert one.source.calls == ["close", "open"]
    one.sends()
    assert one.source.calls[2:] == ["show"]
    assert one.status().live.encoding == "H264"
    one.source.callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_ENDED, URI))
    assert one.source.calls[3:] == ["close"]
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_ENDED
    assert one.source.texts[:3] == ["connecting", "", one.source.texts[2]]
    assert one.source.texts[2].startswith("no signal since")
    one.until(lambda: one.source.calls[4:] == ["open"])


def test_a_restarted_camera_has_a_new_connection_and_a_camera_that_is_off_has_none(control):
    one = control()
    one.sends()
    one.controller.restart()
    assert one.source.calls[2:] == ["show", "open"]
    assert one.is_in("connecting")()
    off = control(off=spec.CameraOff())
    off.controller.restart()
    assert off.source.calls == ["close"]
    assert off.is_in("off")()


def test_callbacks_of_an_earlier_connection_are_ignored(control):
    one = control()
    earlier = one.source.callbacks
    earlier.failed(camera_failure(state.CAMERA_LOST_REASON_ENDED, URI))
    one.until(lambda: one.source.callbacks is not earlier)
    one.sends()
    earlier.failed(camera_failure(state.CAMERA_LOST_REASON_NOT_FOUND, URI))
    earlier.ended()
    assert one.status().HasField("live")


@pytest.mark.parametrize("call", ["open", "show"])
def test_a_source_that_cannot_be_built_is_a_reason_and_no_exception(control, call):
    one = ControlledCamera()
    one.source.refuses[call] = "no such property"
    one.controller.start()
    try:
        if call == "show":
            one.sends()
        assert one.status().lost.reason == state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC
        assert "no such property" in one.status().lost.detail
        assert one.source.calls[-1] == "close"
        del one.source.refuses[call]
        one.until(lambda: one.source.calls[-1] == "open")
    finally:
        one.controller.stop()


def test_a_source_whose_close_fails_is_opened_again_all_the_same(control):
    one = control()
    one.source.refuses["close"] = "no such element"
    one.source.callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_ENDED, URI))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_ENDED
    one.until(lambda: one.source.calls[-1] == "open")


def test_a_new_frame_size_in_mid_stream_is_reported(control):
    one = control()
    one.sends()
    one.source.brings = StreamFormat("H264", 640, 360)
    one.stats.on_received()
    one.source.callbacks.changed()
    assert (one.status().live.width, one.status().live.height) == (640, 360)
    assert one.source.calls == ["close", "open", "show"]


def test_off_closes_the_source_and_on_opens_it(control):
    one = control()
    one.sends()
    off = spec.Camera(id="one", uri=URI, off=spec.CameraOff())
    one.controller.update(off)
    assert one.source.calls[3:] == ["close"]
    assert one.status().HasField("off")
    assert one.source.texts[-1] == "off"
    one.controller.update(off)
    one.controller.update(one.camera)
    assert one.source.calls[4:] == ["open"]
    assert one.status().connecting.attempt == 1


def test_a_camera_that_is_turned_off_before_its_controller_starts_begins_off():
    one = ControlledCamera()
    one.controller.announce()
    assert one.status().HasField("connecting")
    one.controller.update(spec.Camera(id="one", uri=URI, off=spec.CameraOff()))
    assert one.status().HasField("off")
    assert one.source.calls == []
    one.controller.start()
    assert one.source.calls == ["close"]
    one.controller.stop()


def test_callbacks_after_the_end_are_ignored(control):
    one = control()
    one.sends()
    told = one.store.events.sequence
    one.controller.stop()
    one.source.callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_ENDED, URI))
    assert one.store.events.sequence == told


@pytest.mark.parametrize("years", [-56, 10])
def test_a_step_of_the_wall_clock_shifts_the_reported_time_and_no_attempt(control, years):
    one = control()
    one.sends()
    step = years * 365 * 86400
    numbers = [one.store.events.sequence]
    one.skew = step
    # A live camera is none the worse for it.
    one.source.callbacks.changed()
    assert one.status().HasField("live")
    one.source.callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_AUTH_FAILED, URI))
    numbers.append(one.store.events.sequence)
    due = one.controller._state.phase.due
    first = one.status().lost.next_attempt.ToNanoseconds() / 1e9
    assert first - time.time() - step == pytest.approx(due - time.monotonic(), abs=1)
    # The clock is put right: the same moment has another name, and is told so in order.
    one.skew = 0.0
    one.until(lambda: one.status().lost.next_attempt.ToNanoseconds() / 1e9 != first)
    numbers.append(one.store.events.sequence)
    second = one.status().lost.next_attempt.ToNanoseconds() / 1e9
    assert second - time.time() == pytest.approx(due - time.monotonic(), abs=1)
    assert one.controller._state.phase.due == due
    assert numbers == sorted(set(numbers))


def test_delays_do_not_look_at_the_wall_clock(control, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 1.0)
    one = control()
    for step in (-2e9, 2e9):
        opened = one.source.calls.count("open")
        one.source.callbacks.failed(camera_failure(state.CAMERA_LOST_REASON_ENDED, URI))
        due = one.controller._state.phase.due
        one.skew = step
        one.until(lambda opened=opened: one.source.calls.count("open") > opened)
        assert time.monotonic() >= due
