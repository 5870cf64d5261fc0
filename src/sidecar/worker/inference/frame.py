"""One decoded frame of a camera, as views on its planes."""

from typing import NamedTuple

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
