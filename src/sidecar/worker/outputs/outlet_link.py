"""The worker's end of the connection to the outlet. It reconnects, and sends the whole configuration each time."""

import socket
from typing import Any, Callable, Dict, Iterable, Optional, Set, Tuple

from sidecar.log import Log
from sidecar.outlet.json_lines import JsonLines
from sidecar.outlet.protocol import (
    Configuration,
    Failure,
    Mount,
    MountStatus,
    ProtocolError,
    User,
    configure_message,
    hold_message,
    parse_failure,
    parse_rtp_ports,
    parse_statuses,
    text_message,
    users_message,
)
from sidecar.timer import once
from sidecar.worker.outputs.rtp_sender import sender_port

# Viewers see a standby picture until it is connected, and an attempt costs next to nothing.
_DELAY_MS = 100

_log = Log("outlet-link")


class OutletLink:
    """Configures the outlet and receives its status. All methods and callbacks are on the main-loop thread."""

    def __init__(
        self,
        socket_path: str,
        on_ports: Callable[[Dict[str, int]], None],
        on_status: Callable[[Dict[str, MountStatus]], None],
        on_failed: Callable[[Failure], None],
        on_down: Callable[[], None],
    ) -> None:
        """Begins to connect at once.

        on_ports: where to send RTP, by mount path. What is sent there is a new stream from its first packet on. Called
            after each configure(), and with other ports when the outlet has been replaced.
        on_status: for all mounts, whenever one has changed.
        on_failed: the outlet cannot apply the configuration. It tries again by itself; on_ports follows when it can.
        on_down: the outlet is gone. Earlier statuses no longer hold.
        """
        self._socket_path = socket_path
        self._on_ports = on_ports
        self._on_status = on_status
        self._on_failed = on_failed
        self._on_down = on_down
        self._configuration: Optional[Configuration] = None
        # The texts that were set last, by mount path.
        self._texts: Dict[str, str] = {}
        # The paths whose last frame holds.
        self._holds: Set[str] = set()
        self._lines: Optional[JsonLines] = None
        self._timer = once(0, self._connect)

    def configure(self, port: int, mounts: Iterable[Mount], users: Iterable[User] = ()) -> None:
        """Sets what the outlet serves. Must be called, even with the same values, before a new RTP stream begins.

        users: who may watch. Empty: everybody.
        """
        self._configuration = Configuration(port, tuple(mounts), tuple(users))
        paths = {mount.path for mount in self._configuration.mounts}
        self._texts = {path: text for path, text in self._texts.items() if path in paths}
        self._holds &= paths
        self._send_all()

    def set_users(self, users: Tuple[User, ...]) -> None:
        """Sets who may watch. Nothing else of the last configure() changes, and viewers stay connected."""
        assert self._configuration is not None, "configure() comes first"
        if users == self._configuration.users:
            return
        self._configuration = self._configuration._replace(users=users)
        if self._lines is not None:
            self._lines.send(users_message(self._configuration.users))

    def set_text(self, path: str, text: str) -> None:
        """Sets the text of a mount's standby picture until the next one; empty: the outlet says what it knows itself.

        path: of the last configure().
        """
        if text == self._texts.get(path, ""):
            return
        self._texts[path] = text
        if self._lines is not None:
            self._lines.send(text_message({path: text}))

    def hold_last_frame(self, path: str, is_held: bool) -> None:
        """Sets whether viewers of a mount keep its last frame while none comes, instead of a standby picture."""
        if is_held == (path in self._holds):
            return
        self._holds ^= {path}
        if self._lines is not None:
            self._lines.send(hold_message({path: is_held}))

    def stop(self) -> None:
        """Disconnects. No callback comes after this. The outlet goes on serving its viewers."""
        self._timer.stop()
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def _connect(self) -> None:
        try:
            connection = _connected(self._socket_path)
        except OSError:
            # The outlet is not there yet, or is being replaced.
            self._timer = once(_DELAY_MS, self._connect)
            return
        self._lines = JsonLines(connection, self._on_message, self._on_closed)
        self._send_all()

    def _send_all(self) -> None:
        if self._lines is not None and self._configuration is not None:
            self._lines.send(configure_message(self._configuration, sender_port()))
            if self._texts:
                self._lines.send(text_message(self._texts))
            if self._holds:
                self._lines.send(hold_message(dict.fromkeys(self._holds, True)))

    def _on_closed(self, problem: Optional[str]) -> None:
        _log.warning("outlet disconnected", why=problem)
        self._lines = None
        self._timer = once(_DELAY_MS, self._connect)
        self._on_down()

    def _on_message(self, message: Dict[str, Any]) -> None:
        try:
            if "configured" in message:
                self._on_ports(parse_rtp_ports(message["configured"]))
            elif "status" in message:
                self._on_status(parse_statuses(message["status"]))
            elif "failed" in message:
                self._on_failed(parse_failure(message["failed"]))
        except ProtocolError as error:
            _log.error("unparseable message from the outlet", err=str(error))


def _connected(path: str) -> socket.socket:
    """Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # A Unix socket connects or fails at once.
    connection.setblocking(False)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection
