"""What H.264 and H.265 need at each place of the outlet's graphs."""

from typing import Any, Dict, NamedTuple

from sidecar.outlet.protocol import RTP_PAYLOAD_TYPE


class Codec(NamedTuple):
    """Elements and formats of one codec."""

    depayloader: str
    parser: str
    payloader: str
    # One buffer is one frame, with start codes.
    frames: str
    # What comes from the worker.
    rtp: str
    # Encodes the standby picture: with the worker's software encoder, and without access unit delimiters.
    encoder: str
    standby_settings: Dict[str, Any]
    # So many are sent in turn: H.264 wants key frames that follow each other to differ in their idr_pic_id.
    standby_frames: int


# Constant quality: a frame comes out as large as its picture needs.
_STANDBY_SETTINGS: Dict[str, Dict[str, Any]] = {
    "H264": {
        "tune": "zerolatency",
        "speed_preset": "ultrafast",
        "threads": 1,
        "pass": "quant",
        "quantizer": 24,
        "aud": False,
    },
    "H265": {
        "tune": "zerolatency",
        "speed_preset": "ultrafast",
        "qp": 26,
        "option_string": "pools=none:frame-threads=1:log-level=none",
    },
}


def codec(name: str) -> Codec:
    """name: H264 or H265."""
    family = name.lower()
    return Codec(
        depayloader="rtp%sdepay" % family,
        parser="%sparse" % family,
        payloader="rtp%spay" % family,
        frames="video/x-%s, stream-format=byte-stream, alignment=au" % family,
        rtp="application/x-rtp, media=video, clock-rate=90000, encoding-name=%s, payload=%d" % (name, RTP_PAYLOAD_TYPE),
        encoder="x264enc" if name == "H264" else "x265enc",
        standby_settings=_STANDBY_SETTINGS[name],
        standby_frames=2 if name == "H264" else 1,
    )
