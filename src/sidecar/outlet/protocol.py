"""The protocol between worker and outlet: one JSON object a line over RUN_DIR/outlet.sock.

worker to outlet   {"configure": {"port": 8554, "users": [{"username": "eve", "password": "..."}], "mounts":
                       [{"path": "/ds", "codec": "H264", "width": W, "height": H, "title": "Front door"}]},
                    "rtp_from": N}
                   {"users": {"users": [{"username": "eve", "password": "..."}]}}
                   {"text": {"mounts": {"/ds": "no signal since 12:03:11, next try in 4 s"}}}
                   {"hold": {"mounts": {"/ds": true}}}
outlet to worker   {"configured": {"mounts": {"/ds": {"rtp_port": N}}}}
                   {"failed": {"reason": "PORT_IN_USE" or "INTERNAL", "detail": "one line"}}
                   {"status": {"mounts": {"/ds": {"frames": N, "viewers": N, "served": true or false}}}}

A configuration is answered by "configured", or by "failed" and, as soon as the outlet succeeds, "configured". Then the
worker sends each mount's RTP (payload type 96) to 127.0.0.1 at the mount's rtp_port, beginning with a key frame, from
its own port "rtp_from" on 127.0.0.1. The outlet takes RTP from nowhere else, and none after the connection has ended.
Before the worker begins another RTP stream it configures again: that lets the outlet take the new stream at once.

Only users may watch; without users everybody may. "users" changes them and nothing else.

While a mount gets no frames its viewers see a standby picture. "text" sets its text for each mount that it names; ""
leaves the text to the outlet. "hold" says for each mount that it names whether its last frame is still current, since
its cameras send rarely: then viewers keep that frame. Both apply until the next one, and no longer than the connection.
"""

from typing import Any, Dict, Iterable, NamedTuple, Tuple

SOCKET_NAME = "outlet.sock"
RTP_PAYLOAD_TYPE = 96
# The worker's payloader may fill datagrams up to this size (its mtu property): loopback does not mind, and a key frame
# in a few large datagrams costs less and fits the socket's buffer better than in hundreds of small ones.
RTP_LARGEST_PACKET = 60000

CODECS = ("H264", "H265")
PORT_IN_USE = "PORT_IN_USE"
INTERNAL = "INTERNAL"


class ProtocolError(Exception):
    """A message is not what the protocol says. The text names the place and the value."""


class Mount(NamedTuple):
    """One stream: its path on the RTSP server and its format. Size in pixels."""

    path: str
    codec: str
    width: int
    height: int
    # Its name on the standby picture, may be empty.
    title: str = ""

    def is_same_stream(self, other: "Mount") -> bool:
        """Whether viewers of one can go on watching the other."""
        return self._replace(title="") == other._replace(title="")


