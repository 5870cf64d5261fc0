"""Pre-processing: from an I420 frame to the network's input tensor.

The planes are resampled first, and colours are converted at the network's size: a third of the work at 1280x720.
"""

from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from sidecar.worker.inference.frame import BT601, BT709, I420Frame
from sidecar.worker.inference.geometry import Geometry, place
from sidecar.worker.inference.nvinfer_config import NvinferConfig
from sidecar.worker.inference.resample import BILINEAR, NEAREST, Resampler

_CHANNELS = {"rgb": ("red", "green", "blue"), "bgr": ("blue", "green", "red"), "gray": ("gray",)}


class _Channel(NamedTuple):
    """One channel of the tensor: scaled luma + u * U + v * V + bias, kept between low and high."""

    # The frame's rectangle in the tensor.
    target: "np.ndarray"
    u: float
    v: float
    bias: float
    low: float
    high: float


class _Plan(NamedTuple):
    """What depends on the size and the colours of the frames."""

    key: Tuple[int, int, str, bool]
    geometry: Geometry
    luma: Resampler
    chroma: Resampler
    channels: List[_Channel]


class Preprocessor:
    """Fills one tensor, which stays the same array. For one thread."""

    def __init__(self, config: NvinferConfig, width: int, height: int) -> None:
        """width, height: of the network's input."""
        self._config = config
        self._width = width
        self._height = height
        channels = len(_CHANNELS[config.colour])
        shape = (1, height, width, channels) if config.channels_last else (1, channels, height, width)
        self.tensor = np.empty(shape, dtype=np.float32)
        self._plan: Optional[_Plan] = None
        self._y = self._u = self._v = self._sum = self._term = np.empty((0, 0), dtype=np.float32)

    def __call__(self, frame: I420Frame) -> Geometry:
        """Writes a frame into the tensor, and returns where it lies there."""
        key = (frame.width, frame.height, frame.matrix, frame.full_range)
        if self._plan is None or self._plan.key != key:
            self._plan = self._make_plan(frame)
        plan = self._plan
        plan.luma(frame.y, self._y)
        if self._config.colour != "gray":
            plan.chroma(frame.u, self._u)
            plan.chroma(frame.v, self._v)
        for channel in plan.channels:
            np.add(self._y, np.float32(channel.bias), out=self._sum)
            for plane, factor in ((self._u, channel.u), (self._v, channel.v)):
                if factor != 0.0:
                    np.multiply(plane, np.float32(factor), out=self._term)
                    self._sum += self._term
            np.clip(self._sum, np.float32(channel.low), np.float32(channel.high), out=channel.target)
        return plan.geometry

    def _make_plan(self, frame: I420Frame) -> _Plan:
        config = self._config
        geometry = place(frame.width, frame.height, self._width, self._height, config.keep_shape, config.centred)
        target = (geometry.height, geometry.width)
        self._y, self._u, self._v, self._sum, self._term = (np.empty(target, dtype=np.float32) for _ in range(5))
        # Where nothing is scaled, nothing lies between two pixels.
        scaling = NEAREST if config.scaling == BILINEAR and target == (frame.height, frame.width) else config.scaling
        luma_scale, matrix = _to_rgb(frame.matrix, frame.full_range)
        chroma = ((frame.height + 1) // 2, (frame.width + 1) // 2)
        luma_black = 0 if frame.full_range else 16
        channels = []
        for index, name in enumerate(_CHANNELS[config.colour]):
            plane = self.tensor[0, :, :, index] if config.channels_last else self.tensor[0, index]
            u, v = matrix[name]
            low, high = (config.scale * (value - config.offsets[index]) for value in (0, 255))
            bias = low - config.scale * (luma_scale * luma_black + 128 * (u + v))
            # Black where the frame does not reach.
            plane.fill(low)
            rectangle = plane[geometry.top : geometry.top + target[0], geometry.left : geometry.left + target[1]]
            channels.append(_Channel(rectangle, config.scale * u, config.scale * v, bias, low, high))
        return _Plan(
            key=(frame.width, frame.height, frame.matrix, frame.full_range),
            geometry=geometry,
            luma=Resampler((frame.height, frame.width), target, scaling, gain=config.scale * luma_scale),
            chroma=Resampler(chroma, target, scaling, (frame.height / 2, frame.width / 2), paired=True),
            channels=channels,
        )


def _to_rgb(matrix: str, full_range: bool) -> Tuple[float, Dict[str, Tuple[float, float]]]:
    """The luma's factor, and for each colour the factors of u and v."""
    # Weights of red and blue in the luma; green has the rest.
    red, blue = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722)}[matrix]
    green = 1 - red - blue
    luma_scale, chroma_scale = (1.0, 1.0) if full_range else (255 / 219, 255 / 224)
    u, v = 2 * (1 - blue) * chroma_scale, 2 * (1 - red) * chroma_scale
    return luma_scale, {
        "red": (0.0, v),
        "green": (-u * blue / green, -v * red / green),
        "blue": (u, 0.0),
        "gray": (0.0, 0.0),
    }
