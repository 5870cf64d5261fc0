"""The connections of rtspsrc, which does not show them: what a camera may send before it plays has a bound, and a
connection that does not end is cut.

rtspsrc stores an answer of any length, takes twelve times that to parse it as a description of streams, and reads an
answer to its end. But GIO tells every connection that is made, on the thread that makes it, and on the same thread
rtspsrc tells each message that it is about to send.
"""

import functools
import threading
from typing import Any, Callable, Dict, List

from sidecar.gst import Gio, GObject, Gst, GstRtsp
from sidecar.timer import every
from sidecar.worker.engines.describe import elements_in
from sidecar.worker.engines.weak_socket import WeakSocket
from sidecar.worker.main_loop import MainLoop

# Bytes until PLAY. A description of streams has a few thousand.
MOST_BYTES = 1 << 20
# Bytes from one packet to the next after that, besides what rtspsrc holds for its latency: 64 Mbit/s.
MOST_BYTES_PLAYING = 16 << 20
_BYTES_A_MILLISECOND = 8000
_LOOK_MILLISECONDS = 20

# The newest connection of each thread, until a message is sent on it. threading.local() would not outlive a callback on
# a thread that is not Python's own.
_made: Dict[int, WeakSocket] = {}


def limit_answers(
    source: Gst.Element,
    packets: Callable[[], int],
    exceeded: Callable[[], None],
    connected: Callable[[WeakSocket], None],
) -> None:
    """Ends the connection of an rtspsrc that gets more than MOST_BYTES before it sends PLAY, or later more than
    MOST_BYTES_PLAYING and its latency between two packets.

    packets: how many the camera has sent. exceeded: called then. connected: gets each connection. All are called on the
    loop thread.
    """
    _note_connections()
    plays = threading.Event()
    most_playing = MOST_BYTES_PLAYING + source.get_property("latency") * _BYTES_A_MILLISECOND
    connections: List[WeakSocket] = []
    # For connections_of().
    source.connections = connections

    def on_send(_source: Gst.Element, message: Any) -> bool:
        connection = _made.pop(threading.get_ident(), None)
        if connection is not None:
            connections.append(connection)
            MainLoop.post(_watch, connection, lambda: most_playing if plays.is_set() else MOST_BYTES, packets, exceeded)
            MainLoop.post(connected, connection)
        # Only PLAY has a range. parse_request() would tell the method, but old bindings free the address
        # that it returns (GStreamer 1.14).
        result, _range = message.get_header(GstRtsp.RTSPHeaderField.RANGE, 0)
        if result == GstRtsp.RTSPResult.OK:
            plays.set()
        return True

    source.connect("before-send", on_send)


@functools.lru_cache(maxsize=None)
def _note_connections() -> None:
    """Keeps the newest connection of each thread. Once in a process."""

    def on_event(_client: Any, event: Any, _where: Any, connection: Any) -> bool:
        if event == Gio.SocketClientEvent.CONNECTED:
            _made[threading.get_ident()] = WeakSocket(connection.get_socket())
        return True

    # A class has signals once there was an object of it.
    Gio.SocketClient.new()
    GObject.add_emission_hook(Gio.SocketClient, "event", on_event)


def _watch(
    connection: WeakSocket, most: Callable[[], int], packets: Callable[[], int], exceeded: Callable[[], None]
) -> None:
    # Packets at the last look, and the bytes that had come then.
    seen, accounted = packets(), 0

    def look() -> None:
        nonlocal seen, accounted
        received = connection.bytes_received()
        if received is None:
            timer.stop()
            return
        if packets() != seen:
            seen, accounted = packets(), received
        if received - accounted > most():
            timer.stop()
            connection.cut()
            exceeded()

    timer = every(_LOOK_MILLISECONDS, look)


def connections_of(source: Gst.Bin) -> List[WeakSocket]:
    """The sockets of the rtspsrc in a source of a camera: their list, which may grow."""
    return next((one.connections for one in elements_in(source) if hasattr(one, "connections")), [])
