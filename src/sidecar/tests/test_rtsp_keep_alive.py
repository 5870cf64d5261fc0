"""A session is kept alive, at cameras that take it and at cameras that do not."""

import pytest

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.tests.playing_camera import PlayingCamera
from sidecar.tests.rtsp_doubles import Between, answered
from sidecar.tests.test_cpu_camera import demo_camera, is_live, is_lost, watch
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines import rtsp_keep_alive
from sidecar.worker.engines.rtsp_habits import MOST_ANSWER_SECONDS

__all__ = ["demo_camera", "watch"]


@pytest.fixture
def between(demo_camera, monkeypatch):
    """Starts a double in front of a demo camera."""
    monkeypatch.setattr(rtsp_keep_alive, "INTERVAL_SECONDS", 1)
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 0.0)
    doubles = []

    def start(to_get_parameter, to_options=lambda cseq: ""):
        answers = {"GET_PARAMETER": to_get_parameter, "OPTIONS": to_options}

        def answer(method, cseq, _request):
            return answers[method](cseq) if method in answers else ""

        port = int(demo_camera()[1].split(":")[2].split("/")[0])
        doubles.append(Between(port, answer))
        doubles[-1].address = "rtsp://127.0.0.1:%d/demo" % doubles[-1].port
        return doubles[-1]

    yield start
    for one in doubles:
        one.stop()


def asked(double):
    return double.methods().count("GET_PARAMETER")


@pytest.mark.parametrize(
    "to_get_parameter",
    [
        lambda cseq: "",
        lambda cseq: answered(cseq, "405 Method Not Allowed"),
        lambda cseq: answered(cseq, "451 Parameter Not Understood"),
        lambda cseq: answered(cseq, "454 Session Not Found"),
    ],
)
def test_a_camera_hears_from_its_viewer_again_and_again_whatever_it_answers(watch, between, to_get_parameter):
    double = between(to_get_parameter)
    one = watch(uri=double.address)
    one.until(is_live(one))
    one.until(lambda: asked(double) >= 3)
    frames = len(one.frames)
    one.until(lambda: len(one.frames) > frames + 5)
    assert double.connections == 1
    assert is_live(one)()
    assert all("Session:" in request for request in double.requests if request.startswith("GET_PARAMETER"))


@pytest.mark.skipif(Gst.version() < (1, 18), reason="rtspsrc keeps the session by itself")
def test_a_camera_that_does_not_list_get_parameter_is_asked_with_options(watch, between):
    public = "Public: DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE"
    double = between(lambda cseq: None, lambda cseq: answered(cseq, "200 OK", public))
    one = watch(uri=double.address)
    one.until(is_live(one))
    one.until(lambda: double.methods().count("OPTIONS") >= 4)
    frames = len(one.frames)
    one.until(lambda: len(one.frames) > frames + 5)
    assert asked(double) == 0
    assert double.connections == 1
    assert all("Session:" in request for request in double.requests[5:] if request.startswith("OPTIONS"))


def test_a_camera_that_never_answers_is_asked_once_and_stays_live(watch, between):
    double = between(lambda cseq: "\r\n")
    one = watch(uri=double.address)
    one.until(lambda: asked(double) == 1)
    frames = len(one.frames)
    one.until(lambda: len(one.frames) > frames + 30)
    assert asked(double) == 1
    assert double.connections == 1


def test_a_camera_that_ends_the_connection_when_it_is_asked_is_not_asked_for_ever(watch, between):
    double = between(lambda cseq: None)
    one = watch(uri=double.address)
    one.until(lambda: asked(double) == 2)
    one.until(lambda: double.connections == 3)
    one.until(is_live(one))
    frames = len(one.frames)
    one.until(lambda: len(one.frames) > frames + 30)
    assert asked(double) == 2
    assert double.connections == 3


def test_nothing_is_asked_after_the_end(watch, between):
    double = between(lambda cseq: "")
    one = watch(uri=double.address)
    one.until(lambda: asked(double) >= 1)
    one.close()
    one.closer.wait(60)
    count = asked(double)
    other = watch(uri=double.address)
    other.until(lambda: asked(double) >= count + 2)
    assert double.connections == 2
    assert is_lost(one)() is False


def test_a_camera_that_sends_nothing_for_a_while_and_answers_stays_live(watch, between):
    double = between(lambda cseq: answered(cseq))
    one = watch(uri=double.address)
    one.until(is_live(one))
    since = one.status().since
    double.holds_back.set()
    before = asked(double)
    # Asked several times, each time a while later.
    one.until(lambda: asked(double) >= before + 5)
    assert is_live(one)()
    frames = len(one.frames)
    double.holds_back.clear()
    one.until(lambda: len(one.frames) > frames)
    assert one.status().since == since
    assert double.connections == 1


def test_a_camera_that_sends_nothing_and_does_not_answer_is_lost(watch, between):
    double = between(lambda cseq: "\r\n" if double.holds_back.is_set() else "")
    one = watch(uri=double.address)
    one.until(is_live(one))
    double.holds_back.set()
    one.until(is_lost(one))


def test_a_camera_is_asked_as_soon_as_it_plays(watch, between, monkeypatch):
    monkeypatch.setattr(rtsp_keep_alive, "INTERVAL_SECONDS", 3600)
    double = between(lambda cseq: "")
    one = watch(uri=double.address)
    one.until(lambda: asked(double) == 1)
    one.until(is_live(one))


@pytest.mark.parametrize(("public", "method"), [("GET_PARAMETER", "GET_PARAMETER"), ("PAUSE", "OPTIONS")])
def test_over_udp_the_session_is_kept_by_what_the_camera_lists_while_frames_come(watch, public, method):
    double = PlayingCamera(public="OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, " + public, session="1;timeout=2")
    one = watch(uri=double.address, transport=spec.TRANSPORT_UDP)
    one.until(double.is_played.is_set)

    def is_kept():
        double.send_frame(0.04)
        return double.methods()[4:].count(method) >= 3

    one.until(is_kept)
    assert is_live(one)()
    assert double.connections == 1
    assert [each for each in double.requests[4:] if "Session: 1" not in each] == []
    double.stop()


class TakesNote:
    """In place of an rtspsrc, which may wait for the answer before emit() returns."""

    def __init__(self):
        self.wait_when_asked = None
        self._properties = {}

    def set_property(self, name, value):
        self._properties[name] = value

    def emit(self, *_):
        self.wait_when_asked = self._properties.get("tcp-timeout")
        return True


def test_a_camera_has_its_whole_time_for_the_answer_from_the_first_question_on():
    camera = spec.Camera(id="one", uri="rtsp://10.0.0.2/whole-time")
    stats = CameraStats()
    stats.begin()
    source = TakesNote()
    rtsp_keep_alive._Questions(camera, stats, keeps_session=True).ask_if_due(source)
    assert source.wait_when_asked == MOST_ANSWER_SECONDS * 1000000
