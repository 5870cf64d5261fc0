"""JSON lines over a socket, on the GLib main loop: nothing here waits."""

import json
import socket
from typing import Any, Callable, Dict, Optional

from sidecar.gst import GLib
from sidecar.timer import Timer, when_ready

# A peer that sends a longer line, or that reads so little that more than this waits for it, is cut off.
_LARGEST_BYTES = 1024 * 1024


class JsonLines:
    """One connection. All methods and callbacks are on the main-loop thread."""

    def __init__(
        self,
        connection: socket.socket,
        on_message: Callable[[Dict[str, Any]], None],
        on_closed: Callable[[Optional[str]], None],
    ) -> None:
        """Takes over the socket. on_closed is called once unless close() came first, with a problem if it was one."""
        connection.setblocking(False)
        self._socket = connection
        self._on_message = on_message
        self._on_closed = on_closed
        self._incoming = b""
        self._outgoing = b""
        self._writing: Optional[Timer] = None
        self._open = True
        self._reading = when_ready(connection.fileno(), GLib.IO_IN | GLib.IO_HUP | GLib.IO_ERR, self._read)

    def send(self, message: Dict[str, Any]) -> None:
        """Sends a message, later if the peer is not ready. Does nothing after the end."""
        if not self._open:
            return
        self._outgoing += json.dumps(message).encode() + b"\n"
        if len(self._outgoing) > _LARGEST_BYTES:
            self._end("the peer does not read")
        elif self._writing is None:
            self._write()

    def close(self) -> None:
        """Ends the connection. No callback comes after this."""
        if not self._open:
            return
        self._open = False
        self._reading.stop()
        if self._writing is not None:
            self._writing.stop()
        self._socket.close()

    def _end(self, problem: Optional[str]) -> None:
        if self._open:
            self.close()
            self._on_closed(problem)

    def _read(self) -> None:
        try:
            received = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))
            return
        if not received:
            self._end(None)
            return
        lines = (self._incoming + received).split(b"\n")
        self._incoming = lines.pop()
        if len(self._incoming) > _LARGEST_BYTES:
            self._end("a line has more than %d bytes" % _LARGEST_BYTES)
        for line in lines:
            if self._open:
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            self._end("not JSON: %s" % error)
            return
        if isinstance(message, dict):
            self._on_message(message)
        else:
            self._end("not a JSON object: %.80r" % message)

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._end(str(error))
            return
        self._outgoing = self._outgoing[sent:]
        if self._outgoing and self._writing is None:
            self._writing = when_ready(self._socket.fileno(), GLib.IO_OUT | GLib.IO_HUP | GLib.IO_ERR, self._write)
        elif not self._outgoing and self._writing is not None:
            self._writing.stop()
            self._writing = None
