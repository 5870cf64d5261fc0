"""The demo camera: plays a file in a loop over RTSP, like a camera.

    python -m dev.camera [--file footage/demo.mp4] [--port 0] [--path /demo] [--user NAME --password WORD]

The file's H.264 or H.265 frames are sent as they are, at the file's own rate, which costs next to nothing. The first
viewer sees the file from its start; later ones join the running stream.
"""

import sys
from pathlib import Path
from typing import Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from dev import rtsp  # noqa: E402
from dev.footage import Footage, FootageError, read_footage  # noqa: E402

_DEMO = Path(__file__).resolve().parents[2] / "footage" / "demo.mp4"

_PAYLOADERS = {"video/x-h264": "rtph264pay", "video/x-h265": "rtph265pay"}


class Loop(rtsp.Feed):
    """Plays footage in a loop, with timestamps that continue from one round to the next."""

    def __init__(self, footage: Footage) -> None:
        super().__init__()
        self._footage = footage
        self._index = 0

    def frame(self, elapsed_ns: int) -> Tuple[int, Gst.Buffer]:
        rounds, position = divmod(self._index, len(self._footage.frames))
        self._index += 1
        time, stored = self._footage.frames[position]
        buffer = stored.copy()  # shares the data; the copy has its own timestamps
        return rounds * self._footage.length + time, buffer


def main() -> int:
    parser = rtsp.arguments("Plays a file in a loop as an RTSP camera.", path="/demo")
    parser.add_argument(
        "--file", type=Path, default=_DEMO, help="H.264 or H.265 without B frames (default: the demo clip)"
    )
    options = parser.parse_args()
    Gst.init(None)
    try:
        footage = read_footage(options.file)
    except FootageError as error:
        print("camera: %s" % error, file=sys.stderr)
        return 1
    payloader = _PAYLOADERS[footage.caps.get_structure(0).get_name()]
    return rtsp.run(options, "%s config-interval=-1" % payloader, footage.caps, lambda: Loop(footage))


if __name__ == "__main__":
    sys.exit(main())
