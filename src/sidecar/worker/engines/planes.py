"""The planes of an I420 buffer as numpy arrays."""

from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional

import numpy as np

from sidecar.gst import Gst, GstVideo
from sidecar.worker.inference.frame import BT601, BT709, I420Frame


def video_info(caps: Gst.Caps) -> Any:
    """The GstVideo.VideoInfo of fixed caps."""
    if hasattr(GstVideo.VideoInfo, "new_from_caps"):
        return GstVideo.VideoInfo.new_from_caps(caps)
    # GStreamer's form before 1.20.
    info = GstVideo.VideoInfo.new()
    info.from_caps(caps)
    return info


def planes(data: Any, buffer: Gst.Buffer, info: Any) -> I420Frame:
    """Views, without a copy. data: the mapped memory of the buffer. The frame is valid while that is mapped, and as
    writable as the mapping."""
    meta = GstVideo.buffer_get_video_meta(buffer)
    strides, offsets = (info.stride, info.offset) if meta is None else (meta.stride, meta.offset)

    def plane(index: int, width: int, height: int) -> "np.ndarray":
        return np.ndarray((height, width), np.uint8, data, offsets[index], (strides[index], 1))

    half_width, half_height = (info.width + 1) // 2, (info.height + 1) // 2
    return I420Frame(
        y=plane(0, info.width, info.height),
        u=plane(1, half_width, half_height),
        v=plane(2, half_width, half_height),
        width=info.width,
        height=info.height,
        matrix=BT709 if info.colorimetry.matrix == GstVideo.VideoColorMatrix.BT709 else BT601,
        # The name of the constant, 0_255, is no Python identifier.
        full_range=int(info.colorimetry.range) == 1,
    )


class FrameMapping:
    """Maps a buffer when its frame is first asked for, and unmaps it at the end of a with block."""

    def __init__(self, buffer: Gst.Buffer, info: Any) -> None:
        self._buffer = buffer
        self._info = info
        self._mapped: Any = None
        self._frame: Optional[I420Frame] = None

    def __enter__(self) -> "FrameMapping":
        return self

    def __exit__(self, *_: object) -> None:
        if self._mapped is not None:
            self._frame = None
            self._buffer.unmap(self._mapped)
            self._mapped = None

    def frame(self) -> I420Frame:
        """The frame, valid and readable in the with block."""
        if self._frame is None:
            ok, mapped = self._buffer.map(Gst.MapFlags.READ)
            assert ok, "a decoded frame lies in memory that can be read"
            self._mapped = mapped
            self._frame = planes(self._mapped.data, self._buffer, self._info)
        return self._frame


@contextmanager
def mapped_frame(buffer: Gst.Buffer, info: Any) -> Iterator[I420Frame]:
    """The frame in a buffer, valid and readable in the with block."""
    with FrameMapping(buffer, info) as mapping:
        yield mapping.frame()


def edited_copy(buffer: Gst.Buffer, info: Any, edit: Callable[[I420Frame], None]) -> Gst.Buffer:
    """A copy of a buffer, on whose frame edit has painted."""
    copy = buffer.copy_deep()
    ok, mapped = copy.map(Gst.MapFlags.READ | Gst.MapFlags.WRITE)
    assert ok, "a buffer of our own can be written to"
    try:
        edit(planes(mapped.data, copy, info))
    finally:
        copy.unmap(mapped)
    return copy
