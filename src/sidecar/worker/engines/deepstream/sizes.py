"""Sizes of pictures: the muxer's, in which detection and drawing take place, and those around it. Pure."""

from typing import List, Tuple

from sidecar.worker.outputs.layout import Rectangle, grid
from sidecar.worker.outputs.plan import StreamPlan

# What cameras send: 4:3 to 2:1. A tile of another shape is no reason to see the cameras through a slit.
_NARROWEST, _WIDEST = 1.2, 2.0
_USUAL = 16.0 / 9.0
# Not less than the widest input of the usual networks; not more than Full HD.
_SMALLEST_WIDTH, _LARGEST_WIDTH = 960, 1920
_SAME_SHAPE = 0.02


def mux_size(pictures: List[StreamPlan]) -> Tuple[int, int]:
    """The first picture whose tiles have a camera's shape gives the shape, the largest tile the size."""
    tiles = [tile_size(one) for one in pictures]
    shapes = [width / height for width, height in tiles if _NARROWEST <= width / height <= _WIDEST]
    shape = shapes[0] if shapes else _USUAL
    width = max([_SMALLEST_WIDTH, *(min(_LARGEST_WIDTH, width) for width, _ in tiles)])
    return width // 4 * 4, int(width / shape) // 4 * 4


def tile_size(picture: StreamPlan) -> Tuple[int, int]:
    """Of one camera in a picture."""
    rows, columns = grid(len(picture.cameras))
    return picture.encoding.width // columns, picture.encoding.height // rows


def places(picture: StreamPlan, mux: Tuple[int, int]) -> List[Rectangle]:
    """Where the cameras lie in what is drawn on: the tiler's picture, or the muxer's for a picture of one camera."""
    if picture.key[1]:
        return [Rectangle(0, 0, mux[0], mux[1])]
    width, height = tile_size(picture)
    _, columns = grid(len(picture.cameras))
    return [
        Rectangle(index % columns * width, index // columns * height, width, height)
        for index in range(len(picture.cameras))
    ]


def inside(width: int, height: int, mux: Tuple[int, int]) -> Tuple[int, int]:
    """The largest size of a frame's shape in the muxer's picture, both even."""
    scale = min(mux[0] / width, mux[1] / height)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def stretched(picture: StreamPlan, size: Tuple[int, int]) -> bool:
    """Whether the tiles have another shape than the muxer's picture, which fills them."""
    width, height = tile_size(picture)
    return abs(width / height / (size[0] / size[1]) - 1.0) > _SAME_SHAPE
