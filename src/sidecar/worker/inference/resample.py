"""Resamples one plane of a frame with the filters that nvinfer has.

A comparison with the boxes of a real nvinfer (docs/nvidia.md) showed where it takes its samples: at the upper left
corner of a target pixel, not at its centre; and two by two target pixels share one sample of chroma.

Each direction is a sum of a few weighted rows or columns, which numpy computes fast and without a temporary array.
"""

from typing import List, NamedTuple, Optional, Tuple

import numpy as np

# The source pixel under the target pixel's corner, as nvinfer takes it.
NEAREST = "nearest"
# Between the two source pixels around the target pixel's corner, however much smaller the target is, as nvinfer does.
BILINEAR = "bilinear"
# The mean over the target pixel's area; when enlarging the same as BILINEAR.
AREA = "area"


class _Tap(NamedTuple):
    """One source index and its weight for every target pixel."""

    indices: "np.ndarray"
    weights: "np.ndarray"


class Resampler:
    """Resamples uint8 planes of one size to float32 planes of another. Keeps scratch space: for one thread."""

    def __init__(
        self,
        source: Tuple[int, int],
        target: Tuple[int, int],
        scaling: str,
        extent: Optional[Tuple[float, float]] = None,
        gain: float = 1.0,
        paired: bool = False,
    ) -> None:
        """source, target: height and width. scaling: NEAREST, BILINEAR or AREA. gain: a factor on every value.

        extent: how much of the source the target shows; None: all of it. Chroma of an odd size ends in half a pixel.
        paired: two by two target pixels get the first one's sample; not by AREA.
        """
        height, width = source if extent is None else extent
        self._source = np.empty(source, dtype=np.uint8)
        self._rows = [
            _Tap(tap.indices, (tap.weights * np.float32(gain)).reshape(-1, 1))
            for tap in _taps(source[0], target[0], height, scaling, paired)
        ]
        self._columns = _taps(source[1], target[1], width, scaling, paired)
        self._picked_rows = np.empty((target[0], source[1]), dtype=np.uint8)
        self._tall = np.empty((target[0], source[1]), dtype=np.float32)
        self._tall_term = np.empty_like(self._tall)
        self._term = np.empty(target, dtype=np.float32)

    def __call__(self, plane: "np.ndarray", result: "np.ndarray") -> None:
        """Writes the resampled plane into result, float32 of the target's size."""
        if not plane.flags.c_contiguous:
            # take() would copy the whole plane for every tap.
            np.copyto(self._source, plane)
            plane = self._source
        sums = self._tall
        for tap in self._rows:
            # mode: any but "raise" lets take() write to out without a buffer. No index is out of range.
            plane.take(tap.indices, axis=0, out=self._picked_rows, mode="clip")
            np.multiply(self._picked_rows, tap.weights, out=sums)
            if sums is not self._tall:
                self._tall += sums
            sums = self._tall_term
        sums = result
        for tap in self._columns:
            self._tall.take(tap.indices, axis=1, out=sums, mode="clip")
            sums *= tap.weights
            if sums is not result:
                result += sums
            sums = self._term


def _taps(source: int, target: int, extent: float, scaling: str, paired: bool) -> List[_Tap]:
    ratio = extent / target
    pixels = np.arange(target)
    corners = (pixels // 2 * 2 if paired else pixels) * ratio
    if scaling == NEAREST:
        indices = np.floor(corners).astype(np.intp)
        return [_Tap(np.clip(indices, 0, source - 1), np.ones(target, dtype=np.float32))]
    centres = (pixels + 0.5) * ratio if scaling == AREA else corners
    # How much of the source a target pixel covers; less than one source pixel means interpolation between two.
    reach = max(ratio, 1.0) if scaling == AREA else 1.0
    begin, end = centres - reach / 2, centres + reach / 2
    first = np.floor(begin).astype(np.intp)
    taps = []
    for step in range(int(np.ceil(reach)) + 1):
        index = first + step
        covered = np.minimum(end, index + 1) - np.maximum(begin, index)
        weights = (np.maximum(covered, 0.0) / reach).astype(np.float32)
        if weights.max() > 1e-6:
            taps.append(_Tap(np.clip(index, 0, source - 1), weights))
    return taps
