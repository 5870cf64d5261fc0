"""Footage: the encoded frames of a file with their times, read once so that a camera can play them in a loop."""

from pathlib import Path
from typing import List, NamedTuple, Tuple

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

_READ_TIMEOUT_NS = 30 * Gst.SECOND

# Parameter sets before every key frame let a viewer start at any of them.
_PARSERS = {
    "video/x-h264": "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
    "video/x-h265": "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
}


class FootageError(Exception):
    """The file cannot be played. The message names the file and the reason."""


class Footage(NamedTuple):
    """The frames of a file. Times are in nanoseconds from the first frame."""

    caps: Gst.Caps
    frames: List[Tuple[int, Gst.Buffer]]
    """Each frame's time and access unit, in presentation order."""
    length: int
    """The time from the first frame to the first frame of the next round."""


def read_footage(path: Path) -> Footage:
    """Reads the video of a file without decoding it. Raises FootageError."""
    if not path.is_file():
        raise FootageError("%s: there is no such file" % path)
    pipeline = Gst.parse_launch("filesrc name=file ! parsebin name=streams")
    pipeline.get_by_name("file").set_property("location", str(path))
    collector = _Collector(pipeline)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        message = pipeline.get_bus().timed_pop_filtered(_READ_TIMEOUT_NS, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        if message is None:
            raise FootageError("%s: reading it takes too long" % path)
        if message.type == Gst.MessageType.ERROR:
            raise FootageError("%s: %s" % (path, message.parse_error()[0].message))
        samples = collector.samples()
    finally:
        pipeline.set_state(Gst.State.NULL)
    if not samples:
        raise FootageError("%s: it holds no H.264 or H.265 video" % path)
    buffers = [sample.get_buffer() for sample in samples]
    times = [buffer.pts - buffers[0].pts for buffer in buffers]
    if any(later <= earlier for earlier, later in zip(times, times[1:])):
        raise FootageError("%s: its frames are not in presentation order; encode it without B frames" % path)
    return Footage(
        caps=samples[0].get_caps(),
        frames=list(zip(times, buffers)),
        length=times[-1] + buffers[-1].duration,
    )


class _Collector:
    """Collects the first video stream that can be sent, and discards all others."""

    def __init__(self, pipeline: Gst.Pipeline) -> None:
        self._pipeline = pipeline
        self._sink = None
        pipeline.get_by_name("streams").connect("pad-added", self._link)

    def samples(self) -> List[Gst.Sample]:
        """All frames, after the end of the file."""
        samples: List[Gst.Sample] = []
        while self._sink is not None:
            sample = self._sink.emit("pull-sample")
            if sample is None:
                break
            samples.append(sample)
        return samples

    def _link(self, _streams: Gst.Element, pad: Gst.Pad) -> None:
        parser = _PARSERS.get(pad.query_caps(None).get_structure(0).get_name())
        if parser is None or self._sink is not None:
            end = Gst.ElementFactory.make("fakesink", None)
            end.set_property("sync", False)
        else:
            end = Gst.parse_bin_from_description(parser + " ! appsink name=frames sync=false wait-on-eos=false", True)
            self._sink = end.get_by_name("frames")
        self._pipeline.add(end)
        end.sync_state_with_parent()
        pad.link(end.get_static_pad("sink"))
