"""A viewer: watches an RTSP stream and writes a line of JSON for each decoded frame.

    python test/support/viewer.py rtsp://127.0.0.1:8554/ds --frames 30 [--protocol udp] [--counter [X,Y,WIDTH,HEIGHT]]

A line is {"t": ns of CLOCK_MONOTONIC, "pts": ns, "after": ns since it began to connect, "bytes": encoded bytes so far,
"width": ..., "height": ..., "luma": mean} and what was asked for: "counter", "tiles", "regions", "coloured".
It ends with status 0 after --frames frames or --seconds seconds (of which it saw at least one frame), and with 1 and
the reason on stderr when the stream cannot be watched, ends, or stands still.
"""

import argparse
import json
import sys
import time
from typing import Optional

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
import counter  # noqa: E402
from gi.repository import GLib, Gst, GstVideo  # noqa: E402
from measure import Colour, Planes  # noqa: E402

# One thread each: a decoder with more holds frames back. As players do, nothing is shown before the first key frame.
_DECODERS = {
    "H264": "rtph264depay ! h264parse name=encoded ! avdec_h264 max-threads=1 output-corrupt=false",
    "H265": "rtph265depay ! h265parse name=encoded ! avdec_h265 max-threads=1 output-corrupt=false",
}
_EVERYWHERE = "all"
_PNG_TIMEOUT = 10 * Gst.SECOND


