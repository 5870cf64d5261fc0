"""A test camera: a white square on black, which jumps to another cell of a grid with every frame.

    python test/support/jump_camera.py --rate 15

The frame is WIDTH by HEIGHT pixels, its cells CELL by CELL. From frame to frame the square goes STEP cells on, row by
row; it comes to every cell before it comes to one again. square_model.py makes a network that finds it.
"""

import sys
from typing import Tuple

import gi
import numpy as np

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from dev import rtsp  # noqa: E402

CELL = 64
COLUMNS = 10
ROWS = 6
STEP = 23
WIDTH = COLUMNS * CELL
HEIGHT = ROWS * CELL

_BLACK = 16
_WHITE = 235
# Of high quality, so that the square has sharp edges.
_LAUNCH = (
    "x264enc tune=zerolatency speed-preset=ultrafast threads=1 pass=quant quantizer=10 key-int-max=15"
    " ! video/x-h264,profile=main ! rtph264pay config-interval=-1"
)


class JumpingSquare(rtsp.Feed):
    """Draws each frame when it is asked for."""

    def __init__(self, rate: int) -> None:
        super().__init__()
        self._period_ns = Gst.SECOND // rate
        self._number = -1

    def frame(self, elapsed_ns: int) -> Tuple[int, Gst.Buffer]:
        self._number = max(self._number + 1, elapsed_ns // self._period_ns)
        row, column = divmod(self._number * STEP % (COLUMNS * ROWS), COLUMNS)
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        picture[:HEIGHT] = _BLACK
        picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = _WHITE
        return self._number * self._period_ns, Gst.Buffer.new_wrapped(picture.tobytes())


def main() -> int:
    parser = rtsp.arguments("An RTSP camera whose frames show a jumping square.", path="/jump")
    parser.add_argument("--rate", type=int, default=15, help="frames a second (default: %(default)s)")
    options = parser.parse_args()
    Gst.init(None)
    caps = Gst.Caps.from_string(
        "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1,colorimetry=bt709" % (WIDTH, HEIGHT, options.rate)
    )
    return rtsp.run(options, _LAUNCH, caps, lambda: JumpingSquare(options.rate))


if __name__ == "__main__":
    sys.exit(main())
