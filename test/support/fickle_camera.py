"""A test camera that changes while it is watched: counted frames (see counter.py), and commands on its standard input.

    python test/support/fickle_camera.py --width 320 --height 184 --rate 8 --codec h264

The end of its standard input is its own. A command is a line:

    freeze           the same picture from now on, frame after frame
    thaw             moving pictures again
    size 480 272     another size in mid-stream, as when somebody changes the profile of a camera
"""

import os
import sys
from typing import List, Optional, Tuple

import gi

gi.require_version("Gst", "1.0")
from counter_camera import CountedFrames  # noqa: E402
from gi.repository import GLib, Gst  # noqa: E402

from dev import rtsp  # noqa: E402

# H.264 with key frames only, of one quality, so that the same picture is the same when it is decoded.
_ENCODERS = {
    "h264": (
        "x264enc tune=zerolatency speed-preset=ultrafast threads=1 pass=quant quantizer=28 key-int-max=1"
        " ! video/x-h264,profile=main ! rtph264pay config-interval=-1"
    ),
    "h265": (
        "x265enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max={rate}"
        " option-string=pools=none:frame-threads=1:log-level=none ! h265parse ! rtph265pay config-interval=-1"
    ),
}


class Mood:
    """What the camera was told. Set on the main loop, read on the stream's thread."""

    def __init__(self) -> None:
        self.frozen = False
        self.size: Optional[Tuple[int, int]] = None

    def take(self, words: List[str]) -> None:
        """Takes a command. Raises ValueError."""
        if words == ["freeze"]:
            self.frozen = True
        elif words == ["thaw"]:
            self.frozen = False
        elif len(words) == 3 and words[0] == "size":
            self.size = (int(words[1]), int(words[2]))
        else:
            raise ValueError("no such command: %s" % " ".join(words))


class FickleFrames(CountedFrames):
    """Counted frames, as the mood is."""

    def __init__(self, width: int, height: int, rate: int, mood: Mood) -> None:
        super().__init__(width, height, rate, None)
        self._mood = mood
        self._size = (width, height)
        self._picture_before: Optional[Gst.Buffer] = None

    def frame(self, elapsed_ns: int) -> Tuple[int, Gst.Buffer]:
        due, picture = super().frame(elapsed_ns)
        if not self._mood.frozen or self._picture_before is None:
            self._picture_before = picture
        return due, self._picture_before.copy()

    def feed(self, source: Gst.Element, wanted: int) -> None:
        size = self._mood.size
        if size is not None and size != self._size:
            self._size = size
            caps = Gst.Caps.from_string("video/x-raw,width=%d,height=%d" % size)
            source.get_parent().get_by_name("size").set_property("caps", caps)
        super().feed(source, wanted)


def main() -> int:
    parser = rtsp.arguments("An RTSP camera that changes while it is watched.", path="/camera")
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=184)
    parser.add_argument("--rate", type=int, default=8)
    parser.add_argument("--codec", choices=sorted(_ENCODERS), default="h264")
    options = parser.parse_args()
    Gst.init(None)
    mood = Mood()
    _listen_for_commands(mood)
    width, height, rate = options.width, options.height, options.rate
    caps = Gst.Caps.from_string(
        "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1,colorimetry=bt709" % (width, height, rate)
    )
    launch = "videoscale ! capsfilter name=size caps=video/x-raw,width=%d,height=%d ! " % (width, height)
    launch += _ENCODERS[options.codec].format(rate=rate)
    return rtsp.run(options, launch, caps, lambda: FickleFrames(width, height, rate, mood))


def _listen_for_commands(mood: Mood) -> None:
    """Takes commands until standard input ends, which is the end of the camera too: whoever started it is gone."""

    def read(descriptor: int, _condition: GLib.IOCondition) -> bool:
        text = os.read(descriptor, 4096).decode()
        if not text:
            os._exit(0)
        for line in text.splitlines():
            mood.take(line.split())
        return bool(GLib.SOURCE_CONTINUE)

    condition = GLib.IOCondition.IN | GLib.IOCondition.HUP
    GLib.unix_fd_add_full(GLib.PRIORITY_HIGH, sys.stdin.fileno(), condition, read)


if __name__ == "__main__":
    sys.exit(main())
