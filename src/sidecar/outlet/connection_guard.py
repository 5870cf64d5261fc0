"""Holds the clients of the RTSP server to their bounds from outside the server, whose reading cannot be bounded: it
looks at how much the kernel has received on each connection, is told of every request, and shuts down a connection that
exceeds a bound. The server then sees the connection's end.
"""

import os
import socket
import struct
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from sidecar.log import Log
from sidecar.outlet import bounds
from sidecar.outlet.bounds import Addresses, Usage

# tcpi_bytes_received of struct tcp_info in linux/tcp.h; kernels before 4.1 do not have it.
_TCP_INFO = struct.Struct("128xQ")
# struct linger: it is on, and nothing is waited for.
_RESET = struct.pack("ii", 1, 0)

_log = Log("outlet")


class Connection(Usage):
    """A TCP connection of a client, and what it has used."""

    def __init__(self, accepted: socket.socket, peer: Tuple[str, int], is_own: bool, now: float) -> None:
        """is_own: the client is this process itself, and exempt."""
        super().__init__()
        self.socket = accepted
        self.ip = peer[0]
        self.address = "%s:%d" % peer
        self.is_own = is_own
        self.since = now
        self.has_asked = False
        # Bytes, at the last check.
        self.received = 0
        self.sessions: List[Any] = []
        self.is_cut = False

    def cut(self) -> None:
        """Ends the connection, for the server too: the socket is the same. What has arrived is still carried out."""
        self.is_cut = True
        try:
            # The client may be waiting to send more: it gets a reset when the server closes the socket.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def close(self) -> None:
        """Ends the connection as the server does, after what was sent last."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The client has ended it already.
        self.socket.close()


class ConnectionGuard:
    """Thread-safe: the server's threads report what clients do. Its lock is held for a few lines of Python at most."""

    def __init__(self, most_connections: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._addresses = Addresses(most_connections)
        self._clock = clock
        self._lock = threading.Lock()
        self._connections: Set[Connection] = set()
        # When it was last logged of an address, for a reason.
        self._logged: Dict[Tuple[str, str], float] = {}

    def admit(self, accepted: socket.socket, peer: Tuple[str, int]) -> Optional[Connection]:
        """Decides about a new connection. None: it is refused, and closed."""
        now, ip = self._clock(), peer[0]
        is_own = ip.startswith("127.") and _is_own(peer)
        with self._lock:
            why = None if is_own else self._addresses.refusal(ip, now)
            if why is None:
                self._addresses.enter(ip)
                connection = Connection(accepted, peer, is_own, now)
                self._connections.add(connection)
                return connection
        accepted.close()
        self._warn(ip, why)
        return None

    def on_request(self, connection: Connection) -> None:
        """The client has sent a request."""
        connection.has_asked = True
        if connection.is_own:
            return
        now = self._clock()
        with self._lock:
            why = None
            address = self._addresses[connection.ip]
            if not connection.take(bounds.REQUESTS, now) or not address.take(bounds.ADDRESS_REQUESTS, now):
                why = self._cut(connection, bounds.ASKS_TOO_OFTEN, now)
        self._warn(connection.ip, why)

    def on_failed_login(self, connection: Connection) -> None:
        """The client has sent a login that is wrong."""
        now = self._clock()
        with self._lock:
            why = None
            if not self._addresses[connection.ip].take(bounds.FAILED_LOGINS, now):
                why = self._refuse(connection, bounds.GUESSES_PASSWORDS, now)
        self._warn(connection.ip, why)

    def on_session(self, connection: Connection, session: Any) -> None:
        """The client has begun a session."""
        now = self._clock()
        with self._lock:
            connection.sessions.append(session)
            why = None
            if len(connection.sessions) > bounds.MOST_SESSIONS_PER_CONNECTION:
                why = self._cut(connection, bounds.TOO_MANY_SESSIONS, now)
        self._warn(connection.ip, why)

    def on_session_ended(self, session: Any) -> None:
        """A session, of whatever connection, is over."""
        with self._lock:
            for connection in self._connections:
                if session in connection.sessions:
                    connection.sessions.remove(session)

    def on_rtcp_sender(self, address: str) -> None:
        """A report has come from a sender (SSRC) that was not known, from this IP address and port.

        Those that come by UDP, from whomever, belong to no connection. They cost no more than some 30 MB.
        """
        now = self._clock()
        with self._lock:
            why = None
            culprits = [connection for connection in self._connections if connection.address == address]
            for connection in culprits:
                if not connection.take(bounds.RTCP_SENDERS, now):
                    why = self._cut(connection, bounds.REPORTS_AS_TOO_MANY, now)
        for connection in culprits:
            self._warn(connection.ip, why)

    def on_closed(self, connection: Connection) -> None:
        """The server has ended a connection. May be called again."""
        with self._lock:
            if connection in self._connections:
                self._connections.remove(connection)
                self._addresses.leave(connection.ip)
                # Closing it is not enough: as half of an HTTP tunnel the server would read on, and nobody look at it.
                connection.close()

    def check(self) -> None:
        """Cuts who sends too much or nothing. To be called ten times a second: much can arrive in between."""
        now = self._clock()
        cut = []
        with self._lock:
            for connection in self._connections:
                if connection.is_own:
                    continue
                received = _bytes_received(connection.socket)
                more, connection.received = received - connection.received, received
                address = self._addresses[connection.ip]
                if not connection.take(bounds.BYTES, now, more) or not address.take(bounds.ADDRESS_BYTES, now, more):
                    cut.append((connection.ip, self._cut(connection, bounds.SENDS_TOO_MUCH, now)))
                elif not connection.has_asked and now >= connection.since + bounds.FIRST_REQUEST_SECONDS:
                    cut.append((connection.ip, self._cut(connection, bounds.SENDS_NO_REQUEST, now)))
        for ip, why in cut:
            self._warn(ip, why)

    def forget(self) -> None:
        """Drops what no longer matters. To be called every second or so."""
        now = self._clock()
        with self._lock:
            self._addresses.forget(now)
            for key, at in list(self._logged.items()):
                if now >= at + bounds.REFUSED_SECONDS:
                    del self._logged[key]

    def _cut(self, connection: Connection, why: str, now: float) -> Optional[str]:
        """Returns the reason for the log. None: the connection was cut before."""
        if connection.is_cut:
            return None
        connection.cut()
        if self._addresses[connection.ip].take(bounds.BREACHES, now):
            return why
        return self._refuse(connection, bounds.BREAKS_TOO_MANY_BOUNDS, now)

    def _refuse(self, culprit: Connection, why: str, now: float) -> str:
        """Refuses an address for a while. Who watches from there goes on, except for the culprit."""
        self._addresses[culprit.ip].refused_until = now + bounds.REFUSED_SECONDS
        culprit.cut()
        for connection in self._connections:
            if connection.ip == culprit.ip and not connection.is_own and not connection.sessions:
                connection.cut()
        return why

    def _warn(self, ip: str, why: Optional[str]) -> None:
        """Logs once in a while for each address and reason."""
        if why is None or why == bounds.REFUSED:
            return
        now = self._clock()
        key = ("" if why == bounds.TOO_MANY else ip, why)
        with self._lock:
            is_new = key not in self._logged
            if is_new:
                self._logged[key] = now
            refused_seconds = round(max(0.0, self._addresses[ip].refused_until - now))
        if is_new:
            _log.warning("RTSP client cut off", address=ip, why=why, address_refused_seconds=refused_seconds)


def _bytes_received(connection: socket.socket) -> int:
    """All that has arrived on a connection, read or not. 0: the kernel does not count it."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    except OSError:
        return 0
    return int(_TCP_INFO.unpack(info)[0]) if len(info) == _TCP_INFO.size else 0


def _is_own(peer: Tuple[str, int]) -> bool:
    """Whether the other end of a loopback connection is a socket of this process."""
    for name in os.listdir("/proc/self/fd"):
        try:
            other = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=int(name))
        except OSError:
            continue  # No socket, or closed meanwhile.
        try:
            if other.getsockname() == peer:
                return True
        except OSError:
            pass  # Closed meanwhile.
        finally:
            other.detach()
    return False
