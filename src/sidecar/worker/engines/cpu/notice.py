"""Frames for a tile whose camera sends none: its last one dimmed, or black."""

import numpy as np

from sidecar.gst import Gst
from sidecar.worker.engines.cpu.intake import SeenFrame
from sidecar.worker.engines.planes import planes, video_info

_BLACK_LUMA = 16
_NO_COLOUR = 128
# Dark enough not to be taken for a live picture, light enough to see what it was.
_KEPT_LIGHT = 0.35


def black_frame(width: int, height: int) -> SeenFrame:
    """width and height are even."""
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=%d, height=%d, framerate=0/1" % (width, height))
    buffer = Gst.Buffer.new_allocate(None, video_info(caps).size, None)
    ok, mapped = buffer.map(Gst.MapFlags.WRITE)
    assert ok, "a buffer of our own can be written to"
    try:
        y, u, v = planes(mapped.data, buffer, video_info(caps))[:3]
        y[:], u[:], v[:] = _BLACK_LUMA, _NO_COLOUR, _NO_COLOUR
    finally:
        buffer.unmap(mapped)
    return SeenFrame("", buffer, caps, width, height, 0, [])


def dimmed_frame(frame: SeenFrame) -> SeenFrame:
    """A dark copy without the objects: they are no longer there for sure."""
    buffer = frame.buffer.copy_deep()
    ok, mapped = buffer.map(Gst.MapFlags.READ | Gst.MapFlags.WRITE)
    assert ok, "a buffer of our own can be written to"
    try:
        luma = planes(mapped.data, buffer, video_info(frame.caps)).y
        luma[:] = (_BLACK_LUMA + (luma.astype(np.float32) - _BLACK_LUMA) * _KEPT_LIGHT).clip(0, 255)
    finally:
        buffer.unmap(mapped)
    return frame._replace(buffer=buffer, objects=[])
