"""A counter painted into frames as black and white cells, which survives encoding and scaling.

The cells stand in two bands across the frame, away from its corners, where annotated frames carry names and counts, and
twice, because a label may lie over either. A band holds, from the left: a white and a black cell, which give the
threshold; the counter, highest bit first; and a check sum, so that a damaged band is noticed rather than misread.
"""

from typing import NamedTuple, Optional

import numpy as np

COUNTER_BITS = 16
_CHECK_BITS = 6
_CELLS = 2 + COUNTER_BITS + _CHECK_BITS
_BAND_HEIGHT = 1 / 12
_BAND_TOPS = (1 / 4, 2 / 3)
"""Parts of the frame's height."""
_BLACK = 16
_WHITE = 235
_LEAST_CONTRAST = 80


class Rectangle(NamedTuple):
    """Where a camera's frame lies in a picture, in pixels."""

    x: float
    y: float
    width: float
    height: float


def paint(luma: np.ndarray, counter: int) -> None:
    """Paints a counter, modulo 2^16, into a luma plane."""
    height, width = luma.shape
    edges = np.linspace(0, width, _CELLS + 1).round().astype(int)
    row = np.repeat(np.where(_bits(counter), _WHITE, _BLACK).astype(np.uint8), np.diff(edges))
    for top in _BAND_TOPS:
        luma[round(height * top) : round(height * (top + _BAND_HEIGHT))] = row


def read(luma: np.ndarray, frame: Optional[Rectangle] = None) -> Optional[int]:
    """The counter in a luma plane, or None. frame: where the camera's frame lies in it; without one, everywhere."""
    if frame is None:
        frame = Rectangle(0, 0, luma.shape[1], luma.shape[0])
    for top in _BAND_TOPS:
        band = Rectangle(frame.x, frame.y + frame.height * top, frame.width, frame.height * _BAND_HEIGHT)
        counter = _read_band(luma, band)
        if counter is not None:
            return counter
    return None


def _read_band(luma: np.ndarray, band: Rectangle) -> Optional[int]:
    # Only the middle of a cell counts: its edges are blurred by scaling.
    top = round(band.y + band.height / 4)
    rows = slice(top, max(round(band.y + band.height * 3 / 4), top + 1))
    cell = band.width / _CELLS
    levels = []
    for index in range(_CELLS):
        left = round(band.x + cell * (index + 0.25))
        right = max(round(band.x + cell * (index + 0.75)), left + 1)
        middle = luma[rows, left:right]
        if middle.size == 0:
            return None
        levels.append(float(middle.mean()))
    white, black = levels[:2]
    if white - black < _LEAST_CONTRAST:
        return None
    bits = [level > (white + black) / 2 for level in levels]
    counter = int("".join("1" if bit else "0" for bit in bits[2 : 2 + COUNTER_BITS]), 2)
    return counter if bits == _bits(counter) else None


def _bits(counter: int) -> "list[bool]":
    counter &= (1 << COUNTER_BITS) - 1
    check = ~(counter ^ counter >> 6 ^ counter >> 12) & (1 << _CHECK_BITS) - 1
    text = "10" + format(counter, "0%db" % COUNTER_BITS) + format(check, "0%db" % _CHECK_BITS)
    return [digit == "1" for digit in text]
