"""The few GLib and GStreamer functions that PyGObject does not offer, by ctypes. Addresses are integers."""

import ctypes
from typing import Any

_gobject = ctypes.CDLL("libgobject-2.0.so.0")
_gst = ctypes.CDLL("libgstreamer-1.0.so.0")
_video = ctypes.CDLL("libgstvideo-1.0.so.0")

_ADDRESS = ctypes.c_void_p
_TEXT = ctypes.c_char_p
_INT = ctypes.c_int


class EnumValue(ctypes.Structure):
    _fields_ = [("value", _INT), ("name", _TEXT), ("nick", _TEXT)]


class MapInfo(ctypes.Structure):
    _fields_ = [
        ("memory", _ADDRESS),
        ("flags", _INT),
        ("data", _ADDRESS),
        ("size", ctypes.c_size_t),
        ("maxsize", ctypes.c_size_t),
        ("user_data", _ADDRESS * 4),
        ("reserved", _ADDRESS * 4),
    ]


class VideoFrame(ctypes.Structure):
    # The introspection data lack a union of GstVideoInfo, so that their sizes and offsets are too small.
    _fields_ = [
        ("info", ctypes.c_uint8 * 152),
        ("flags", _INT),
        ("buffer", _ADDRESS),
        ("meta", _ADDRESS),
        ("id", _INT),
        ("data", _ADDRESS * 4),
        ("map", MapInfo * 4),
        ("reserved", _ADDRESS * 4),
    ]


def _function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


g_enum_register_static = _function(
    _gobject, "g_enum_register_static", ctypes.c_size_t, _TEXT, ctypes.POINTER(EnumValue)
)
g_object_ref = _function(_gobject, "g_object_ref", _ADDRESS, _ADDRESS)
g_object_unref = _function(_gobject, "g_object_unref", None, _ADDRESS)
g_object_force_floating = _function(_gobject, "g_object_force_floating", None, _ADDRESS)
g_value_get_boxed = _function(_gobject, "g_value_get_boxed", _ADDRESS, _ADDRESS)

buffer_add_custom_meta = _function(_gst, "gst_buffer_add_custom_meta", _ADDRESS, _ADDRESS, _TEXT)
buffer_get_custom_meta = _function(_gst, "gst_buffer_get_custom_meta", _ADDRESS, _ADDRESS, _TEXT)
custom_meta_get_structure = _function(_gst, "gst_custom_meta_get_structure", _ADDRESS, _ADDRESS)
structure_set_value = _function(_gst, "gst_structure_set_value", None, _ADDRESS, _TEXT, _ADDRESS)
structure_get_value = _function(_gst, "gst_structure_get_value", _ADDRESS, _ADDRESS, _TEXT)
structure_copy = _function(_gst, "gst_structure_copy", _ADDRESS, _ADDRESS)
buffer_map = _function(_gst, "gst_buffer_map", _INT, _ADDRESS, ctypes.POINTER(MapInfo), _INT)
buffer_unmap = _function(_gst, "gst_buffer_unmap", None, _ADDRESS, ctypes.POINTER(MapInfo))

_FRAME = ctypes.POINTER(VideoFrame)
video_converter_new = _function(_video, "gst_video_converter_new", _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS)
video_converter_free = _function(_video, "gst_video_converter_free", None, _ADDRESS)
video_converter_frame = _function(_video, "gst_video_converter_frame", None, _ADDRESS, _FRAME, _FRAME)
video_frame_map = _function(_video, "gst_video_frame_map", _INT, _FRAME, _ADDRESS, _ADDRESS, _INT)
video_frame_unmap = _function(_video, "gst_video_frame_unmap", None, _FRAME)


# GST_NVEVENT_STREAM_RESET of gst-nvevent.h: number 404, downstream, serialized, sticky, sticky-multi.
_STREAM_RESET = 404 << 8 | 2 | 4 | 8 | 16

_structure_new_empty = _function(_gst, "gst_structure_new_empty", _ADDRESS, _TEXT)
_event_new_custom = _function(_gst, "gst_event_new_custom", _ADDRESS, _INT, _ADDRESS)
# PyDLL does not release Python's lock during a call.
_send_event = _function(ctypes.PyDLL("libgstreamer-1.0.so.0"), "gst_element_send_event", _INT, _ADDRESS, _ADDRESS)


def send_stream_reset(element: int, _source: int) -> None:
    """See pyds.gst_element_send_nvevent_new_stream_reset()."""
    _send_event(element, _event_new_custom(_STREAM_RESET, _structure_new_empty(b"nv-stream-reset")))
