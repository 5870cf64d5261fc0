"""Why a camera is lost, from what real elements say."""

import pytest

from sidecar.contract import state
from sidecar.gst import GLib, Gst
from sidecar.tests.ports import free_port
from sidecar.worker.cameras.failure import failure_from_error


def error_of(description):
    Gst.init(None)
    pipeline = Gst.parse_launch(description)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    return message.parse_error()


def test_nobody_at_the_address_is_unreachable():
    uri = "rtsp://127.0.0.1:%d/x" % free_port()
    failure = failure_from_error(*error_of("rtspsrc location=%s ! fakesink" % uri), uri)
    assert failure.reason == state.CAMERA_LOST_REASON_UNREACHABLE
    assert failure.detail.startswith(uri)


READ, SETTINGS, OPEN = Gst.ResourceError.READ, Gst.ResourceError.SETTINGS, Gst.ResourceError.OPEN_READ_WRITE
NO_ANSWER = "(Timeout while waiting for server response)"
COULD_NOT_READ = "Could not read from resource."
COULD_NOT_SET = "Could not get/set settings from/on resource."


@pytest.mark.parametrize(
    ("code", "message", "last", "reason", "plain"),
    [
        (READ, COULD_NOT_READ, "Not received. (Parse error)", "BROKEN_STREAM", "its answer is not valid RTSP"),
        (READ, COULD_NOT_READ, "Could not receive message. " + NO_ANSWER, "TIMEOUT", "it does not answer in time"),
        (READ, COULD_NOT_READ, "Could not receive message. (Received end-of-file)", "ENDED", "it ended the connection"),
        (READ, "Unhandled error", "Internal Server Error (500)", "REFUSED", "it answers 500"),
        (READ, COULD_NOT_READ, "Got error response: 500 (Internal Server Error).", "REFUSED", "it answers 500"),
        (READ, "Unhandled error", "Request Timeout (408)", "REFUSED", "it answers 408"),
        (READ, "Unhandled error", "Not Enough Bandwidth (453)", "REFUSED", "it answers 453"),
        (READ, "Unhandled error", "Forbidden (403)", "AUTH_FAILED", "it answers 403"),
        (READ, "Unhandled error", "Gone (410)", "NOT_FOUND", "it answers 410"),
        (OPEN, "Could not open", "Failed to setup. Service Unavailable (503)", "REFUSED", "it answers 503"),
        (SETTINGS, COULD_NOT_SET, "SDP contains no streams", "BROKEN_STREAM", "its description holds no stream"),
        (SETTINGS, COULD_NOT_SET, "Server did not select transport.", "BROKEN_STREAM", "it named no transport"),
        (OPEN, "Could not open", "Failed to connect. " + NO_ANSWER, "UNREACHABLE", "its host does not answer in time"),
    ],
)
def test_what_rtspsrc_says_has_the_reason_that_fits_and_is_told_in_plain_words(code, message, last, reason, plain):
    error = GLib.Error.new_literal(Gst.ResourceError.quark(), message, code)
    debug = "../gst/rtsp/gstrtspsrc.c(6682): gst_rtspsrc_send (): /GstPipeline:pipeline0/GstRTSPSrc:rtspsrc0:\n" + last
    failure = failure_from_error(error, debug, "rtsp://127.0.0.1:1/x")
    assert failure.reason == state.CameraLostReason.Value("CAMERA_LOST_REASON_" + reason)
    assert failure.detail.endswith("(%s)" % plain)
    assert last in failure.cause


def test_a_sentence_of_a_library_that_nobody_foresaw_is_for_the_log_alone():
    error = GLib.Error.new_literal(Gst.StreamError.quark(), "Internal data stream error.", Gst.StreamError.FAILED)
    failure = failure_from_error(error, "gstbasesrc.c(1): streaming stopped, reason not-linked (-1)", "rtsp://a/x")
    assert "streaming stopped" not in failure.detail
    assert "Internal data" not in failure.detail
    assert "not-linked" in failure.cause


def test_a_missing_file_and_a_missing_device_are_not_found():
    for description in ("filesrc location=/no/such.mp4 ! fakesink", "v4l2src device=/dev/video77 ! fakesink"):
        failure = failure_from_error(*error_of(description), "x")
        assert failure.reason == state.CAMERA_LOST_REASON_NOT_FOUND, failure


def test_a_file_that_is_no_video_is_not_decodable(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("this is text, and no video at all\n" * 100)
    failure = failure_from_error(*error_of("filesrc location=%s ! decodebin ! fakesink" % path), "x")
    assert failure.reason in (state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC, state.CAMERA_LOST_REASON_BROKEN_STREAM)


def test_a_password_in_the_address_does_not_reach_the_detail():
    uri = "rtsp://admin:s3cr@t@127.0.0.1:%d/x" % free_port()
    failure = failure_from_error(*error_of("rtspsrc location=%s ! fakesink" % uri.replace("s3cr@t", "s3crt")), uri)
    assert "s3cr" not in failure.detail


@pytest.mark.parametrize(
    "text", ["rtsp://u:p@h/", "see rtsp://a:b@c:1/d and rtsps://e:f@g", 'x="rtsp://u:p@q@h/p"', "rtsp://u:p@/s@h/"]
)
def test_every_login_in_a_text_is_hidden(text):
    from sidecar.redact import redact

    hidden = redact(text)
    for secret in (":p@", "a:b", "e:f", "u:p"):
        assert secret not in hidden
