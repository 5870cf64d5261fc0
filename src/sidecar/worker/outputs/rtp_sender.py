"""The UDP socket from which all RTP of this process leaves. The outlet takes RTP from its port alone: other local users
can send to the outlet's ports too.
"""

import socket
from functools import lru_cache

from sidecar.gst import Gio


@lru_cache(maxsize=1)
def _socket() -> socket.socket:
    """Its port is nobody else's for as long as this process lives: it was bound without SO_REUSEADDR."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    return bound


def sender_port() -> int:
    """The port, on 127.0.0.1."""
    return int(_socket().getsockname()[1])


def sender_socket() -> Gio.Socket:
    """The socket, for a udpsink, which closes what it gets."""
    return Gio.Socket.new_from_fd(_socket().dup().detach())
