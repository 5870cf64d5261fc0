"""A test camera: live frames with a counter painted into them (see counter.py) over moving content.

    python test/support/counter_camera.py --width 640 --height 360 --rate 15 --codec h264 --log frames.jsonl

For each frame that leaves it can write a line {"counter": 7, "t": NANOSECONDS} with the time of CLOCK_MONOTONIC, which
other processes share. A machine too slow for the rate makes it skip frames, and numbers, as a sensor does.
"""

import argparse
import json
import sys
from typing import IO, Optional, Tuple

import gi
import numpy as np

gi.require_version("Gst", "1.0")
import counter  # noqa: E402
from gi.repository import Gst  # noqa: E402

from dev import rtsp  # noqa: E402

# Each with a key frame every second and no frame held back.
_ENCODERS = {
    "h264": (
        "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate={bitrate} key-int-max={rate}"
        " ! video/x-h264,profile=main ! rtph264pay config-interval=-1"
    ),
    "h265": (
        "x265enc tune=zerolatency speed-preset=ultrafast bitrate={bitrate} key-int-max={rate}"
        " option-string=pools=none:frame-threads=1:log-level=none ! h265parse ! rtph265pay config-interval=-1"
    ),
    "mjpeg": "jpegenc ! rtpjpegpay",
}

_STEP_PIXELS = 2
"""How far the content moves from frame to frame."""


class CountedFrames(rtsp.Feed):
    """Paints each frame when it is asked for."""

    def __init__(self, width: int, height: int, rate: int, log: Optional[IO[str]]) -> None:
        super().__init__()
        self._period_ns = Gst.SECOND // rate
        self._log = log
        self._counter = -1
        self._width = width
        # A smooth texture, twice as wide as the frame, past which the frame is moved.
        columns = np.arange(2 * width) * (4 * np.pi / width)
        rows = np.arange(height) * (6 * np.pi / height)
        self._texture = (128 + 50 * np.sin(columns)[None, :] + 40 * np.cos(rows)[:, None]).astype(np.uint8)
        self._picture = np.full((height * 3 // 2, width), 128, np.uint8)

    def frame(self, elapsed_ns: int) -> Tuple[int, Gst.Buffer]:
        self._counter = max(self._counter + 1, elapsed_ns // self._period_ns)
        luma = self._picture[: self._texture.shape[0]]
        left = self._counter * _STEP_PIXELS % self._width
        luma[:] = self._texture[:, left : left + self._width]
        counter.paint(luma, self._counter)
        return self._counter * self._period_ns, Gst.Buffer.new_wrapped(self._picture.tobytes())

    def leaving(self, now_ns: int) -> None:
        if self._log is not None:
            number = self._counter & (1 << counter.COUNTER_BITS) - 1
            self._log.write(json.dumps({"counter": number, "t": now_ns}) + "\n")
            self._log.flush()


def main() -> int:
    parser = rtsp.arguments("An RTSP camera whose frames carry a counter.", path="/camera")
    parser.add_argument("--width", type=_multiple_of_8, default=640, help="pixels (default: %(default)s)")
    parser.add_argument("--height", type=_multiple_of_8, default=360, help="pixels (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=15, help="frames a second (default: %(default)s)")
    parser.add_argument("--codec", choices=sorted(_ENCODERS), default="h264")
    parser.add_argument("--bitrate", type=int, default=2000, help="kbit/s (default: %(default)s)")
    parser.add_argument("--log", type=argparse.FileType("w"), help="file for the frames that leave, - for stdout")
    options = parser.parse_args()
    Gst.init(None)
    width, height, rate = options.width, options.height, options.rate
    caps = Gst.Caps.from_string(
        "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1,colorimetry=bt709" % (width, height, rate)
    )
    launch = _ENCODERS[options.codec].format(bitrate=options.bitrate, rate=rate)
    return rtsp.run(options, launch, caps, lambda: CountedFrames(width, height, rate, options.log))


def _multiple_of_8(text: str) -> int:
    # So that no plane needs padding and every codec takes the size.
    number = int(text)
    if number <= 0 or number % 8:
        raise argparse.ArgumentTypeError("%s is not a multiple of 8" % text)
    return number


if __name__ == "__main__":
    sys.exit(main())
