"""The TCP connections of an rtspsrc, which it does not show.

GIO tells every connection that is made, on the thread that makes it, and on the same thread rtspsrc tells each message
that it is about to send.
"""

import functools
import os
import socket
import struct
import threading
from typing import Any, Callable, Dict, NamedTuple, Optional

from sidecar.gst import Gio, GObject, Gst
from sidecar.worker.main_loop import MainLoop

# linux/tcp.h: tcpi_last_data_recv and tcpi_last_ack_recv, in milliseconds, and tcpi_bytes_received of struct tcp_info,
# from Linux 4.1 on.
_TCP_INFO_SIZE = 136
_AGES = struct.Struct("@II")
_AGES_AT = 52
_BYTES_RECEIVED = struct.Struct("@Q")
_BYTES_RECEIVED_AT = 128
# The kernel asks the host of an idle connection every second whether it is still there, and gives up after a minute.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 60),
)

# The newest connection of each thread, until a message is sent on it. threading.local() would not outlive a callback on
# a thread that is not Python's own.
_made: Dict[int, Any] = {}


class ConnectionFacts(NamedTuple):
    """What the kernel knows of a connection."""

    bytes_received: int
    # Seconds since the camera sent something, and since its host confirmed anything.
    data_age: float
    ack_age: float


class RtspConnection:
    """A connection of an rtspsrc. Made on its thread, used on the loop thread."""

    def __init__(self, made: Any) -> None:
        # rtspsrc closes its socket by letting go of it.
        self._socket = made.weak_ref()
        self._use(lambda copy: [copy.setsockopt(*option) for option in _KEEP_ALIVE])

    @property
    def is_closed(self) -> bool:
        made = self._socket()
        return made is None or bool(made.is_closed())

    def end(self) -> None:
        """rtspsrc's thread, which reads, gets the end of the stream."""
        self._use(lambda copy: copy.shutdown(socket.SHUT_RDWR))

    def facts(self) -> Optional[ConnectionFacts]:
        """None: the kernel does not tell, or the connection was closed meanwhile."""
        info = self._use(lambda copy: copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE))
        if info is None or len(info) < _TCP_INFO_SIZE:
            return None
        data_age, ack_age = _AGES.unpack_from(info, _AGES_AT)
        (received,) = _BYTES_RECEIVED.unpack_from(info, _BYTES_RECEIVED_AT)
        return ConnectionFacts(received, data_age / 1000.0, ack_age / 1000.0)

    def _use(self, act: Callable[[socket.socket], Any]) -> Any:
        made = self._socket()
        if made is None:
            return None
        try:
            with socket.socket(fileno=os.dup(made.get_fd())) as copy:
                return act(copy)
        except OSError:
            return None


def when_connected(source: Gst.Element, act: Callable[[RtspConnection], None]) -> None:
    """Calls act on the loop thread with each connection that an rtspsrc makes."""
    _note_connections()

    def on_send(_source: Gst.Element, _message: Any) -> bool:
        made = _made.pop(threading.get_ident(), None)
        if made is not None:
            connection = RtspConnection(made)
            MainLoop.post(lambda: act(connection))
        return True

    source.connect("before-send", on_send)


@functools.lru_cache(maxsize=None)
def _note_connections() -> None:
    """Keeps the newest connection of each thread. Once in a process."""

    def on_event(_client: Any, event: Any, _where: Any, connection: Any) -> bool:
        if event == Gio.SocketClientEvent.CONNECTED:
            _made[threading.get_ident()] = connection.get_socket()
        return True

    # A class has signals once there was an object of it.
    Gio.SocketClient.new()
    GObject.add_emission_hook(Gio.SocketClient, "event", on_event)
