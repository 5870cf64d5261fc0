"""Where a frame lies in the network's input, and how boxes are mapped back to the frame."""

from typing import NamedTuple

import numpy as np


class Geometry(NamedTuple):
    """The frame fills a rectangle of the input, at left, top, of width x height pixels."""

    left: int
    top: int
    width: int
    height: int
    frame_width: int
    frame_height: int

    def to_frame(self, boxes: "np.ndarray") -> "np.ndarray":
        """Maps boxes (left, top, right, bottom), one in each row, to pixels of the frame, and clips them to it."""
        x = (boxes[:, 0::2] - self.left) * (self.frame_width / self.width)
        y = (boxes[:, 1::2] - self.top) * (self.frame_height / self.height)
        mapped = np.empty_like(boxes)
        np.clip(x, 0, self.frame_width, out=mapped[:, 0::2])
        np.clip(y, 0, self.frame_height, out=mapped[:, 1::2])
        return mapped


def place(frame_width: int, frame_height: int, width: int, height: int, keep_shape: bool, centred: bool) -> Geometry:
    """Places a frame in an input of width x height pixels as nvinfer does: lengths are cut to whole pixels."""
    if not keep_shape:
        return Geometry(0, 0, width, height, frame_width, frame_height)
    inner_width, inner_height = width, width * frame_height // frame_width
    if inner_height > height:
        inner_width, inner_height = height * frame_width // frame_height, height
    inner_width, inner_height = max(1, inner_width), max(1, inner_height)
    left = (width - inner_width) // 2 if centred else 0
    top = (height - inner_height) // 2 if centred else 0
    return Geometry(left, top, inner_width, inner_height, frame_width, frame_height)
