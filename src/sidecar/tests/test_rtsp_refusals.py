"""Cameras that refuse a transport, and cameras without video."""

import pytest

from sidecar.contract import spec, state
from sidecar.tests.rtsp_doubles import Between, ScriptedCamera, answered
from sidecar.tests.test_cpu_camera import demo_camera, is_live, is_lost, watch
from sidecar.worker.cameras import state as camera_state

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


SOUND = "m=audio 0 RTP/AVP 0\r\na=control:0\r\n"
DATA = "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:1\r\n"


@pytest.mark.parametrize(
    ("media", "told"), [(SOUND, "it offers audio"), (DATA, "it offers application"), (SOUND + DATA, "it offers appl")]
)
def test_a_camera_with_sound_only_has_no_video(watch, monkeypatch, media, told):
    monkeypatch.setattr(camera_state, "retry_delay", lambda *_: 3600.0)
    description = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=a\r\nt=0 0\r\n" + media

    def answer(method, cseq, _request):
        if method == "DESCRIBE":
            headers = ["Content-Type: application/sdp", "Content-Length: %d" % len(description)]
            return answered(cseq, "200 OK", *headers) + description
        return answered(cseq)

    double = ScriptedCamera(answer)
    one = watch(uri=double.address)
    one.until(is_lost(one))
    assert one.status().lost.reason == state.CAMERA_LOST_REASON_NO_VIDEO
    assert told in one.status().lost.detail
    double.stop()
