"""Watches streams without decoding them, so that each is encoded and sent: python bench/race/drain.py ADDRESS..."""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

if __name__ == "__main__":
    Gst.init(None)
    watching = [
        Gst.parse_launch("rtspsrc location=%s latency=0 protocols=tcp ! fakesink sync=false" % address)
        for address in sys.argv[1:]
    ]
    for pipeline in watching:
        pipeline.set_state(Gst.State.PLAYING)
    signal.pause()
