"""A test camera that sends VP8, which no engine of the product takes from a camera."""

import sys
from typing import Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from dev import rtsp  # noqa: E402

_WIDTH, _HEIGHT = 160, 96
_PERIOD_NS = Gst.SECOND // 10


class GreyFrames(rtsp.Feed):
    """Frames without anything on them."""

    def __init__(self) -> None:
        super().__init__()
        self._number = -1

    def frame(self, elapsed_ns: int) -> Tuple[int, Gst.Buffer]:
        self._number = max(self._number + 1, elapsed_ns // _PERIOD_NS)
        return self._number * _PERIOD_NS, Gst.Buffer.new_wrapped(bytes([128]) * (_WIDTH * _HEIGHT * 3 // 2))


def main() -> int:
    options = rtsp.arguments("An RTSP camera that sends VP8.", path="/vp8").parse_args()
    Gst.init(None)
    caps = Gst.Caps.from_string("video/x-raw,format=I420,width=%d,height=%d,framerate=10/1" % (_WIDTH, _HEIGHT))
    return rtsp.run(options, "vp8enc deadline=1 keyframe-max-dist=10 ! rtpvp8pay", caps, GreyFrames)


if __name__ == "__main__":
    sys.exit(main())
