"""The RTSP server: its port, its mounts and its viewers."""

import errno
import resource
import socket
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from sidecar.gst import Gio, GLib, GstRtsp, GstRtspServer
from sidecar.log import Log
from sidecar.outlet import bounds
from sidecar.outlet.access import Access
from sidecar.outlet.connection_guard import Connection, ConnectionGuard
from sidecar.outlet.listener import Listener
from sidecar.outlet.media import MountFactory
from sidecar.outlet.protocol import INTERNAL, PORT_IN_USE, Failure, User
from sidecar.timer import every, soon

# Threads that serve clients. A slow client delays only those of its thread.
_CLIENT_THREADS = 4
# A TCP client that takes nothing for this long is gone, or does not read: the kernel closes the connection.
_STUCK_MS = 10000
# What waits to be accepted.
_BACKLOG = 128
# A client's requests are small. Through so small a buffer even a local client sends no more than some 50 MB a second,
# and no more than 5 MB between two checks.
_RECEIVE_BUFFER_BYTES = 4096
_CHECK_MS = 100
# A connection has two: the server's, and the guard's. All together leave half of the descriptors to everything else.
_DESCRIPTOR_SHARE = 4

_log = Log("outlet")


class PortError(Exception):
    """The server cannot listen."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.detail)


class Server:
    """An RTSP server on one port of every interface. Methods are called on the main-loop thread."""

    def __init__(self, on_change: Callable[[], None], own_login: User) -> None:
        """on_change is called on a server thread when viewers may have come or gone.

        own_login: the outlet's own clients may always watch with it. They are not counted as viewers.
        """
        self._on_change = on_change
        self._access = Access(own_login, self._on_request, self._on_failed_login)
        self._most_connections = min(bounds.MOST_CONNECTIONS, _descriptors() // _DESCRIPTOR_SHARE)
        self._guard = ConnectionGuard(self._most_connections)
        # What is being handed to the server.
        self._accepted: Optional[Connection] = None
        # By client of the server's.
        self._connections: Dict[Any, Connection] = {}
        # Clients to which nothing was sent at the last check.
        self._starved: Set[Any] = set()
        self._mount_points = GstRtspServer.RTSPMountPoints()
        self._server: Optional[Any] = None
        self._listener: Optional[Listener] = None
        every(_CHECK_MS, self._guard.check, GLib.PRIORITY_HIGH)
        self.port: Optional[int] = None

    def listen(self, port: int) -> None:
        """Moves to a port, unless it is there already. Viewers of another port are disconnected. Raises PortError."""
        if port == self.port:
            return
        self.close()
        try:
            listening = _listen(port)
        except OSError as error:
            raise PortError(_failure(port, error)) from error
        server = GstRtspServer.RTSPServer()
        server.set_mount_points(self._mount_points)
        server.set_auth(self._access.auth)
        server.get_thread_pool().set_max_threads(_CLIENT_THREADS)
        sessions = server.get_session_pool()
        sessions.set_max_sessions(self._most_connections * bounds.MOST_SESSIONS_PER_CONNECTION)
        sessions.connect("session-removed", lambda _, session: self._guard.on_session_ended(session))
        server.connect("client-connected", self._on_client)
        # The server's own listening could not be bounded.
        self._server, self._listener, self.port = server, Listener(listening, self._on_connection), port

    def close(self) -> None:
        """Stops listening and disconnects every viewer. The mounts are kept for the next port."""
        if self._listener is None:
            return
        self._listener.close()
        self._disconnect(lambda _: True)
        self._server = self._listener = self.port = None

    def set_users(self, users: Iterable[User]) -> None:
        """From now on these may watch; none: everybody. Those who already watch stay."""
        self._access.set_users(users)

    def add(self, path: str, factory: MountFactory) -> None:
        """Serves a mount."""
        factory.connect("media-configure", lambda _, media: media.connect("prepared", self._on_prepared))
        self._mount_points.add_factory(path, factory)

    def remove(self, path: str) -> None:
        """Stops serving a mount, and disconnects its viewers."""
        self._mount_points.remove_factory(path)

        self._disconnect(lambda client: any(_is_of(media, path) for media in _medias(client)))

    def drop_lost_viewers(self) -> None:
        """Ends sessions that have timed out, and disconnects clients to which the server no longer sends.

        To be called every second or so.
        """
        self._guard.forget()
        if self._server is None:
            return
        self._server.get_session_pool().cleanup()
        # To a client that reads too slowly GStreamer sends nothing more once ten seconds are queued, without a signal.
        # Checked twice, because a client that pauses looks the same for a moment.
        left_out = {client for client in self._server.client_filter(None) if any(map(_is_starved, _medias(client)))}
        lost = left_out & self._starved
        self._starved = left_out - lost
        if lost:
            _log.warning("slow viewers disconnected", viewers=len(lost))
            self._disconnect(lost.__contains__)

    def viewers(self, paths: Iterable[str]) -> Dict[str, int]:
        """How many clients play each of these mounts now."""
        counts = dict.fromkeys(paths, 0)
        for client in self._server.client_filter(None) if self._server is not None else ():
            connection = self._connections.get(client)
            if connection is None or connection.is_own:
                continue
            for media in _medias(client):
                if media.get_rtsp_state() == GstRtsp.RTSPState.PLAYING:
                    for path in counts:
                        counts[path] += _is_of(media, path)
        return counts

    def _disconnect(self, is_meant: Callable[[Any], bool]) -> None:
        results = GstRtspServer.RTSPFilterResult
        if self._server is not None:
            self._server.client_filter(lambda _, client: results.REMOVE if is_meant(client) else results.KEEP)

    def _on_connection(self, accepted: socket.socket, peer: Tuple[str, int]) -> None:
        self._accepted = self._guard.admit(accepted, peer)
        if self._accepted is not None and self._server is not None:
            try:
                handed_over = Gio.Socket.new_from_fd(accepted.dup().detach())
                is_served = self._server.transfer_connection(handed_over, peer[0], peer[1], None)
            except (OSError, GLib.Error):
                is_served = False  # No descriptors left, or the client is gone again.
            if not is_served:
                self._guard.on_closed(self._accepted)

    def _on_client(self, _server: Any, client: Any) -> None:
        """The server has made a client for the connection that is being handed over."""
        connection = self._accepted
        assert connection is not None, "it is set before a connection is handed over"
        self._connections[client] = connection
        limit_body(client.get_connection())
        client.connect("new-session", lambda _, session: self._guard.on_session(connection, session))
        for signal in ("play-request", "pause-request", "teardown-request"):
            client.connect(signal, lambda *_: self._on_change())
        client.connect("closed", self._on_closed)

    def _on_request(self, client: Any) -> None:
        connection = self._connections.get(client)
        # It may have been disconnected by the main-loop thread just now.
        if connection is not None:
            self._guard.on_request(connection)

    def _on_failed_login(self, client: Any) -> None:
        connection = self._connections.get(client)
        if connection is not None:
            self._guard.on_failed_login(connection)

    def _on_closed(self, client: Any) -> None:
        connection = self._connections.pop(client)
        self._guard.on_closed(connection)
        # They would stay for another minute, without a media, and count.
        sessions = list(connection.sessions)
        soon(lambda: self._end_sessions(sessions))
        self._on_change()

    def _end_sessions(self, sessions: List[Any]) -> None:
        if self._server is not None:
            for session in sessions:
                self._server.get_session_pool().remove(session)

    def _on_prepared(self, media: Any) -> None:
        rtp_session = media.get_stream(0).get_rtpsession()
        rtp_session.connect("on-new-ssrc", self._on_rtcp_sender)

    def _on_rtcp_sender(self, _session: Any, sender: Any) -> None:
        address = sender.get_property("stats").get_string("rtcp-from")
        if address is not None:
            self._guard.on_rtcp_sender(address)


def limit_body(connection: Any) -> None:
    """Refuses long bodies by their announcement. GStreamer 1.14 cannot; what is received is bounded in any case."""
    if hasattr(connection, "set_content_length_limit"):
        connection.set_content_length_limit(bounds.LARGEST_BODY)


def _medias(client: Any) -> Iterator[Any]:
    for session in client.session_filter(None):
        yield from session.filter(None)


def _is_of(session_media: Any, path: str) -> bool:
    """Whether a client's media is the one of a mount. The media of /ds "matches" /ds/front too, up to the slash."""
    matches, length = session_media.matches(path)
    return bool(matches) and length == len(path)


def _is_starved(session_media: Any) -> bool:
    """Whether a client plays a media, and the media does not send to it."""
    if session_media.get_rtsp_state() != GstRtsp.RTSPState.PLAYING:
        return False
    stream = session_media.get_media().get_stream(0)
    return session_media.get_transport(0) not in stream.transport_filter(None)


def _descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _listen(port: int) -> socket.socket:
    """Raises OSError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A replaced outlet does not wait for the connections of the one before.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What follows is for the connections that will be accepted. A frame is several writes: with Nagle's algorithm
        # the last one waits for the client's delayed acknowledgement, 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_MS)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        listening.bind(("", port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _failure(port: int, error: OSError) -> Failure:
    if error.errno == errno.EADDRINUSE:
        detail = "RTSP port %d is in use by another program: end that program or choose another port" % port
        return Failure(PORT_IN_USE, detail)
    return Failure(INTERNAL, "cannot listen on RTSP port %d: %s" % (port, error.strerror))
