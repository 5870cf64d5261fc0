"""The Unix socket on which workers connect."""

import socket
from typing import Callable, Optional

from sidecar.gst import GLib
from sidecar.socket_file import SocketFile
from sidecar.timer import Timer, when_ready


class ControlSocket:
    """Listens for workers. Methods and callbacks are on the main-loop thread."""

    def __init__(self, path: str, on_worker: Callable[[socket.socket], None]) -> None:
        """Begins as soon as the directory allows it. A socket file that a killed outlet left behind is replaced."""
        self._path = path
        self._on_worker = on_worker
        self._socket: Optional[socket.socket] = None
        self._watch: Optional[Timer] = None
        # Whoever can connect controls the RTSP server: only this process's own user may.
        self._file = SocketFile(path, 0o600, self._listen, self._close)

    def close(self) -> None:
        """Listens no longer."""
        self._file.stop()

    def _listen(self) -> None:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.setblocking(False)
            listening.bind(self._path)
            listening.listen(8)
        except OSError:
            listening.close()
            raise
        self._socket = listening
        self._watch = when_ready(listening.fileno(), GLib.IO_IN, lambda: self._accept(listening))

    def _close(self) -> None:
        if self._socket is not None and self._watch is not None:
            self._watch.stop()
            self._socket.close()
            self._socket = None

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:
            return  # The worker is gone again, or there are no descriptors left: both may pass.
        self._on_worker(connection)
