"""Cameras that refuse a transport, that have no video, and that take their time."""

import socket
import threading

import pytest

from sidecar.contract import spec, state
from sidecar.gst import Gst
from sidecar.tests.playing_camera import PlayingCamera
from sidecar.tests.ports import free_port
from sidecar.tests.rtsp_doubles import Between, ScriptedCamera, answered
from sidecar.tests.test_cpu_camera import demo_camera, is_live, is_lost, watch
from sidecar.worker.cameras import state as camera_state
from sidecar.worker.engines import rtsp_habits

__all__ = ["demo_camera", "watch"]


def never_lost(one, condition):
    """The condition; fails as soon as the camera is lost."""

    def holds():
        assert not one.status().HasField("lost"), one.status().lost.detail
        return condition()

    return holds


@pytest.mark.parametrize(
    ("transport", "refused"), [(spec.TRANSPORT_TCP, "interleaved"), (spec.TRANSPORT_UDP, "client_port")]
)
def test_a_camera_that_refuses_a_transport_is_live_over_the_other_and_is_never_lost(
    watch, demo_camera, transport, refused
):
    def answer(method, cseq, request):
        return answered(cseq, "461 Unsupported Transport") if method == "SETUP" and refused in request else ""

    between = Between(int(demo_camera()[1].split(":")[2].split("/")[0]), answer)
    one = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port, transport=transport)
    one.until(never_lost(one, is_live(one)))
    # What was learnt is used when the camera is connected to again.
    one.close()
    setups = between.methods().count("SETUP")
    again = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port, transport=transport)
    again.until(is_live(again))
    assert between.methods().count("SETUP") == setups + 1
    between.stop()


@pytest.mark.parametrize(
    "status",
    [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "454 Session Not Found",
        "455 Method Not Valid in This State",
        "461 Unsupported Transport",
        "500 Internal Server Error",
        "501 Not Implemented",
        "503 Service Unavailable",
        "551 Option not supported",
    ],
)
def test_a_camera_that_refuses_to_say_what_it_can_do_is_asked_for_its_stream(watch, demo_camera, status):
    def answer(method, cseq, _request):
        return answered(cseq, status) if method == "OPTIONS" else ""

    between = Between(int(demo_camera()[1].split(":")[2].split("/")[0]), answer)
    one = watch(uri="rtsp://127.0.0.1:%d/demo" % between.port)
    one.until(never_lost(one, is_live(one)))
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
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("301 Moved Permanently", "NOT_FOUND"),
        ("302 Found", "NOT_FOUND"),
        ("303 See Other", "NOT_FOUND"),
        ("305 Use Proxy", "NOT_FOUND"),
        ("400 Bad Request", "REFUSED"),
        ("404 Not Found", "NOT_FOUND"),
        ("405 Method Not Allowed", "REFUSED"),
        ("410 Gone", "NOT_FOUND"),
        ("453 Not Enough Bandwidth", "REFUSED"),
        ("454 Session Not Found", "REFUSED"),
        ("455 Method Not Valid in This State", "REFUSED"),
        ("457 Invalid Range", "REFUSED"),
        ("459 Aggregate Operation Not Allowed", "REFUSED"),
        ("500 Internal Server Error", "REFUSED"),
        ("501 Not Implemented", "REFUSED"),
        ("503 Service Unavailable", "REFUSED"),
        ("551 Option not supported", "REFUSED"),
    ],
)
def test_a_camera_that_refuses_a_request_is_neither_unreachable_nor_tried_at_once(watch, method, status, reason):
    double = PlayingCamera(answer=lambda asked, cseq, _: answered(cseq, status) if asked == method else "")
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CameraLostReason.Value("CAMERA_LOST_REASON_" + reason)
    assert "it answers %s to %s" % (status[:3], method) in one.status().lost.detail
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


@pytest.mark.parametrize(
    "location", ["", "rtsp://", "http://127.0.0.1/x", "rtsp://127.0.0.1:99999/x", "//127.0.0.1/x", "x", "rtsp://a b/"]
)
@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
def test_a_redirection_that_leads_nowhere_is_told_with_its_address(watch, monkeypatch, method, location):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    moved = "Location: " + location
    double = PlayingCamera(answer=lambda asked, cseq, _: answered(cseq, "302 Found", moved) if asked == method else "")
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_NOT_FOUND
    said = "it answers 302 to %s: it redirects to %s" % (method, location)
    assert (said if location else "it answers 302 to %s and names no address" % method) in one.status().lost.detail
    double.stop()


