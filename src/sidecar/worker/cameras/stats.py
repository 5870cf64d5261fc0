"""Counters of one camera. They outlive connections and pipelines."""

import time
from collections import deque
from typing import Callable, Deque, Optional

from sidecar.contract import state
from sidecar.worker.status.latency import LatencyCounts

# Span over which the frame rate is counted, in seconds.
_RATE_SPAN = 3.0
# Share of the newest interval in the average.
_INTERVAL_WEIGHT = 0.1
# Packets that are further apart, in seconds, have a pause between them.
_PAUSE = 1.0


class CameraStats:
    """Each field is written by one thread at a time, and read by any."""

    def __init__(self, dropped: Optional[Callable[[], int]] = None) -> None:
        """dropped: tells how many frames never left detection, on any thread. None: all that were received and have not
        left it, but for one that may be on its way."""
        self._dropped = dropped
        # Decoded frames.
        self.received = 0
        # Frames that left detection.
        self.processed = 0
        self.inferred = 0
        # Wall-clock and CPU seconds in the network: a batch's are shared out among its frames.
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        # Monotonic time of the newest decoded frame; 0: none since the last connection.
        self.last_received = 0.0
        # How many connections there have been.
        self.connections = 0
        # Recent seconds from frame to frame, over all connections; 0: not known yet.
        self.interval = 0.0
        # The longest seconds from key frame to key frame, over all connections; 0: not known yet.
        self.key_interval = 0.0
        # Monotonic times; 0: none since the last connection, or the source does not tell. The newest RTP packet that
        # was noted; the newest question whether the camera is there, and its newest answer; the newest byte on the RTSP
        # connection or RTCP report; and when the camera's host last confirmed that the connection is open.
        self.last_packet = 0.0
        # When the first packet was noted after the newest pause.
        self.packets_since = 0.0
        self.last_question = 0.0
        self.last_answer = 0.0
        self.last_sign = 0.0
        self.last_ack = 0.0
        # Packets that were noted, their bytes since the newest frame that was whole, and how many frames were.
        self.packets = 0
        self.frame_bytes = 0
        self.encoded_frames = 0
        # From arrival to the end of detection.
        self.latency = LatencyCounts()
        self._last_key_frame = 0.0
        self._last_wall_time = 0.0
        self._times: Deque[float] = deque(maxlen=256)

    def begin(self) -> None:
        """A new connection."""
        self.connections += 1
        self.last_received = 0.0
        self.last_packet = 0.0
        self.last_question = 0.0
        self.last_answer = 0.0
        self.last_sign = 0.0
        self.last_ack = 0.0
        self.frame_bytes = 0
        self._last_key_frame = 0.0

    def on_packet(self, size: int) -> None:
        now = time.monotonic()
        if now - self.last_packet > _PAUSE:
            self.packets_since = now
        self.last_packet = now
        self.packets += 1
        self.frame_bytes += size

    def on_encoded_frame(self) -> None:
        self.encoded_frames += 1
        self.frame_bytes = 0

    def on_key_frame(self) -> None:
        now = time.monotonic()
        if self._last_key_frame:
            self.key_interval = max(self.key_interval, now - self._last_key_frame)
        self._last_key_frame = now

    def on_question(self) -> None:
        self.last_question = time.monotonic()

    def on_answer(self) -> None:
        self.last_answer = time.monotonic()

    def on_sign(self, connection: int, seconds_ago: float = 0.0) -> None:
        """connection: its number. An earlier one, which has not ended yet, tells nothing of the current one."""
        if connection == self.connections:
            self.last_sign = max(self.last_sign, time.monotonic() - seconds_ago)

    def on_ack(self, connection: int, seconds_ago: float) -> None:
        if connection == self.connections:
            self.last_ack = time.monotonic() - seconds_ago

    def on_received(self) -> None:
        now = time.monotonic()
        if self.last_received:
            latest = now - self.last_received
            self.interval += (latest - self.interval) * (_INTERVAL_WEIGHT if self.interval else 1)
        self.received += 1
        self.last_received = now

    def on_processed(self, inferred: bool) -> None:
        self.processed += 1
        self.inferred += inferred
        self._last_wall_time = time.time()
        self._times.append(time.monotonic())

    def fill(self, counters: state.CameraCounters) -> None:
        """Fills in the contract's counters."""
        now = time.monotonic()
        counters.frames_received = self.received
        missing = self.received - self.processed - 1 if self._dropped is None else self._dropped()
        counters.frames_dropped = max(0, missing)
        counters.frames_inferred = self.inferred
        counters.inference_seconds = self.seconds
        counters.inference_cpu_seconds = self.cpu_seconds
        counters.frame_rate = len([one for one in list(self._times) if now - one < _RATE_SPAN]) / _RATE_SPAN
        self.latency.fill(counters.detection_latency)
        if self._last_wall_time:
            counters.last_frame_time.FromNanoseconds(int(self._last_wall_time * 1e9))
