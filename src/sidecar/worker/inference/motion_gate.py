"""Decides which frames of a camera are worth an inference: a few a second while something moves, and one every so often
while nothing does. Numpy alone.

It compares a grid of luma samples, 160 across the frame, with that of the last frame that was inferred. It does not see
what covers fewer than three samples within a cell of four by four of them, or differs less from its background than
noise does.
"""

from typing import Optional

import numpy as np

# Least time between two inferences, in seconds.
_MOVING_INTERVAL = 0.25
# Samples across the frame.
_ACROSS = 160
# Least difference of a sample, in levels of 255. A camera's noise, once encoded, has a standard deviation of 2 to 4.
_LEVELS = 16
# Samples along the side of a cell, and how many of a cell's must differ.
_CELL = 4
_SAMPLES = 3


class MotionGate:
    """For one thread at a time."""

    def __init__(self) -> None:
        # The samples of the last frame that was inferred, and when that was, in seconds.
        self._reference: Optional["np.ndarray"] = None
        self._inferred_at = 0.0

    def reset(self) -> None:
        """The next frame is of a new connection."""
        self._reference = None

    def may_open(self, now: float, still_interval: float) -> bool:
        """Whether a frame that is due now need be looked at: see opens()."""
        return self._reference is None or now - self._inferred_at >= min(_MOVING_INTERVAL, still_interval)

    def opens(self, luma: "np.ndarray", now: float, still_interval: float) -> bool:
        """Whether a frame is worth an inference, which is then made. luma: height x width, uint8. now: when it is
        due. still_interval: how long to go without an inference while nothing moves. Both in seconds."""
        if not self.may_open(now, still_interval):
            return False
        reference, age = self._reference, now - self._inferred_at
        samples = sampled(luma)
        is_still = reference is not None and reference.shape == samples.shape and not moved(reference, samples)
        if is_still and age < still_interval:
            return False
        self._reference = samples
        self._inferred_at = now
        return True


def sampled(luma: "np.ndarray") -> "np.ndarray":
    """A copy of a grid of samples of a frame, in whole cells."""
    step = max(1, luma.shape[1] // _ACROSS)
    samples = luma[step // 2 :: step, step // 2 :: step]
    height, width = (size // _CELL * _CELL for size in samples.shape)
    return samples[:height, :width].copy()


def moved(before: "np.ndarray", after: "np.ndarray") -> bool:
    """Whether something differs between two grids of the same shape."""
    differs = np.maximum(before, after) - np.minimum(before, after) >= _LEVELS
    if np.count_nonzero(differs) < _SAMPLES:
        return False
    height, width = differs.shape
    cells = differs.reshape(height // _CELL, _CELL, width // _CELL, _CELL)
    return bool((cells.sum(axis=(1, 3), dtype=np.uint8) >= _SAMPLES).any())
