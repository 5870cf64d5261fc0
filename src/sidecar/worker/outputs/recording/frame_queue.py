"""A bounded queue of encoded frames, between the thread that encodes and the one that waits for the disk."""

import collections
import threading
import time
from typing import Deque, NamedTuple, Optional

from sidecar.gst import Gst


class Frame(NamedTuple):
    """An encoded frame."""

    buffer: Gst.Buffer
    caps: Gst.Caps
    # It can be decoded without earlier frames.
    is_key: bool
    # In nanoseconds, on the time line of its pipeline.
    pts: int
    size: int


def frame_of(sample: Gst.Sample) -> Frame:
    buffer = sample.get_buffer()
    is_key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
    return Frame(buffer, sample.get_caps(), is_key, buffer.pts, buffer.get_size())


class FrameQueue:
    """put() is called on a streaming thread, and never waits for the disk; get() is called on the recorder's."""

    def __init__(self, most_bytes: int) -> None:
        """most_bytes: a frame that does not fit is dropped, and so are those after it until a key frame fits."""
        self._most_bytes = most_bytes
        self._frames: Deque[Frame] = collections.deque()
        self._bytes = 0
        self._waits_for_key = True
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0
        # Since when the queue has been full and frames are dropped, on the monotonic clock. None: it is not.
        self.full_since: Optional[float] = None

    def put(self, frame: Frame) -> None:
        with self._changed:
            if self._closed:
                return
            if self._waits_for_key and not frame.is_key:
                self.dropped += 1
                return
            if self._bytes + frame.size > self._most_bytes and self._frames:
                self.dropped += 1
                self._waits_for_key = True
                self.full_since = self.full_since or time.monotonic()
                return
            self._waits_for_key = False
            self.full_since = None
            self._frames.append(frame)
            self._bytes += frame.size
            self._changed.notify()

    def get(self, timeout: float) -> Optional[Frame]:
        """The next frame; None if none came within timeout seconds, or the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._closed, timeout)
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._bytes -= frame.size
            return frame

    def close(self) -> None:
        """get() returns what is queued and no longer waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()
