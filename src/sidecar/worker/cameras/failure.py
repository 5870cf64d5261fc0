"""Turns GStreamer's error for a camera into the contract's reason and one line for a person."""

import re
from typing import NamedTuple

from sidecar.contract import state
from sidecar.gst import GLib, Gst
from sidecar.redact import redact


class CameraFailure(NamedTuple):
    """Why a camera is lost: a CameraLostReason, and what, where and what to do in one line."""

    reason: state.CameraLostReason
    detail: str
    # What a library said, for the log.
    cause: str = ""
    # The next attempt is made in another way, at once, so that the camera is not lost yet.
    retries_otherwise: bool = False


_ADVICE = {
    state.CAMERA_LOST_REASON_AUTH_FAILED: "the camera refused the user name and password; check them"
    " (it is tried rarely: cameras lock accounts)",
    state.CAMERA_LOST_REASON_NOT_FOUND: "there is no such stream, file or device; check the address",
    state.CAMERA_LOST_REASON_UNREACHABLE: "nobody answers; check the address, the cable and the camera's power",
    state.CAMERA_LOST_REASON_TIMEOUT: "connected, but no frame arrived in time; check the camera and the network",
    state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC: "it cannot be decoded here; H.264, H.265 and JPEG can be",
    state.CAMERA_LOST_REASON_INTERNAL: "a defect of the sidecar; send its log",
    state.CAMERA_LOST_REASON_CERTIFICATE: "its certificate is not trusted; have the system trust it, or accept any",
    state.CAMERA_LOST_REASON_FROZEN: "frames arrive and are all the same; restart the camera",
    state.CAMERA_LOST_REASON_ENDED: "the camera ended the stream",
    state.CAMERA_LOST_REASON_NO_VIDEO: "it has no video at this address; check the path",
    state.CAMERA_LOST_REASON_TRANSPORT: "it does not send its frames in the way that was asked for",
    state.CAMERA_LOST_REASON_ADDRESS: "this is no valid address, and nothing was sent; correct it",
    state.CAMERA_LOST_REASON_REFUSED: "the camera refuses to send its stream; close other viewers, or restart it",
    state.CAMERA_LOST_REASON_PRIVACY: "nothing of it is shown, since what must be hidden cannot be",
    state.CAMERA_LOST_REASON_BROKEN_STREAM: "what arrives is no valid stream; check the camera and the network",
}


def camera_failure(reason: state.CameraLostReason, uri: str, said: str = "") -> CameraFailure:
    """said: what else is known, in plain words."""
    detail = "%s: %s" % (uri, _ADVICE[reason])
    if said:
        detail += " (%s)" % said
    return CameraFailure(reason, redact(detail))


def failure_from_error(error: GLib.Error, debug: str, uri: str) -> CameraFailure:
    """error and debug are those of an error message on the bus of a camera's pipeline."""
    why = camera_failure(_reason(error, debug or ""), uri, _said(error, debug or ""))
    return why._replace(cause=redact("%s %s" % (error.message, debug or "")))


# What libraries say, in words for a person. Whatever else they say is for the log.
_PLAIN = (
    (r"out of memory", "Out of memory: its answer is too large"),
    (r"connection refused", "the connection is refused"),
    (r"no route to host|host is unreachable|host is down", "there is no way to its host"),
    (r"network is unreachable", "its network is not connected"),
    (r"resolv|name or service not known", "the name of its host is not known"),
    (r"no supported authentication", "it asks for a kind of login that is not known here"),
    (r"failed to connect.*timeout|timed out", "its host does not answer in time"),
    (r"timeout", "it does not answer in time"),
    (r"parse error", "its answer is not valid RTSP"),
    (r"end-of-file|closed the connection", "it ended the connection"),
    (r"contains no streams", "its description holds no stream"),
    (r"did not select transport", "it named no transport"),
    (r"provide an sdp", "it does not describe its stream"),
    (r"tls|handshake", "no encrypted connection can be made"),
)
# Internal Server Error (500); GStreamer 1.14 writes 500 (Internal Server Error). Not a line of a source file.
_STATUS = re.compile(r"(?<!\.c)\(([45][0-9]{2})\)|response: ([45][0-9]{2})\b")
_STATUS_REASONS = {
    401: state.CAMERA_LOST_REASON_AUTH_FAILED,
    403: state.CAMERA_LOST_REASON_AUTH_FAILED,
    404: state.CAMERA_LOST_REASON_NOT_FOUND,
    407: state.CAMERA_LOST_REASON_AUTH_FAILED,
    410: state.CAMERA_LOST_REASON_NOT_FOUND,
}


