"""Why a camera is lost, from what real elements say."""

import socket

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from sidecar.contract import state  # noqa: E402
from sidecar.worker.reasons import from_error  # noqa: E402


def error_of(description):
    Gst.init(None)
    pipeline = Gst.parse_launch(description)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    return message.parse_error()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_nobody_at_the_address_is_unreachable():
    uri = "rtsp://127.0.0.1:%d/x" % free_port()
    failure = from_error(*error_of("rtspsrc location=%s ! fakesink" % uri), uri)
    assert failure.reason == state.CAMERA_LOST_REASON_UNREACHABLE
    assert failure.detail.startswith(uri)


def test_a_missing_file_and_a_missing_device_are_not_found():
    for description in ("filesrc location=/no/such.mp4 ! fakesink", "v4l2src device=/dev/video77 ! fakesink"):
        failure = from_error(*error_of(description), "x")
        assert failure.reason == state.CAMERA_LOST_REASON_NOT_FOUND, failure


def test_a_file_that_is_no_video_is_not_decodable(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("this is text, and no video at all\n" * 100)
    failure = from_error(*error_of("filesrc location=%s ! decodebin ! fakesink" % path), "x")
    assert failure.reason in (state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, state.CAMERA_LOST_REASON_BROKEN_STREAM)


def test_a_password_in_the_address_does_not_reach_the_detail():
    uri = "rtsp://admin:s3cr@t@127.0.0.1:%d/x" % free_port()
    failure = from_error(*error_of("rtspsrc location=%s ! fakesink" % uri.replace("s3cr@t", "s3crt")), uri)
    assert "s3cr" not in failure.detail


@pytest.mark.parametrize(
    "text", ["rtsp://u:p@h/", "see rtsp://a:b@c:1/d and rtsps://e:f@g", 'x="rtsp://u:p@q@h/p"', "rtsp://u:p@/s@h/"]
)
def test_every_login_in_a_text_is_hidden(text):
    from sidecar.log import redact

    hidden = redact(text)
    for secret in (":p@", "a:b", "e:f", "u:p"):
        assert secret not in hidden
