"""Says how many pixels of a PNG file have a colour, nearly: python test/support/coloured.py FILE RED,GREEN,BLUE"""

import sys

import cairo
import numpy as np

# How far each component may be changed by encoding and by the conversion to RGB.
_TOLERANCE = 36


def main() -> None:
    path, colour = sys.argv[1], [int(number) for number in sys.argv[2].split(",")]
    surface = cairo.ImageSurface.create_from_png(path)
    pixels = np.frombuffer(surface.get_data(), np.uint8).reshape(surface.get_height(), surface.get_stride() // 4, 4)
    # Blue, green, red, nothing on a little-endian machine.
    rgb = pixels[:, : surface.get_width(), 2::-1].astype(int)
    print(int((np.abs(rgb - colour) <= _TOLERANCE).all(axis=2).sum()))


if __name__ == "__main__":
    main()
