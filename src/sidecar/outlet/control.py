"""The Unix socket on which workers come."""

import os
import socket
from typing import Any, Callable

from gi.repository import GLib


class ControlSocket:
    """Listens for workers. Methods and callbacks are on the main-loop thread."""

    def __init__(self, path: str, on_worker: Callable[[socket.socket], None]) -> None:
        """Raises OSError. A socket file that a killed outlet left behind is replaced."""
        self._path = path
        self._on_worker = on_worker
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        if os.path.exists(path):
            os.unlink(path)
        self._socket.bind(path)
        # Whoever can connect commands the RTSP server: only our own user.
        os.chmod(path, 0o600)
        self._socket.listen(8)
        self._watch = GLib.io_add_watch(self._socket.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN, self._accept)

    def close(self) -> None:
        """Listens no longer."""
        GLib.source_remove(self._watch)
        self._socket.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass  # Somebody cleaned up.

    def _accept(self, *_: Any) -> bool:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return True  # The worker is gone again, or descriptors are short: both may pass.
        self._on_worker(connection)
        return True
