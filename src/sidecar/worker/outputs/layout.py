"""The layout of a tiled stream: the grid of tiles, and where a camera's frame lies in its tile."""

from typing import List, NamedTuple


class Rectangle(NamedTuple):
    """In pixels; x, y is the top left corner."""

    x: int
    y: int
    width: int
    height: int


class Grid(NamedTuple):
    rows: int
    columns: int


def grid(count: int) -> Grid:
    """The grid for so many tiles: rows = int(sqrt(count)), columns = ceil(count / rows)."""
    rows = max(1, int(count**0.5))
    return Grid(rows=rows, columns=-(-count // rows))


def tiles(count: int, width: int, height: int) -> List[Rectangle]:
    """The tiles, row by row. Edges are even, so that chroma planes divide; together the tiles cover the frame."""
    rows, columns = grid(count)
    xs = [_even(width * column / columns) for column in range(columns + 1)]
    ys = [_even(height * row / rows) for row in range(rows + 1)]
    return [
        Rectangle(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
        for row, column in (divmod(index, columns) for index in range(count))
    ]


def fit(frame_width: int, frame_height: int, tile_width: int, tile_height: int) -> Rectangle:
    """The largest rectangle of the frame's shape, centred in a tile, as videoscale's add-borders makes it: at even
    coordinates, so that chroma planes divide."""
    if frame_width * tile_height > frame_height * tile_width:
        width, height = tile_width, tile_width * frame_height // frame_width
    else:
        width, height = tile_height * frame_width // frame_height, tile_height
    return Rectangle((tile_width - width) // 4 * 2, (tile_height - height) // 4 * 2, width, height)


def _even(value: float) -> int:
    return round(value / 2) * 2
