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
from typing import Iterator, Optional

from sidecar.gst import Gio

# linux/tcp.h: tcpi_bytes_received of struct tcp_info, from Linux 4.1 on.
_TCP_INFO_SIZE = 136
_BYTES_RECEIVED = struct.Struct("@Q")
_BYTES_RECEIVED_AT = 128

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
    try:
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        return int(_BYTES_RECEIVED.unpack_from(info, _BYTES_RECEIVED_AT)[0])
    except (OSError, struct.error):
        # The kernel is older.
        return 0
