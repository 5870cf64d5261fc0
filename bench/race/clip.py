"""Renders the demo clip in another size and rate, for cameras that cost nothing to play.

python bench/race/clip.py SOURCE TARGET WIDTH HEIGHT RATE
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def main() -> int:
    source, target, width, height, rate = sys.argv[1:]
    Gst.init(None)
    pipeline = Gst.parse_launch(
        "filesrc location=%s ! decodebin ! videorate ! videoscale ! videoconvert"
        " ! video/x-raw,format=I420,width=%s,height=%s,framerate=%s/1"
        " ! x264enc bframes=0 key-int-max=%s bitrate=2000 ! video/x-h264,profile=main ! mp4mux ! filesink location=%s"
        % (source, width, height, rate, rate, target)
    )
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    return 0 if message.type == Gst.MessageType.EOS else 1


if __name__ == "__main__":
    sys.exit(main())