class User(NamedTuple):
    """Somebody who may watch. The password is never shown."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "User(%r, ***)" % self.username


class Configuration(NamedTuple):
    """Everything the outlet serves, and to whom."""

    port: int
    mounts: Tuple[Mount, ...]
    # Empty: everybody may watch.
    users: Tuple[User, ...] = ()


class MountStatus(NamedTuple):
    """What is known of one mount."""

    # Frames that arrived from the worker since this outlet began to serve the mount.
    frames: int
    # Clients that play it now, without the outlet's own.
    viewers: int
    # A client, at least the outlet's own, has received a frame of the current stream from the server.
    served: bool


class Failure(NamedTuple):
    """Why the outlet cannot apply its configuration. It tries again by itself."""

    reason: str
    detail: str


def configure_message(configuration: Configuration, rtp_from: int) -> Dict[str, Any]:
    return {"configure": configure_body(configuration), "rtp_from": rtp_from}


def configure_body(configuration: Configuration) -> Dict[str, Any]:
    mounts = [dict(mount._asdict()) for mount in configuration.mounts]
    return {"port": configuration.port, "mounts": mounts, **_users_body(configuration.users)}


def users_message(users: Iterable[User]) -> Dict[str, Any]:
    return {"users": _users_body(users)}


def _users_body(users: Iterable[User]) -> Dict[str, Any]:
    return {"users": [dict(user._asdict()) for user in users]}


def text_message(texts: Dict[str, str]) -> Dict[str, Any]:
    return {"text": {"mounts": texts}}


def hold_message(holds: Dict[str, bool]) -> Dict[str, Any]:
    return {"hold": {"mounts": holds}}


def configured_message(rtp_ports: Dict[str, int]) -> Dict[str, Any]:
    return {"configured": {"mounts": {path: {"rtp_port": port} for path, port in rtp_ports.items()}}}


def failed_message(failure: Failure) -> Dict[str, Any]:
    return {"failed": dict(failure._asdict())}


def status_message(statuses: Dict[str, MountStatus]) -> Dict[str, Any]:
    return {"status": {"mounts": {path: dict(status._asdict()) for path, status in statuses.items()}}}


def parse_configuration(body: Any) -> Configuration:
    """The body of "configure". Raises ProtocolError."""
    port = _field(body, "port", int)
    if not 1 <= port <= 65535:
        raise ProtocolError("port: %d is not a TCP port; 1 to 65535" % port)
    mounts = tuple(_parse_mount(mount) for mount in _field(body, "mounts", list))
    paths = [mount.path for mount in mounts]
    for path in paths:
        if paths.count(path) > 1:
            raise ProtocolError("path: %s is used twice" % path)
    return Configuration(port, mounts, parse_users(body))


def parse_users(body: Any) -> Tuple[User, ...]:
    """The users of "configure" and "users". Raises ProtocolError, which shows no value."""
    users = body.get("users") if isinstance(body, dict) else None
    if not isinstance(users, list):
        raise ProtocolError("users: not a list")
    for user in users:
        if not isinstance(user, dict) or not all(isinstance(user.get(name), str) for name in User._fields):
            raise ProtocolError("users: not all have a username and a password")
    return tuple(User(user["username"], user["password"]) for user in users)


def _parse_mount(body: Any) -> Mount:
    mount = Mount(
        path=_field(body, "path", str),
        codec=_field(body, "codec", str),
        width=_field(body, "width", int),
        height=_field(body, "height", int),
        title=_field(body, "title", str),
    )
    if not mount.path.startswith("/"):
        raise ProtocolError("path: %r does not begin with a slash" % mount.path)
    if mount.codec not in CODECS:
        raise ProtocolError("codec: %r is not one of %s" % (mount.codec, ", ".join(CODECS)))
    if mount.width < 1 or mount.height < 1:
        raise ProtocolError("size: %dx%d is no size of a stream" % (mount.width, mount.height))
    return mount


def parse_rtp_from(message: Dict[str, Any]) -> int:
    """The port of the worker in its message "configure". Raises ProtocolError."""
    port: int = _field(message, "rtp_from", int)
    if not 0 < port < 65536:
        raise ProtocolError("rtp_from: %d is not a UDP port" % port)
    return port


def parse_texts(body: Any) -> Dict[str, str]:
    """The body of "text". Raises ProtocolError."""
    mounts = _field(body, "mounts", dict)
    return {path: _field(mounts, path, str) for path in mounts}


def parse_holds(body: Any) -> Dict[str, bool]:
    """The body of "hold". Raises ProtocolError."""
    mounts = _field(body, "mounts", dict)
    return {path: _field(mounts, path, bool) for path in mounts}


def parse_rtp_ports(body: Any) -> Dict[str, int]:
    """The body of "configured". Raises ProtocolError."""
    mounts = _field(body, "mounts", dict)
    return {path: _field(mount, "rtp_port", int) for path, mount in mounts.items()}


def parse_failure(body: Any) -> Failure:
    """The body of "failed". Raises ProtocolError."""
    return Failure(_field(body, "reason", str), _field(body, "detail", str))


def parse_statuses(body: Any) -> Dict[str, MountStatus]:
    """The body of "status". Raises ProtocolError."""
    return {
        path: MountStatus(_field(mount, "frames", int), _field(mount, "viewers", int), _field(mount, "served", bool))
        for path, mount in _field(body, "mounts", dict).items()
    }


def _field(body: Any, name: str, kind: type) -> Any:
    value = body.get(name) if isinstance(body, dict) else None
    # bool is an int to Python, and not to us.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ProtocolError("%s: %r is not of type %s" % (name, value, kind.__name__))
    return value