class Viewer:
    """Watches one stream. Frames come on the stream's thread."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._loop = GLib.MainLoop()
        self._seen = 0
        self._bytes = 0
        self._began = time.monotonic_ns()
        self._last_seen = time.monotonic()
        self._failure: Optional[str] = None
        self._rectangle = None if options.counter in (None, _EVERYWHERE) else options.counter
        self._pipeline = Gst.Pipeline.new()
        source = Gst.ElementFactory.make("rtspsrc", "source")
        for name, value in (("location", options.uri), ("protocols", options.protocol), ("latency", options.latency)):
            Gst.util_set_object_arg(source, name, value)
        if options.rtp_time:
            Gst.util_set_object_arg(source, "buffer-mode", "none")
        source.set_property("user-id", options.user)
        source.set_property("user-pw", options.password)
        source.connect("pad-added", self._decode)
        self._pipeline.add(source)

    def watch(self) -> int:
        """Watches until the end and returns the exit status."""
        bus = self._pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _bus, message: self._fail(message.parse_error()[0].message))
        bus.connect("message::eos", lambda _bus, _message: self._fail("the stream ended"))
        GLib.timeout_add(100, self._check_patience)
        if self._options.seconds is not None:
            GLib.timeout_add(int(self._options.seconds * 1000), self._time_is_over)
        self._began = time.monotonic_ns()
        self._pipeline.set_state(Gst.State.PLAYING)
        self._loop.run()
        self._pipeline.set_state(Gst.State.NULL)
        if self._failure is None:
            return 0
        print("viewer: %s: %s (frames seen: %d)" % (self._options.uri, self._failure, self._seen), file=sys.stderr)
        return 1

    def _decode(self, _source: Gst.Element, pad: Gst.Pad) -> None:
        encoding = pad.get_current_caps().get_structure(0).get_string("encoding-name")
        decoder = _DECODERS.get(encoding)
        if decoder is None:
            self._fail("its codec %s is not one that can be shown" % encoding)
            return
        chain = Gst.parse_bin_from_description(
            decoder + " ! video/x-raw,format=I420 ! appsink name=frames sync=false emit-signals=true", True
        )
        chain.get_by_name("frames").connect("new-sample", self._frame)
        chain.get_by_name("encoded").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._count_bytes)
        self._pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def _frame(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        now = time.monotonic_ns()
        if sample is None or self._finished():
            return Gst.FlowReturn.EOS
        self._last_seen = time.monotonic()
        buffer = sample.get_buffer()
        with Planes(sample) as planes:
            line = {"t": now, "pts": buffer.pts, "after": now - self._began, "bytes": self._bytes}
            line.update(width=planes.width, height=planes.height)
            line["luma"] = round(float(planes.y[::4, ::4].mean()), 2)
            if self._options.counter is not None:
                line["counter"] = counter.read(planes.y, self._rectangle)
            if self._options.tile:
                line["tiles"] = [counter.read(planes.y, tile) for tile in self._options.tile]
            if self._options.region:
                line["regions"] = [planes.describe(region) for region in self._options.region]
            if self._options.colour is not None:
                line["coloured"] = planes.coloured(self._options.colour)
        if self._options.png is not None and self._seen == self._options.png_frame:
            self._save(sample)
        print(json.dumps(line), flush=True)
        self._seen += 1
        if self._finished():
            GLib.idle_add(self._loop.quit)
        return Gst.FlowReturn.OK

    def _count_bytes(self, _pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        self._bytes += info.get_buffer().get_size()
        return Gst.PadProbeReturn.OK

    def _save(self, sample: Gst.Sample) -> None:
        png = GstVideo.video_convert_sample(sample, Gst.Caps.from_string("image/png"), _PNG_TIMEOUT).get_buffer()
        with open(self._options.png, "wb") as file:
            file.write(png.extract_dup(0, png.get_size()))

    def _finished(self) -> bool:
        return self._options.frames is not None and self._seen >= self._options.frames

    def _check_patience(self) -> bool:
        waited = time.monotonic() - self._last_seen
        if waited > self._options.patience and not self._finished():
            self._fail("no frame came for %.1f s" % waited)
        return bool(GLib.SOURCE_CONTINUE)

    def _time_is_over(self) -> bool:
        if self._seen == 0:
            self._fail("no frame came")
        self._loop.quit()
        return bool(GLib.SOURCE_REMOVE)

    def _fail(self, reason: str) -> None:
        """Ends with the first reason that is given, unless all was seen already. On any thread."""
        if self._failure is None and not self._finished():
            self._failure = reason
        self._loop.quit()


def _rectangle(text: str) -> object:
    if text == _EVERYWHERE:
        return text
    return counter.Rectangle(*(float(number) for number in text.split(",")))


def _colour(text: str) -> Colour:
    red, green, blue = (int(number) for number in text.split(","))
    return Colour(red, green, blue)


def main() -> int:
    parser = argparse.ArgumentParser(description="Watches an RTSP stream and describes each frame.")
    parser.add_argument("uri", help="rtsp://..., without a password")
    parser.add_argument("--protocol", choices=["tcp", "udp"], default="tcp")
    parser.add_argument(
        "--rtp-time", action="store_true", help="pts is the sender's own time line, whenever the frames arrived"
    )
    parser.add_argument("--latency", default="0", help="ms that a packet may be late (default: %(default)s)")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--frames", type=int, help="end after so many frames")
    parser.add_argument("--seconds", type=float, help="end after so many seconds")
    parser.add_argument("--patience", type=float, default=10, help="fail when no frame comes for so many seconds")
    parser.add_argument(
        "--counter",
        type=_rectangle,
        nargs="?",
        const=_EVERYWHERE,
        help="read the painted counter; X,Y,WIDTH,HEIGHT: where the camera's frame lies in the picture",
    )
    parser.add_argument("--tile", type=_rectangle, action="append", help="read the counter of one tile; repeatable")
    parser.add_argument("--region", type=_rectangle, action="append", help="describe one part; repeatable")
    parser.add_argument("--colour", type=_colour, help="R,G,B: count the places of this colour")
    parser.add_argument("--png", help="file to which one frame is saved")
    parser.add_argument("--png-frame", type=int, default=0, help="the frame to save (default: the first)")
    options = parser.parse_args()
    Gst.init(None)
    return Viewer(options).watch()


if __name__ == "__main__":
    sys.exit(main())
