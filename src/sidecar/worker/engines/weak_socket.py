"""A socket of rtspsrc, seen without keeping it open.

rtspsrc drops its connection without closing it, and GIO then leaves the socket open for as long as anybody else holds
it. The weak references of the bindings are not for this: they fail if another thread drops the socket at the same
moment (PyGObject 3.26 to 3.42). Those of GLib do not.
"""

import contextlib
import ctypes
import os
import socket
import struct
from typing import Iterator, Optional, Tuple

from sidecar.gst import Gio

# linux/tcp.h: tcpi_last_data_recv and tcpi_last_ack_recv, in milliseconds, and tcpi_bytes_received of struct tcp_info,
# from Linux 4.1 on.
_TCP_INFO_SIZE = 136
_AGES = struct.Struct("@II")
_AGES_AT = 52
_BYTES_RECEIVED = struct.Struct("@Q")
_BYTES_RECEIVED_AT = 128

# The kernel asks the host of an idle connection every second whether it is still there, and gives up after a minute.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 60),
)

_gobject = ctypes.CDLL("libgobject-2.0.so.0")
_gobject.g_weak_ref_get.restype = ctypes.c_void_p
_gobject.g_weak_ref_init.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
_gobject.g_object_unref.argtypes = _gobject.g_weak_ref_get.argtypes = _gobject.g_weak_ref_clear.argtypes = (
    ctypes.c_void_p,
)
_gio = ctypes.CDLL("libgio-2.0.so.0")
_gio.g_socket_is_closed.argtypes = _gio.g_socket_get_fd.argtypes = (ctypes.c_void_p,)
_gio.g_socket_shutdown.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


class WeakSocket:
    """May be used on any thread."""

    def __init__(self, connected: Gio.Socket) -> None:
        # A GWeakRef, which is one pointer.
        self._reference = ctypes.c_void_p()
        # The hash of an object is its address.
        _gobject.g_weak_ref_init(ctypes.byref(self._reference), hash(connected))

    def __del__(self) -> None:
        _gobject.g_weak_ref_clear(ctypes.byref(self._reference))

    def bytes_received(self) -> Optional[int]:
        """None: it is closed. 0: it cannot be told."""
        with self._opened() as address:
            return None if address is None else _bytes_received(_gio.g_socket_get_fd(address))

    def keep_alive(self) -> None:
        """From now on ages() tells whether the other host is there."""
        with self._opened() as address, contextlib.suppress(OSError):
            if address is not None:
                with socket.socket(fileno=os.dup(_gio.g_socket_get_fd(address))) as copy:
                    for option in _KEEP_ALIVE:
                        copy.setsockopt(*option)

    def ages(self) -> Optional[Tuple[float, float]]:
        """Seconds since the other host sent data, and since it confirmed anything. None: it is closed, or it cannot be
        told."""
        with self._opened() as address:
            info = b"" if address is None else _tcp_info(_gio.g_socket_get_fd(address))
        if len(info) < _TCP_INFO_SIZE:
            return None
        data, ack = _AGES.unpack_from(info, _AGES_AT)
        return data / 1000.0, ack / 1000.0

    def cut(self) -> None:
        """Whoever reads gets the end of the stream."""
        with self._opened() as address:
            if address is not None:
                _gio.g_socket_shutdown(address, True, True, None)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Optional[int]]:
        """The socket's address, which is valid until the end of the block. None: it is closed."""
        address = _gobject.g_weak_ref_get(ctypes.byref(self._reference))
        if address is None:
            yield None
            return
        try:
            yield None if _gio.g_socket_is_closed(address) else address
        finally:
            _gobject.g_object_unref(address)


def _bytes_received(descriptor: int) -> int:
    info = _tcp_info(descriptor)
    return int(_BYTES_RECEIVED.unpack_from(info, _BYTES_RECEIVED_AT)[0]) if len(info) == _TCP_INFO_SIZE else 0


def _tcp_info(descriptor: int) -> bytes:
    """Shorter if the kernel is older; empty if it is none of TCP."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            return copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    except OSError:
        return b""
