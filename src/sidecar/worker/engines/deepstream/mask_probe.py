"""A camera's masks, burnt into its frames in system memory in front of the muxer: before nvinfer or anybody sees them.

nvdsosd would be the GPU's way and is none: it draws what stands in a whole batch on the batch's first picture
(gst_nvds_osd_transform_ip() of 9.0 reads the metadata's pools, nvll_osd writes surfaceList[0]), so that it serves
behind the tiler or the demultiplexer, where a batch is one picture.
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
    """GstMapInfo. The bindings before 1.20 give a copy of what it points to."""

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
    """Blackens the masks in every I420 frame that passes a pad. A frame on which that cannot be done does not pass.

    failed: called on the loop thread with why, at the first such frame.
    """
    told: List[Exception] = []

    def on_frame(pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        try:
            buffer = info.get_buffer()
            with _mapped(buffer) as data:
                masks.apply(planes(data, buffer, video_info(pad.get_current_caps())))
        except Exception as error:  # whatever it is: nothing of the frame is seen
            if not told:
                told.append(error)
                Log("masks").error("masks cannot be drawn: the camera is not shown", err=str(error))
                MainLoop.post(failed, "its masks cannot be drawn: %s" % error)
            return Gst.PadProbeReturn.DROP
        return Gst.PadProbeReturn.OK

    pad.add_probe(Gst.PadProbeType.BUFFER, on_frame)


@contextlib.contextmanager
def _mapped(buffer: Gst.Buffer) -> Iterator["np.ndarray"]:
    """The bytes of a buffer, to be written to. Raises ValueError for one that others may be reading.

    By its memory: the buffer itself counts as shared while Python holds it too.
    """
    if buffer.n_memory() != 1:
        raise ValueError("a frame in %d pieces" % buffer.n_memory())
    memory, info = _peek_memory(hash(buffer), 0), _MapInfo()
    if not _map(memory, ctypes.byref(info), _READ_AND_WRITE):
        raise ValueError("a frame that cannot be written to")
    try:
        yield np.ctypeslib.as_array((ctypes.c_uint8 * info.size).from_address(info.data))
    finally:
        _unmap(memory, ctypes.byref(info))
