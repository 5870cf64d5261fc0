"""Where one mount's RTP from the worker arrives: a loopback port that stays, and a pipeline that is made anew for each
stream, so that nothing of an earlier stream (sequence numbers, time base, half a frame) touches the next.
"""

import socket
import time
from typing import Any, Callable, Optional

from sidecar.chain import Chain, ChainError
from sidecar.gst import Gio, Gst
from sidecar.log import Log
from sidecar.outlet.codec import codec
from sidecar.outlet.protocol import RTP_LARGEST_PACKET, Mount
from sidecar.timer import Timer, attempt

# The kernel grants as much of this as its net.core.rmem_max allows.
_SOCKET_BUFFER_BYTES = 2 * 1024 * 1024
# Before the first restart of a pipeline that failed; doubles with each failure in a row.
_FIRST_DELAY_MS = 100
_LONGEST_DELAY_MS = 5000
# A pipeline that ran this long starts with a failure count of zero again.
_HEALTHY_SECONDS = 10.0

_log = Log("outlet")


class RtpInput:
    """Receives the stream of one mount and hands over its frames. Methods are called on the main-loop thread."""

    def __init__(self, mount: Mount, on_frame: Callable[[Any, int], None]) -> None:
        """Opens the port. Nothing is taken before begin_stream().

        on_frame is called on a streaming thread with a frame (Gst.Buffer) and the time of the system clock that it
        belongs to, in nanoseconds.
        """
        self._mount = mount
        self._on_frame = on_frame
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._clock = Gst.SystemClock.obtain()
        self._pipeline: Optional[Any] = None
        self._started_at = 0.0
        # In a row.
        self._failures = 0
        self._restart: Optional[Timer] = None

    def begin_stream(self, rtp_from: int) -> None:
        """Takes a new stream from this port on 127.0.0.1 from now on. The one before has ended. Raises ChainError."""
        # From here on the kernel drops the datagrams of everybody else.
        self._socket.connect(("127.0.0.1", rtp_from))
        self._failures = 0
        self._begin()

    def end_stream(self) -> None:
        """Takes no more frames: on_frame is not called after this, and does not run any more."""
        if self._restart is not None:
            self._restart.stop()
        if self._pipeline is not None:
            self._pipeline.get_bus().remove_signal_watch()
            # Returns when the streaming threads have ended.
            self._pipeline.set_state(Gst.State.NULL)
            self._pipeline = None

    def stop(self) -> None:
        """Gives the port back."""
        self.end_stream()
        self._socket.close()

    def _begin(self) -> None:
        self._drop_datagrams()
        elements = codec(self._mount.codec)
        pipeline = Gst.Pipeline.new(None)
        # The same clock as the server's, so that times can be carried over.
        pipeline.use_clock(self._clock)
        chain = Chain(pipeline)
        chain.add(
            "udpsrc",
            socket=Gio.Socket.new_from_fd(self._socket.dup().detach()),
            caps=elements.rtp,
            mtu=RTP_LARGEST_PACKET,
        )
        # Loopback keeps the order. The jitter buffer is there for the time stamps: it takes the sender's rhythm instead
        # of that of the arrivals.
        chain.add("rtpjitterbuffer", latency=0)
        chain.add(elements.depayloader)
        chain.add(elements.parser, config_interval=-1)
        sink = chain.add("appsink", caps=elements.frames, sync=False, emit_signals=True)
        sink.connect("new-sample", self._on_sample)
        bus = pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self._on_error)
        self._pipeline = pipeline
        self._started_at = time.monotonic()
        pipeline.set_state(Gst.State.PLAYING)

    def _drop_datagrams(self) -> None:
        """Empties the socket: what is queued there belongs to the stream before, or came from anybody."""
        try:
            while True:
                self._socket.recv(1)
        except BlockingIOError:
            pass  # Empty.

    def _on_sample(self, sink: Any) -> Any:
        # The pipeline itself is not handed in: a callback that holds it would keep it, and its socket, for ever.
        frame = sink.emit("pull-sample").get_buffer()
        clock_time = self._clock.get_time()
        if frame.pts != Gst.CLOCK_TIME_NONE:
            # After a hiccup of the sender the jitter buffer's estimate may lie ahead, and the server would wait for it.
            clock_time = min(clock_time, sink.get_base_time() + frame.pts)
        self._on_frame(frame, clock_time)
        return Gst.FlowReturn.OK

    def _on_error(self, _bus: Any, message: Any) -> None:
        error, debug = message.parse_error()
        self._on_failed(error.message, debug)

    def _on_failed(self, detail: str, debug: str = "") -> None:
        self.end_stream()
        self._failures = failures_in_a_row(self._failures, time.monotonic() - self._started_at)
        delay = restart_delay(self._failures)
        _log.error("RTP input failed", path=self._mount.path, detail=detail, debug=debug, restart_milliseconds=delay)
        self._restart = attempt(delay, self._begin_again)

    def _begin_again(self) -> None:
        try:
            self._begin()
        except ChainError as error:
            self._on_failed(str(error))


def failures_in_a_row(before: int, ran_seconds: float) -> int:
    """The failures in a row after one more, of a pipeline that ran this long."""
    return 1 if ran_seconds >= _HEALTHY_SECONDS else before + 1


def restart_delay(failures: int) -> int:
    """Milliseconds until a pipeline that failed this often in a row, once or more, is started again."""
    return int(min(_LONGEST_DELAY_MS, _FIRST_DELAY_MS * 2.0 ** min(failures - 1, 32)))
