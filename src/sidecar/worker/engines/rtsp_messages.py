"""Shows each request before rtspsrc sends it, and each answer before rtspsrc acts on it. rtspsrc has no signal for
answers, but asks the extensions of GStreamer's RTSP library, which are elements that it makes for itself.
"""

import ctypes
import functools
from typing import Any, Callable, NamedTuple, Optional, Tuple

from sidecar.chain import ChainError, make
from sidecar.gst import GObject, Gst, GstRtsp


class MessageWatch(NamedTuple):
    """Gets messages (GstRtsp.RTSPMessage), which it may change, on a thread of rtspsrc."""

    on_request: Callable[[Any], None]
    # With the request.
    on_answer: Callable[[Any, Any], None]


# For the rtspsrc that is being made. None: there is none, or its extension has it.
_waiting: Optional[MessageWatch] = None


def make_rtspsrc(watch: MessageWatch, **properties: Any) -> Gst.Element:
    """Raises ChainError, also if the messages could not be seen. Called on the loop thread.

    watch: must not hold the rtspsrc, which would keep itself alive for ever.
    """
    global _waiting
    register_extension()
    _waiting = watch
    source = make("rtspsrc", None, **properties)
    if _waiting is not None:
        raise ChainError("rtspsrc", "it was used in this process before its messages could be watched")
    return source


@functools.lru_cache(maxsize=None)
def register_extension() -> None:
    """Once in a process, after Gst.init() and before the first rtspsrc, which looks for extensions only then."""

    class Extension(Gst.Element, GstRtsp.RTSPExtension):  # type: ignore[misc] # gi has no types
        __gstmetadata__ = (
            "Message watch",
            "Network/Extension/Protocol",
            "Shows rtspsrc's messages",
            "Slipstream",
        )

        def __init__(self) -> None:
            global _waiting
            super().__init__()
            self._watch, _waiting = _waiting, None
            _give_to_the_library(self)

        def do_before_send(self, request: Any) -> GstRtsp.RTSPResult:
            if self._watch is not None:
                self._watch.on_request(request)
            return GstRtsp.RTSPResult.OK

        def do_after_send(self, request: Any, answer: Any) -> GstRtsp.RTSPResult:
            if self._watch is not None:
                self._watch.on_answer(request, answer)
            return GstRtsp.RTSPResult.OK

    Gst.Element.register(None, "slipstreammessagewatch", Gst.Rank.PRIMARY, Extension)


_gobject = ctypes.CDLL("libgobject-2.0.so.0")
_gobject.g_object_ref.restype = ctypes.c_void_p
_gobject.g_object_ref.argtypes = _gobject.g_object_force_floating.argtypes = (ctypes.c_void_p,)


def _give_to_the_library(element: Gst.Element) -> None:
    """Whoever has a factory make an element expects a floating reference, which the bindings have taken for themselves
    (PyGObject 3.26 to 3.42)."""
    _gobject.g_object_ref(hash(element))
    _gobject.g_object_force_floating(hash(element))
    # The bindings keep what was made outside Python alive until it is handed to Python for the first time.
    GObject.Value(Gst.Element, element).get_value()


# The bindings cannot change a message's parts, and free them twice when they are read (PyGObject 3.26 with GStreamer
# 1.14).
rtsp_library = ctypes.CDLL("libgstrtsp-1.0.so.0")


def method_and_uri(request: Any) -> Tuple[int, bytes]:
    method, uri = ctypes.c_int(), ctypes.c_char_p()
    rtsp_library.gst_rtsp_message_parse_request(pointer_to(request), ctypes.byref(method), ctypes.byref(uri), None)
    return method.value, uri.value or b""


def status_of(answer: Any) -> int:
    status = ctypes.c_int()
    rtsp_library.gst_rtsp_message_parse_response(pointer_to(answer), ctypes.byref(status), None, None)
    return status.value


def pointer_to(message: Any) -> ctypes.c_void_p:
    """The bindings' hash of a message is its address."""
    return ctypes.c_void_p(hash(message))
