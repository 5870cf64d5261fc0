"""Accepts connections on a listening socket. Without file descriptors it pauses: the connection that cannot be accepted
would keep the main loop busy.
"""

import errno
import socket
from typing import Any, Callable

from sidecar.gst import GLib
from sidecar.log import Log
from sidecar.timer import attempt, when_ready

# Accepted in one turn of the main loop, so that a flood leaves time for everything else.
_AT_ONCE = 8
_PAUSE_MS = 1000
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = Log("outlet")


class Listener:
    """Listens until close(). Methods and callbacks are on the main-loop thread."""

    def __init__(self, listening: socket.socket, on_connection: Callable[[socket.socket, Any], None]) -> None:
        """Takes over the socket. on_connection gets each connection and the address of its peer."""
        listening.setblocking(False)
        self._socket = listening
        self._on_connection = on_connection
        self._is_exhausted = False
        self._listen()

    def close(self) -> None:
        """Listens no longer."""
        self._timer.stop()
        self._socket.close()

    def _listen(self) -> None:
        self._timer = when_ready(self._socket.fileno(), GLib.IO_IN, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, peer = self._socket.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(error)
                return  # Otherwise nobody waits, or who did is gone.
            if self._is_exhausted:
                self._is_exhausted = False
                _log.info("accepting connections again")
            self._on_connection(connection, peer)

    def _pause(self, error: OSError) -> None:
        if not self._is_exhausted:
            self._is_exhausted = True
            _log.error("no connection can be accepted; trying every second", error=error.strerror)
        self._timer.stop()
        self._timer = attempt(_PAUSE_MS, self._listen)
