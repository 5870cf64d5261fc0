"""Attaches batch metadata to buffers.

A custom GstMeta holds the Python object: copies of the buffer keep it, and the object is freed with the last of them.
"""

import ctypes
from typing import Any, Optional

from sidecar.gst import GObject, Gst
from standins import native

_META = b"SlipstreamStandinBatch"
_FIELD = b"batch"


def register() -> None:
    """Registers the metadata with GStreamer. Once in a process, before any buffer has them."""
    Gst.meta_register_custom(_META.decode(), [], None)


def attach(buffer: Gst.Buffer, batch: Any) -> None:
    """Attaches batch metadata to a writable buffer, in place of any that it has."""
    meta = native.buffer_get_custom_meta(hash(buffer), _META)
    if not meta:
        meta = native.buffer_add_custom_meta(hash(buffer), _META)
    value = GObject.Value(GObject.TYPE_PYOBJECT, batch)
    native.structure_set_value(native.custom_meta_get_structure(meta), _FIELD, hash(value))


def find(address: int) -> Optional[Any]:
    """The batch metadata of the buffer at an address, which is hash() of its Python object."""
    meta = native.buffer_get_custom_meta(address, _META)
    if not meta:
        return None
    value = native.structure_get_value(native.custom_meta_get_structure(meta), _FIELD)
    return ctypes.cast(native.g_value_get_boxed(value), ctypes.py_object).value
