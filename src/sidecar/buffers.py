"""Buffers with another time, without a copy of their data."""

import sys
from typing import Any

from sidecar.gst import Gst

# G_MAXSIZE: to the end.
_ALL = 2 * sys.maxsize + 1
_WHOLE = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.META | Gst.BufferCopyFlags.MEMORY


def restamped(buffer: Any, pts: int) -> Any:
    """A buffer with the same data, this PTS in nanoseconds, and no DTS or duration, which are not copied.

    Gst.Buffer.copy() would not do: in Python it is the copy of a boxed type, which is only another reference.
    """
    copy = buffer.copy_region(_WHOLE, 0, _ALL)
    copy.pts = pts
    return copy
