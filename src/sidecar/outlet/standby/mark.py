"""A mark inside the frames of the standby picture, by which the outlet recognises them when they come back by RTSP.

It is a message that decoders skip: supplemental enhancement information of the type "user data, unregistered".
"""

from typing import Dict

# Sixteen bytes that name the kind of message, and the message. Without zeros: nothing needs to be escaped.
_MARK = b"\xb1\x5f\x0e\x93\xd4\x6a\x4c\x27\x9e\x5d\x3b\x81\xc7\x42\xf6\xa8" + b"slipstream standby"
_START_CODE = b"\x00\x00\x00\x01"
# NAL unit headers of supplemental enhancement information that comes before the picture.
_HEADERS: Dict[str, bytes] = {"H264": b"\x06", "H265": b"\x4e\x01"}
_USER_DATA_UNREGISTERED = b"\x05"
_STOP_BIT = b"\x80"


def mark(codec: str, frame: bytes) -> bytes:
    """The frame, one access unit with start codes and without a delimiter, with the mark in front."""
    message = _USER_DATA_UNREGISTERED + bytes([len(_MARK)]) + _MARK + _STOP_BIT
    return _START_CODE + _HEADERS[codec] + message + frame


def is_marked(frame: bytes) -> bool:
    """Whether a whole frame is one of the standby picture's."""
    return _MARK in frame
