"""Cameras that refuse a transport, that have no video, and that take their time."""

import threading

import pytest

from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.tests.playing_camera import PlayingCamera
from sidecar.tests.rtsp_doubles import Between, ScriptedCamera, answered
from sidecar.tests.test_cpu_camera import demo_camera, is_live, is_lost, watch
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.engines import rtsp_habits

__all__ = ["demo_camera", "watch"]


@pytest.mark.parametrize(
    ("transport", "refused", "told"),
    [
        (spec.TRANSPORT_TCP, "interleaved", "it refuses TCP; UDP is tried next"),
        (spec.TRANSPORT_UDP, "client_port", "it refuses UDP; TCP is tried next"),
    ],
)
def test_a_camera_that_refuses_a_transport_is_live_over_the_other(watch, demo_camera, transport, refused, told):
    def answer(method, cseq, request):
        return answered(cseq, "461 Unsupported Transport") if method == "SETUP" and refused in request else ""

    between = Between(int(demo_camera()[1].split(":")[2].split("/")[0]), answer)
    one = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port, transport=transport)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_TRANSPORT
    assert told in one.status().lost.detail
    one.until(is_live(one))
    # What was learnt is used when the camera is connected to again.
    one.close()
    setups = between.methods().count("SETUP")
    again = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port, transport=transport)
    again.until(is_live(again))
    assert between.methods().count("SETUP") == setups + 1
    between.stop()


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "404 Not Found", "405 Method Not Allowed", "501 Not Implemented"]
)
def test_a_camera_that_refuses_to_say_what_it_can_do_is_asked_for_its_stream(watch, demo_camera, status):
    def answer(method, cseq, _request):
        return answered(cseq, status) if method == "OPTIONS" else ""

    between = Between(int(demo_camera()[1].split(":")[2].split("/")[0]), answer)
    one = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port)
    one.until(is_live(one))
    assert between.connections <= 2
    between.stop()


SOUND = "m=audio 0 RTP/AVP 0\r\na=control:0\r\n"
DATA = "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:1\r\n"


def describes(media):
    """A camera's answers with these streams in its description."""
    description = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=a\r\nt=0 0\r\n" + media

    def answer(method, cseq, _request):
        if method == "DESCRIBE":
            headers = ["Content-Type: application/sdp", "Content-Length: %d" % len(description)]
            return answered(cseq, "200 OK", *headers) + description
        return answered(cseq)

    return answer


@pytest.mark.parametrize(
    ("media", "told"), [(SOUND, "it offers audio"), (DATA, "it offers application"), (SOUND + DATA, "it offers appl")]
)
def test_a_camera_with_sound_only_has_no_video(watch, monkeypatch, media, told):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    double = ScriptedCamera(describes(media))
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_NO_VIDEO
    assert told in one.status().lost.detail
    double.stop()


def render_with_one_key_frame(path):
    """Eight seconds without a second key frame."""
    Gst.init(None)
    writer = Gst.parse_launch(
        "videotestsrc num-buffers=80 ! video/x-raw,width=64,height=64,framerate=10/1"
        " ! x264enc key-int-max=1000 bframes=0 option-string=scenecut=0 ! matroskamux ! filesink location=" + path
    )
    writer.set_state(Gst.State.PLAYING)
    assert writer.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS) is not None
    writer.set_state(Gst.State.NULL)


def test_a_camera_that_answers_late_gets_more_time_with_each_attempt(watch, demo_camera, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 0.0)
    monkeypatch.setattr(rtsp_habits, "FIRST_ANSWER_SECONDS", 1)
    released = threading.Event()
    describes = []

    def answer(method, _cseq, _request):
        if method == "DESCRIBE":
            describes.append(method)
            # The first viewer goes before it is answered; the second is answered later than the first would have been.
            released.wait(60 if len(describes) == 1 else 1.5)
        return ""

    between = Between(int(demo_camera()[1].split(":")[2].split("/")[0]), answer)
    one = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_TIMEOUT
    one.until(is_live(one))
    released.set()
    assert len(describes) == 2
    between.stop()


def test_a_camera_whose_key_frame_is_far_is_waited_for_and_says_so(watch, demo_camera, monkeypatch, tmp_path):
    monkeypatch.setattr(camera_state, "FIRST_FRAME_SECONDS", 2.0)
    path = str(tmp_path / "long.mkv")
    render_with_one_key_frame(path)
    _, address = demo_camera("--file", path)
    first = watch(uri=address)
    first.until(is_live(first))
    # Later viewers join the running stream.
    one = watch(uri=address)
    one.until(lambda: one.status().connecting.receiving)
    one.until(lambda: one.texts[-1].text == "connected, waiting for a key frame")
    one.until(is_live(one))
    assert one.status().counters.frames_received > 0


@pytest.mark.parametrize(
    ("media", "told"),
    [
        ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=control:1\r\n", "it sends MP4V-ES"),
        ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 vp8/90000\r\na=control:1\r\n", "it sends VP8"),
        ("m=video 0 RTP/AVP 34\r\na=control:1\r\n", "it sends H263"),
    ],
)
def test_a_codec_that_cannot_be_decoded_is_told_before_anything_is_set_up(watch, monkeypatch, media, told):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    double = ScriptedCamera(describes(media))
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC
    assert told in one.status().lost.detail
    assert "SETUP" not in double.methods()
    double.stop()


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
@pytest.mark.parametrize("status", ["453 Not Enough Bandwidth", "454 Session Not Found", "503 Service Unavailable"])
def test_a_camera_that_refuses_a_request_is_neither_unreachable_nor_tried_at_once(watch, method, status):
    double = PlayingCamera(answer=lambda asked, cseq, _: answered(cseq, status) if asked == method else "")
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_REFUSED
    assert "it answers %s" % status[:3] in one.status().lost.detail
    one.until(lambda: one.status().lost.attempts == 3)
    assert double.connections == 3
    double.stop()


def test_a_camera_that_refuses_both_transports_says_so(watch, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 0.0)
    refusal = "461 Unsupported Transport"
    double = PlayingCamera(answer=lambda asked, cseq, _: answered(cseq, refusal) if asked == "SETUP" else "")
    one = watch(uri=double.address)
    one.until(lambda: "it refuses TCP and UDP" in one.status().lost.detail)
    double.stop()
