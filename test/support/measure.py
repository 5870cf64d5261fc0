"""Measures decoded I420 frames: parts of them, and where a colour is."""

from typing import Dict, NamedTuple

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
import counter  # noqa: E402
from gi.repository import Gst, GstVideo  # noqa: E402

# How far a colour may be changed by an encoder.
_LUMA_TOLERANCE = 30
_CHROMA_TOLERANCE = 14


class Colour(NamedTuple):
    """0 to 255 each."""

    red: int
    green: int
    blue: int


class Planes:
    """The planes of a sample, valid inside the with statement."""

    def __init__(self, sample: Gst.Sample) -> None:
        self._buffer = sample.get_buffer()
        self._info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
        self.width: int = self._info.width
        self.height: int = self._info.height

    def __enter__(self) -> "Planes":
        meta = GstVideo.buffer_get_video_meta(self._buffer)
        strides, offsets = (self._info.stride, self._info.offset) if meta is None else (meta.stride, meta.offset)
        _, self._mapped = self._buffer.map(Gst.MapFlags.READ)
        self.y, self.u, self.v = (
            np.ndarray(
                (self.height, self.width) if index == 0 else ((self.height + 1) // 2, (self.width + 1) // 2),
                np.uint8,
                self._mapped.data,
                offsets[index],
                (strides[index], 1),
            )
            for index in range(3)
        )
        return self

    def __exit__(self, *_: object) -> None:
        del self.y, self.u, self.v
        self._buffer.unmap(self._mapped)

    def describe(self, region: counter.Rectangle) -> Dict[str, float]:
        """The mean and the highest luma of a part of the frame, and its mean chroma."""
        left, top, right, bottom = (
            round(edge) for edge in (region.x, region.y, region.x + region.width, region.y + region.height)
        )
        luma = self.y[top:bottom, left:right]
        half = slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2)
        return {
            "y": round(float(luma.mean()), 1),
            "u": round(float(self.u[half].mean()), 1),
            "v": round(float(self.v[half].mean()), 1),
            "max": int(luma.max()),
        }

    def coloured(self, colour: Colour) -> int:
        """In how many squares of two by two pixels a colour is."""
        # BT.709, limited range.
        red, green, blue = (value / 255 for value in colour)
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        y, u, v = 16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748
        height, width = self.height // 2, self.width // 2
        quarter = self.y[: 2 * height : 2, : 2 * width : 2].astype(np.int16)
        near = np.abs(quarter - round(y)) <= _LUMA_TOLERANCE
        for plane, value in ((self.u, u), (self.v, v)):
            near &= np.abs(plane[:height, :width].astype(np.int16) - round(value)) <= _CHROMA_TOLERANCE
        return int(near.sum())
