"""Shows each answer of a camera before rtspsrc acts on it. rtspsrc has no signal for that, but asks the extensions of
GStreamer's RTSP library, which are elements that it makes for itself.
"""

import ctypes
import functools
from typing import Any, Callable, Optional

from sidecar.chain import ChainError, make
from sidecar.gst import GObject, Gst, GstRtsp

# Gets an answer (GstRtsp.RTSPMessage), which it may change, on a thread of rtspsrc.
OnAnswer = Callable[[Any], None]

# For the rtspsrc that is being made. None: there is none, or its extension has it.
_waiting: Optional[OnAnswer] = None


def make_rtspsrc(on_answer: OnAnswer, **properties: Any) -> Gst.Element:
    """Raises ChainError, also if the answers could not be seen. Called on the loop thread.

    on_answer: must not hold the rtspsrc, which would keep itself alive for ever.
    """
    global _waiting
    register_extension()
    _waiting = on_answer
    source = make("rtspsrc", None, **properties)
    if _waiting is not None:
        raise ChainError("rtspsrc", "it was used in this process before its answers could be watched")
    return source


@functools.lru_cache(maxsize=None)
def register_extension() -> None:
    """Once in a process, after Gst.init() and before the first rtspsrc, which looks for extensions only then."""

    class AnswerWatch(Gst.Element, GstRtsp.RTSPExtension):  # type: ignore[misc] # gi has no types
        __gstmetadata__ = ("Answer watch", "Network/Extension/Protocol", "Shows the answers of cameras", "Slipstream")

        def __init__(self) -> None:
            global _waiting
            super().__init__()
            self._on_answer, _waiting = _waiting, None
            _give_to_the_library(self)

        def do_after_send(self, _request: Any, answer: Any) -> GstRtsp.RTSPResult:
            if self._on_answer is not None:
                self._on_answer(answer)
            return GstRtsp.RTSPResult.OK

    Gst.Element.register(None, "slipstreamanswerwatch", Gst.Rank.PRIMARY, AnswerWatch)


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