def status_reason(status: int) -> state.CameraLostReason:
    """What it means that a camera answers a request for its stream with a status that is no success."""
    return _STATUS_REASONS.get(status, state.CAMERA_LOST_REASON_REFUSED)


def _said(error: GLib.Error, debug: str) -> str:
    """The cause in plain words; empty if none is known."""
    status = _status(error, debug)
    if status:
        return "it answers %d" % status
    text = _text(error, debug)
    return next((plain for pattern, plain in _PLAIN if re.search(pattern, text, re.IGNORECASE)), "")


def _status(error: GLib.Error, debug: str) -> int:
    """The status with which the camera refused a request; 0: there is none."""
    found = _STATUS.search(_text(error, debug))
    return 0 if found is None else int(found.group(1) or found.group(2))


def _text(error: GLib.Error, debug: str) -> str:
    return "%s %s" % (error.message, debug.strip().split("\n")[-1])


def _reason(error: GLib.Error, debug: str) -> state.CameraLostReason:
    text = (str(error.message) + " " + debug).lower()
    if error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NOT_AUTHORIZED) or "unauthorized" in text:
        return state.CAMERA_LOST_REASON_AUTH_FAILED
    if error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NOT_FOUND) or "no such file" in text:
        return state.CAMERA_LOST_REASON_NOT_FOUND
    if error.domain == GLib.quark_to_string(Gst.ResourceError.quark()):
        status = _status(error, debug)
        if status:
            return status_reason(status)
        if error.code in (Gst.ResourceError.OPEN_READ, Gst.ResourceError.OPEN_WRITE, Gst.ResourceError.OPEN_READ_WRITE):
            if "not found" in text and "host" not in text and "resolv" not in text:
                return state.CAMERA_LOST_REASON_NOT_FOUND
            return state.CAMERA_LOST_REASON_UNREACHABLE
        if error.code == Gst.ResourceError.READ:
            return _reading_reason(text)
        if error.code == Gst.ResourceError.SETTINGS:
            # It answered, and what it offers cannot be taken: no stream in its description, no transport.
            return state.CAMERA_LOST_REASON_BROKEN_STREAM
        return state.CAMERA_LOST_REASON_UNREACHABLE
    if error.domain == GLib.quark_to_string(Gst.StreamError.quark()) and error.code in (
        Gst.StreamError.CODEC_NOT_FOUND,
        Gst.StreamError.WRONG_TYPE,
        Gst.StreamError.TYPE_NOT_FOUND,
    ):
        return state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC
    if error.domain == GLib.quark_to_string(Gst.CoreError.quark()) and error.code == Gst.CoreError.MISSING_PLUGIN:
        return state.CAMERA_LOST_REASON_UNSUPPORTED_CODEC
    return state.CAMERA_LOST_REASON_BROKEN_STREAM


def _reading_reason(text: str) -> state.CameraLostReason:
    """text: what rtspsrc says in small letters, of a camera to which it is connected."""
    if "timeout" in text:
        return state.CAMERA_LOST_REASON_TIMEOUT
    # It is no reason to look after the cable or the address, nor to try again as soon as the host takes connections,
    # which it does. GStreamer 1.14 says "error response".
    if any(words in text for words in ("parse error", "unhandled error", "got error response")):
        return state.CAMERA_LOST_REASON_BROKEN_STREAM
    return state.CAMERA_LOST_REASON_ENDED
