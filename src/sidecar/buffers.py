"""Buffers with another time, without a copy of their data."""

from typing import Any

from sidecar.gst import Gst

_WHOLE = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.META | Gst.BufferCopyFlags.MEMORY


def restamped(buffer: Any, pts: int) -> Any:
    """A buffer with the same data, this PTS in nanoseconds, and no DTS or duration.

    Gst.Buffer.copy() would not do: in Python it is the copy of a boxed type, which is only another reference.
    """
    copy = buffer.copy_region(_WHOLE, 0, buffer.get_size())
    copy.pts = pts
    copy.dts = Gst.CLOCK_TIME_NONE
    copy.duration = Gst.CLOCK_TIME_NONE
    return copy
