"""The RTSP server: its port, its mounts and its viewers."""

import socket
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Set

from sidecar.gst import Gio, GLib, GstRtsp, GstRtspServer
from sidecar.log import Log
from sidecar.outlet.access import Access, LoopbackIdentity
from sidecar.outlet.media import MountFactory
from sidecar.outlet.protocol import INTERNAL, PORT_IN_USE, Failure, User

# Threads that serve clients. A slow client delays only those of its thread.
_CLIENT_THREADS = 4
# A TCP client that takes nothing for this long is gone, or does not read: the kernel closes the connection.
_STUCK_MS = 10000


_log = Log("outlet")


class PortError(Exception):
    """The server cannot listen."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.detail)


class Server:
    """An RTSP server on one port of every interface. Methods are called on the main-loop thread."""

    def __init__(self, on_change: Callable[[], None], identity: LoopbackIdentity) -> None:
        """on_change is called on a server thread when viewers may have come or gone.

        identity: the outlet's own clients, which may always watch and are not counted as viewers.
        """
        self._on_change = on_change
        self._own_user_agent = identity.user_agent
        self._access = Access(identity.login)
        self._own_clients: Set[Any] = set()
        # Clients to which nothing was sent at the last check.
        self._starved: Set[Any] = set()
        self._mount_points = GstRtspServer.RTSPMountPoints()
        self._server: Optional[Any] = None
        self._listening: Optional[Any] = None
        self.port: Optional[int] = None

    def listen(self, port: int) -> None:
        """Moves to a port, unless it is there already. Viewers of another port are disconnected. Raises PortError."""
        if port == self.port:
            return
        self.close()
        server = GstRtspServer.RTSPServer()
        server.set_service(str(port))
        server.set_mount_points(self._mount_points)
        server.set_auth(self._access.auth)
        server.get_thread_pool().set_max_threads(_CLIENT_THREADS)
        server.connect("client-connected", self._on_client)
        try:
            # Listens with SO_REUSEADDR: a replaced outlet does not wait for the connections of the one before.
            listening = server.create_source(None)
        except GLib.Error as error:
            raise PortError(_failure(port, error)) from error
        listening.attach(None)
        self._server, self._listening, self.port = server, listening, port

    def close(self) -> None:
        """Stops listening and disconnects every viewer. The mounts are kept for the next port."""
        if self._server is None or self._listening is None:
            return
        self._listening.destroy()
        self._disconnect(lambda _: True)
        self._server = self._listening = self.port = None

    def set_users(self, users: Iterable[User]) -> None:
        """From now on these may watch; none: everybody. Those who already watch stay."""
        self._access.set_users(users)

    def add(self, path: str, factory: MountFactory) -> None:
        """Serves a mount."""
        self._mount_points.add_factory(path, factory)

    def remove(self, path: str) -> None:
        """Stops serving a mount, and disconnects its viewers."""
        self._mount_points.remove_factory(path)

        self._disconnect(lambda client: any(_is_of(media, path) for media in _medias(client)))

    def drop_lost_viewers(self) -> None:
        """Ends sessions that have timed out, and disconnects clients to which the server no longer sends.

        To be called every second or so.
        """
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
            if client in self._own_clients:
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

    def _on_client(self, _server: Any, client: Any) -> None:
        # A frame is several writes: with Nagle's algorithm the last one waits for the client's delayed acknowledgement,
        # 40 ms.
        connection = client.get_connection().get_write_socket()
        connection.set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.set_option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_MS)
        client.connect("options-request", self._on_options)
        for signal in ("play-request", "pause-request", "teardown-request"):
            client.connect(signal, lambda *_: self._on_change())
        client.connect("closed", self._on_closed)

    def _on_options(self, client: Any, context: Any) -> None:
        # The outlet's own client begins with this request.
        _, agent = context.request.get_header(GstRtsp.RTSPHeaderField.USER_AGENT, 0)
        if agent == self._own_user_agent:
            self._own_clients.add(client)

    def _on_closed(self, client: Any) -> None:
        self._own_clients.discard(client)
        self._on_change()


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


def _failure(port: int, error: GLib.Error) -> Failure:
    if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.ADDRESS_IN_USE):
        detail = "RTSP port %d is in use by another program: end that program or choose another port" % port
        return Failure(PORT_IN_USE, detail)
    return Failure(INTERNAL, "cannot listen on RTSP port %d: %s" % (port, error.message))
