"""What H.264 and H.265 need at each place of the outlet's graphs."""

from typing import NamedTuple

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


def codec(name: str) -> Codec:
    """name: H264 or H265."""
    family = name.lower()
    return Codec(
        depayloader="rtp%sdepay" % family,
        parser="%sparse" % family,
        payloader="rtp%spay" % family,
        frames="video/x-%s, stream-format=byte-stream, alignment=au" % family,
        rtp="application/x-rtp, media=video, clock-rate=90000, encoding-name=%s, payload=%d" % (name, RTP_PAYLOAD_TYPE),
    )
