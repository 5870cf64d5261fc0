"""Frame sizes: the muxer's, at which frames are inferred and drawn on, and those of cameras and tiles. Pure."""

from typing import List, Tuple

from sidecar.worker.outputs.layout import Rectangle, grid
from sidecar.worker.outputs.plan import StreamPlan

# The shapes of cameras, from 4:3 to 2:1. A tile of another shape is no reason to crop or squeeze what the network sees.
_NARROWEST, _WIDEST = 1.2, 2.0
_USUAL = 16.0 / 9.0
# No less than the widest input of the usual networks, no more than Full HD.
_SMALLEST_WIDTH, _LARGEST_WIDTH = 960, 1920
_SAME_SHAPE = 0.02


def mux_size(streams: List[StreamPlan]) -> Tuple[int, int]:
    """The first stream whose tiles have the shape of a camera determines the shape, the largest tile the size."""
    tiles = [tile_size(one) for one in streams]
    shapes = [width / height for width, height in tiles if _NARROWEST <= width / height <= _WIDEST]
    shape = shapes[0] if shapes else _USUAL
    width = max([_SMALLEST_WIDTH, *(min(_LARGEST_WIDTH, width) for width, _ in tiles)])
    return width // 4 * 4, int(width / shape) // 4 * 4


def tile_size(stream: StreamPlan) -> Tuple[int, int]:
    rows, columns = grid(len(stream.cameras))
    return stream.encoding.width // columns, stream.encoding.height // rows


def tile_rectangles(stream: StreamPlan, mux: Tuple[int, int]) -> List[Rectangle]:
    """Where the cameras are in the frames that nvdsosd draws on: the tiler's, or the muxer's for a single camera."""
    if stream.key[1]:
        return [Rectangle(0, 0, mux[0], mux[1])]
    width, height = tile_size(stream)
    _, columns = grid(len(stream.cameras))
    return [
        Rectangle(index % columns * width, index // columns * height, width, height)
        for index in range(len(stream.cameras))
    ]


def fitted_size(width: int, height: int, mux: Tuple[int, int]) -> Tuple[int, int]:
    """The largest even size with a frame's shape inside the muxer's."""
    scale = min(mux[0] / width, mux[1] / height)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def is_stretched(stream: StreamPlan, mux: Tuple[int, int]) -> bool:
    """Whether the tiles, which the muxer's frames fill, have another shape."""
    width, height = tile_size(stream)
    return abs(width / height / (mux[0] / mux[1]) - 1.0) > _SAME_SHAPE
