"""A counter painted into frames as black and white cells, which survives encoding and scaling.

The cells stand in a band at the top of the frame and again in one at the bottom, because a viewer of annotated frames
may find text over either. A band holds, from the left: a white and a black cell, which give the threshold; the
counter, highest bit first; and a check sum, so that a damaged band is noticed rather than misread.
"""

from typing import NamedTuple, Optional

import numpy as np

COUNTER_BITS = 16
_CHECK_BITS = 6
_CELLS = 2 + COUNTER_BITS + _CHECK_BITS
_BANDS = 12
"""A band is this part of the frame's height."""
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
    """Paints a counter, modulo 2^16, over the top and the bottom of a luma plane."""
    height, width = luma.shape
    edges = np.linspace(0, width, _CELLS + 1).round().astype(int)
    row = np.repeat(np.where(_bits(counter), _WHITE, _BLACK).astype(np.uint8), np.diff(edges))
    band = max(1, height // _BANDS)
    luma[:band] = row
    luma[height - band :] = row


def read(luma: np.ndarray, frame: Optional[Rectangle] = None) -> Optional[int]:
    """The counter in a luma plane, or None. frame: where the camera's frame lies in it; without one, everywhere."""
    if frame is None:
        frame = Rectangle(0, 0, luma.shape[1], luma.shape[0])
    band = frame.height / _BANDS
    for top in (frame.y, frame.y + frame.height - band):
        counter = _read_band(luma, Rectangle(frame.x, top, frame.width, band))
        if counter is not None:
            return counter
    return None


def _read_band(luma: np.ndarray, band: Rectangle) -> Optional[int]:
    # Only the middle of a cell counts: its edges are blurred by scaling.
    rows = slice(
        round(band.y + band.height / 4), max(round(band.y + band.height * 3 / 4), round(band.y + band.height / 4) + 1)
    )
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