def test_a_login_in_an_address_that_is_told_in_part_is_not_told(watch, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    moved = "Location: http://user:%s@host/x" % ("p" * 300)
    double = PlayingCamera(
        answer=lambda asked, cseq, _: answered(cseq, "302 Found", moved) if asked == "DESCRIBE" else ""
    )
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert "it redirects to http://" in one.status().lost.detail
    assert "ppp" not in one.status().lost.detail
    double.stop()


def test_a_redirection_to_a_path_on_the_same_server_is_followed(watch, demo_camera):
    def answer(method, cseq, request):
        if method == "DESCRIBE" and "/old" in request:
            return answered(cseq, "302 Found", "Location: /demo")
        return ""

    between = Between(int(demo_camera()[1].split(":")[2].split("/")[0]), answer)
    one = watch(uri="rtsp://127.0.0.1:%d/old" % between.port)
    one.until(never_lost(one, is_live(one)))
    between.stop()


def test_a_redirection_to_itself_is_told_as_one(watch, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)

    def answer(method, cseq, _request):
        return answered(cseq, "302 Found", "Location: " + double.address) if method == "DESCRIBE" else ""

    double = PlayingCamera(answer=answer)
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_NOT_FOUND
    assert "it redirects to " + double.address in one.status().lost.detail
    double.stop()


def test_a_camera_that_redirects_to_a_host_where_nobody_answers_is_not_said_to_be_silent_itself(watch, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    there = "rtsp://127.0.0.1:%d/x" % free_port()

    def answer(method, cseq, _request):
        return answered(cseq, "302 Found", "Location: " + there) if method == "DESCRIBE" else ""

    double = PlayingCamera(answer=answer)
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert "it redirects to " + there in one.status().lost.detail
    double.stop()


def test_a_refused_question_whether_a_camera_is_there_is_no_reason_for_what_comes_later(watch, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    refused = threading.Event()

    def answer(method, cseq, _request):
        if method == "OPTIONS" and double.is_played.is_set():
            refused.set()
            return answered(cseq, "454 Session Not Found")
        return "" if not refused.is_set() or method != "TEARDOWN" else None

    double = PlayingCamera(answer=answer, public="OPTIONS, DESCRIBE, SETUP, PLAY")

    def frame_then(condition):
        def holds():
            double.send_frame(0.1)
            return condition()

        return holds

    one = watch(uri=double.address)
    one.until(frame_then(is_live(one)))
    one.until(frame_then(refused.is_set))
    for connection, _ in double._viewers:
        connection.shutdown(socket.SHUT_RDWR)
    one.until(is_lost(one))
    assert "454" not in one.status().lost.detail
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_ENDED
    double.stop()


@pytest.mark.parametrize("status", ["453 Not Enough Bandwidth", "454 Session Not Found", "461 Unsupported Transport"])
def test_a_camera_that_refuses_its_second_video_is_live_with_the_first(watch, status):
    description = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=a\r\nt=0 0\r\n" + "".join(
        "m=video 0 RTP/AVP 26\r\na=control:track%d\r\n" % number for number in (1, 2)
    )

    def answer(method, cseq, request):
        if method == "DESCRIBE":
            headers = ["Content-Type: application/sdp", "Content-Length: %d" % len(description)]
            return answered(cseq, "200 OK", *headers) + description
        return answered(cseq, status) if method == "SETUP" and "track2" in request else ""

    double = PlayingCamera(answer=answer)
    one = watch(uri=double.address)

    def sends_and_is_live():
        double.send_frame(0.1)
        return is_live(one)()

    one.until(never_lost(one, sends_and_is_live))
    double.stop()


def test_a_description_without_addresses_is_told_as_one(watch, monkeypatch):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    double = ScriptedCamera(describes("m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 26\r\n"))
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_BROKEN_STREAM
    assert "its description gives its video no address" in one.status().lost.detail
    double.stop()
