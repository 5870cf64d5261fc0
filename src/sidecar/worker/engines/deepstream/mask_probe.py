"""Blackens a camera's masks in its frames, in system memory in front of the muxer, before anything else sees them.

nvdsosd cannot do it on the GPU: it draws the metadata of a whole batch on the batch's first frame
(gst_nvds_osd_transform_ip() of 9.0 reads the metadata's pools, nvll_osd writes surfaceList[0]). So it works only behind
the tiler or the demultiplexer, where a batch is one frame.
"""

import contextlib
import ctypes
from typing import Any, Callable, Iterator, List

import numpy as np

from sidecar.gst import Gst
from sidecar.log import Log
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.planes import planes, video_info
from sidecar.worker.main_loop import MainLoop

_READ_AND_WRITE = 3

_gst = ctypes.CDLL("libgstreamer-1.0.so.0")


class _MapInfo(ctypes.Structure):
    """GstMapInfo. The bindings before 1.20 copy what it points to."""

    _fields_ = [
        ("memory", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("maxsize", ctypes.c_size_t),
        ("user_data", ctypes.c_void_p * 4),
        ("reserved", ctypes.c_void_p * 4),
    ]


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_gst, name)
    function.restype, function.argtypes = result, arguments
    return function


_peek_memory = _function("gst_buffer_peek_memory", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint)
_map = _function("gst_memory_map", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_MapInfo), ctypes.c_int)
_unmap = _function("gst_memory_unmap", None, ctypes.c_void_p, ctypes.POINTER(_MapInfo))


def add_masks(pad: Gst.Pad, masks: Masks, failed: Callable[[str], None]) -> None:
    """Blackens the masks in every I420 frame that passes a pad, and drops a frame in which that fails.

    failed: called on the loop thread with the reason, for the first such frame.
    """
    failures: List[Exception] = []

    def on_frame(pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        try:
            buffer = info.get_buffer()
            with _mapped(buffer) as data:
                masks.apply(planes(data, buffer, video_info(pad.get_current_caps())))
        except Exception as error:  # whatever it is, nobody sees the frame
            if not failures:
                failures.append(error)
                Log("masks").error("cannot draw masks, dropping the camera's frames", err=str(error))
                MainLoop.post(failed, "its masks cannot be drawn: %s" % error)
            return Gst.PadProbeReturn.DROP
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_frame)


@contextlib.contextmanager
def _mapped(buffer: Gst.Buffer) -> Iterator["np.ndarray"]:
    """The bytes of a buffer, writable. Raises ValueError if others may be reading them.

    Maps the buffer's memory: the buffer itself counts as shared, since Python holds it too.
    """
    if buffer.n_memory() != 1:
        raise ValueError("a frame has %d memories, not one" % buffer.n_memory())
    memory, info = _peek_memory(hash(buffer), 0), _MapInfo()
    if not _map(memory, ctypes.byref(info), _READ_AND_WRITE):
        raise ValueError("a frame is not writable")
    try:
        yield np.ctypeslib.as_array((ctypes.c_uint8 * info.size).from_address(info.data))
    finally:
        _unmap(memory, ctypes.byref(info))
