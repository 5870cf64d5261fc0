"""Writes one Matroska file: a pipeline of its own, from encoded frames to a file descriptor.

Each frame is written at once and unbuffered: a file that SIGKILL or a power failure has cut off can be played to its
last frame. The end of a file adds its length and its index for seeking.
"""

from typing import Optional

from sidecar.buffers import restamped
from sidecar.chain import Chain
from sidecar.gst import GLib, Gst
from sidecar.worker.outputs.recording.frame_queue import Frame

# The first bytes of every Matroska file.
MAGIC = b"\x1a\x45\xdf\xa3"
# How long finishing a file may take.
_FINISH_SECONDS = 5


class Matroska:
    """All methods are called on the recorder's thread. They may wait for the disk."""

    def __init__(self, first: Frame, descriptor: int) -> None:
        """first: the key frame that the file begins with; the caller pushes it. Raises ChainError."""
        self._begin = first.pts
        self._pipeline = Gst.Pipeline.new("recording")
        chain = Chain(self._pipeline)
        self._source = chain.add("appsrc", None, format="time", block=False, max_bytes=0)
        self._source.set_property("caps", first.caps)
        chain.add("matroskamux")
        chain.add("fdsink", None, fd=descriptor, sync=False, **{"async": False})
        self._bus = self._pipeline.get_bus()
        self._has_failed = False
        self._pipeline.set_state(Gst.State.PLAYING)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of frames that are not written yet."""
        return int(self._source.get_property("current-level-bytes"))

    def push(self, frame: Frame) -> None:
        self._source.emit("push-buffer", restamped(frame.buffer, frame.pts - self._begin))

    def error(self) -> Optional[GLib.Error]:
        """An error since the last call."""
        message = self._bus.pop_filtered(Gst.MessageType.ERROR)
        if message is None:
            return None
        self._has_failed = True
        return message.parse_error()[0]

    def finish(self) -> None:
        """Writes the rest and ends. A file that cannot be finished stays as if it had been cut off."""
        if not self._has_failed:
            self._source.emit("end-of-stream")
            self._bus.timed_pop_filtered(_FINISH_SECONDS * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        self._pipeline.set_state(Gst.State.NULL)
