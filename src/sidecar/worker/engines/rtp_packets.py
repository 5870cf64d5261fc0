"""Notes the RTP packets of a camera, and bounds what it may send before a frame is whole.

A camera sends some dozens of packets a frame. A call of Python for each would cost more than all else that the sidecar
does with the frame beside decoding it, mostly for threads that wait for the interpreter. So while whole frames come,
one packet is noted in each look; while none comes, all are.
"""

from typing import Callable

from sidecar.gst import Gst
from sidecar.timer import every
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.main_loop import MainLoop

# The most that a camera may send, in bytes, before a frame is whole: depayloaders keep it. Also before its first key
# frame.
MOST_FRAME_BYTES = 32 << 20
LOOK_MILLISECONDS = 250


def note_packets(pad: Gst.Pad, stats: CameraStats, exceeded: Callable[[], None]) -> None:
    """Watches a pad of rtspsrc until that removes it. Called when the pad appears, on any thread. exceeded: called on
    the pad's thread, once; then no packet passes any more."""
    watch = PacketWatch(stats, exceeded)

    def on_packet(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        packet = info.get_buffer()
        return watch.on_packet(info.get_buffer_list().calculate_size() if packet is None else packet.get_size())

    def look() -> None:
        if watch.begins():
            pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, on_packet)

    def go_on() -> None:
        def look_or_end() -> None:
            if pad.get_parent_element() is None:
                timer.stop()
            else:
                look()

        timer = every(LOOK_MILLISECONDS, look_or_end)

    look()
    MainLoop.post(go_on)


def note_frames(pad: Gst.Pad, stats: CameraStats) -> None:
    """Notes that a frame is whole when it passes a pad, and whether it is a key frame. The pad is the source of a
    parser, or of a depayloader that makes whole frames."""

    def on_frame(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        stats.on_encoded_frame()
        if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            stats.on_key_frame()
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_frame)


class PacketWatch:
    """Decides which packets are noted. on_packet() is called on the pad's thread, begins() on one other at a time."""

    def __init__(self, stats: CameraStats, exceeded: Callable[[], None]) -> None:
        self._stats = stats
        self._exceeded = exceeded
        self._is_watching = False
        self._is_exceeded = False
        # Whole frames at the last look, and at the one before it.
        self._frames = self._earlier_frames = stats.encoded_frames

    def begins(self) -> bool:
        """A look: whether on_packet() gets the packets from now on."""
        self._earlier_frames, self._frames = self._frames, self._stats.encoded_frames
        # Not stored again if it is set: on_packet() may clear it meanwhile, and the next look begins.
        if self._is_watching:
            return False
        self._is_watching = True
        return True

    def on_packet(self, size: int) -> Gst.PadProbeReturn:
        """What becomes of a packet, and of the probe that got it. size: in bytes."""
        self._stats.on_packet(size)
        if self._stats.frame_bytes > MOST_FRAME_BYTES:
            if not self._is_exceeded:
                self._is_exceeded = True
                self._exceeded()
            return Gst.PadProbeReturn.DROP
        if self._stats.encoded_frames == self._earlier_frames:
            return Gst.PadProbeReturn.OK
        self._is_watching = False
        return Gst.PadProbeReturn.REMOVE
