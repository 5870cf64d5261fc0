"""Frames in buffers: formats, conversion and access to pixels.

A batch is one buffer that holds its frames one after the other; its size tells how many there are. Frames stay in
system memory, although their caps say memory:NVMM.
"""

import contextlib
import ctypes
from typing import Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from sidecar.gst import Gst, GstVideo
from standins import native

NVMM = "memory:NVMM"

_READ, _WRITE = 1, 2  # GST_MAP_READ, GST_MAP_WRITE

# PyGObject makes a class at its first use, which for a moment lacks its functions: so it is not on a streaming thread.
_format_of = GstVideo.VideoFormat.from_string


class RawVideo(NamedTuple):
    """What fixed caps say. framerate is text such as "15/1"."""

    format: str
    width: int
    height: int
    framerate: str = "30/1"

    def info(self) -> GstVideo.VideoInfo:
        """The layout in memory, without padding between frames, and without a frame rate, which converters compare."""
        info = GstVideo.VideoInfo()
        info.set_format(_format_of(self.format), self.width, self.height)
        return info

    def caps(self, feature: Optional[str] = NVMM) -> Gst.Caps:
        return Gst.Caps.from_string(
            "video/x-raw%s, format=%s, width=%d, height=%d, framerate=%s"
            % ("" if feature is None else "(%s)" % feature, self.format, self.width, self.height, self.framerate)
        )


def raw_video(caps: Gst.Caps) -> RawVideo:
    structure = caps.get_structure(0)
    known, numerator, denominator = structure.get_fraction("framerate")
    return RawVideo(
        structure.get_string("format"),
        structure.get_int("width")[1],
        structure.get_int("height")[1],
        "%d/%d" % (numerator, denominator) if known else "0/1",
    )


def split(buffer: Gst.Buffer, size: int) -> List[Gst.Buffer]:
    """The frames of a batch, which share its memory. size: the bytes of one frame."""
    count = buffer.get_size() // size
    if count <= 1:
        return [buffer]
    return [buffer.copy_region(Gst.BufferCopyFlags.MEMORY, index * size, size) for index in range(count)]


def stack(frames: List[Gst.Buffer]) -> Gst.Buffer:
    """A batch of frames, which shares their memory, without metadata or times."""
    batch = Gst.Buffer.new()
    for frame in frames:
        for index in range(frame.n_memory()):
            batch.append_memory(frame.get_memory(index))
    return batch


class Rectangle(NamedTuple):
    """A part of a frame, in pixels."""

    left: int
    top: int
    width: int
    height: int


class Converter:
    """Converts and scales frames to another format, or into a part of a frame."""

    def __init__(
        self,
        source: RawVideo,
        target: RawVideo,
        into: Optional[Rectangle] = None,
        border: bool = True,
        nearest: bool = False,
    ) -> None:
        """into: the part of the target to fill; border: whether the rest of the target is made black. nearest: scales
        by the nearest pixel, otherwise bilinear."""
        self._source = source.info()
        self._target = target.info()
        options = Gst.Structure.new_empty("options")
        methods = GstVideo.VideoResamplerMethod
        options.set_value("GstVideoConverter.resampler-method", methods.NEAREST if nearest else methods.LINEAR)
        # Dithering would make equal frames differ.
        options.set_value("GstVideoConverter.dither-method", GstVideo.VideoDitherMethod.NONE)
        if into is not None:
            for side, value in zip(("x", "y", "width", "height"), into):
                options.set_value("GstVideoConverter.dest-" + side, value)
            options.set_value("GstVideoConverter.fill-border", border)
        self._converter = native.video_converter_new(
            hash(self._source), hash(self._target), native.structure_copy(hash(options))
        )
        if not self._converter:
            raise ValueError("no conversion from %s to %s" % (source, target))

    def __del__(self) -> None:
        if getattr(self, "_converter", None):
            native.video_converter_free(self._converter)

    def convert(self, source: Gst.Buffer, target: Gst.Buffer, index: int = 0) -> None:
        """Writes one frame of a target, which must be writable. index: the frame of the batch."""
        read, written = native.VideoFrame(), native.VideoFrame()
        if not native.video_frame_map(read, hash(self._source), hash(source), _READ):
            raise ValueError("a buffer of %d bytes holds no such frame" % source.get_size())
        if not native.video_frame_map(written, hash(self._target), hash(target), _WRITE):
            native.video_frame_unmap(read)
            raise ValueError("a buffer of %d bytes cannot hold the frame" % target.get_size())
        for plane in range(self._target.finfo.n_planes):
            written.data[plane] += index * self._target.size
        native.video_converter_frame(self._converter, read, written)
        native.video_frame_unmap(written)
        native.video_frame_unmap(read)

    def converted(self, source: Gst.Buffer) -> Gst.Buffer:
        """A new buffer with one frame."""
        target = Gst.Buffer.new_allocate(None, self._target.size, None)
        self.convert(source, target)
        return target


@contextlib.contextmanager
def mapped(buffer: Gst.Buffer, write: bool = False) -> Iterator[np.ndarray]:
    """The bytes of a buffer, valid inside the block. To write, the buffer must be writable."""
    info = native.MapInfo()
    if not native.buffer_map(hash(buffer), ctypes.byref(info), _READ | _WRITE if write else _READ):
        raise ValueError("a buffer of %d bytes cannot be mapped" % buffer.get_size())
    try:
        yield np.ctypeslib.as_array((ctypes.c_uint8 * info.size).from_address(info.data))
    finally:
        native.buffer_unmap(hash(buffer), ctypes.byref(info))


def planes(data: np.ndarray, video: RawVideo, index: int = 0) -> Tuple[np.ndarray, ...]:
    """Views of a frame's planes: RGBA (h, w, 4), RGB and BGR (h, w, 3), NV12 (h, w) and (h/2, w/2, 2), I420 three."""
    info = video.info()
    start = index * info.size
    channels = {"RGBA": (4,), "BGRx": (4,), "RGB": (3,), "BGR": (3,), "GRAY8": (1,), "NV12": (1, 2), "I420": (1, 1, 1)}
    views = []
    for plane, depth in enumerate(channels[video.format]):
        half = 1 if plane == 0 else 2
        rows, columns = -(-video.height // half), -(-video.width // half)
        stride = info.stride[plane]
        begin = start + info.offset[plane]
        view = data[begin : begin + rows * stride].reshape(rows, stride)[:, : columns * depth]
        views.append(view if depth == 1 else view.reshape(rows, columns, depth))
    return tuple(views)
