"""One decoded frame of a camera, as views on its planes."""

from typing import NamedTuple, Optional, Tuple

import numpy as np

BT601 = "bt601"
BT709 = "bt709"

# Video black: luma and chroma of limited range.
BLACK_LUMA = 16
NO_COLOUR = 128


class I420Frame(NamedTuple):
    """The planes are 2-D uint8 views: y of height x width; u and v of half of both, rounded up. Rows may be padded."""

    y: "np.ndarray"
    u: "np.ndarray"
    v: "np.ndarray"
    width: int
    height: int
    # Colour matrix: BT601 or BT709.
    matrix: str = BT601
    # True: y spans 0 to 255 (JPEG); False: 16 to 235.
    full_range: bool = False

    def crop(self, left: float, top: float, width: float, height: float) -> "Optional[Tuple[I420Frame, int, int]]":
        """What lies in a box, as a frame of its own without a copy, and the left top corner of that. It begins and ends
        at even pixels, as nvinfer crops. None: nothing of the box lies in the frame."""
        x, y = _round_up(max(0.0, left)), _round_up(max(0.0, top))
        right, bottom = min(float(self.width), left + width), min(float(self.height), top + height)
        across, down = int(right - x) // 2 * 2, int(bottom - y) // 2 * 2
        if across < 2 or down < 2:
            return None
        luma = slice(y, y + down), slice(x, x + across)
        chroma = slice(y // 2, (y + down) // 2), slice(x // 2, (x + across) // 2)
        planes = self.y[luma], self.u[chroma], self.v[chroma]
        return I420Frame(*planes, across, down, self.matrix, self.full_range), x, y


def _round_up(number: float) -> int:
    return (int(number) + 1) // 2 * 2
