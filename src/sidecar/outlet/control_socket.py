"""The Unix socket on which workers connect."""

import socket
from typing import Callable, Optional

from sidecar.outlet.listener import Listener
from sidecar.socket_file import SocketFile


class ControlSocket:
    """Listens for workers. Methods and callbacks are on the main-loop thread."""

    def __init__(self, path: str, on_worker: Callable[[socket.socket], None]) -> None:
        """Begins as soon as the directory allows it. A socket file that a killed outlet left behind is replaced."""
        self._path = path
        self._on_worker = on_worker
        self._listener: Optional[Listener] = None
        # Whoever can connect controls the RTSP server: only this process's own user may.
        self._file = SocketFile(path, 0o600, self._listen, self._close)

    def close(self) -> None:
        """Listens no longer."""
        self._file.stop()

    def _listen(self) -> None:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(self._path)
            listening.listen(8)
        except OSError:
            listening.close()
            raise
        self._listener = Listener(listening, lambda connection, _: self._on_worker(connection))

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
