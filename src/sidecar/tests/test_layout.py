"""Tiles and frames inside them."""

import pytest

from sidecar.worker.outputs.layout import fit, grid, tiles


@pytest.mark.parametrize(
    ("count", "rows", "columns"),
    [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 2), (5, 2, 3), (6, 2, 3), (7, 2, 4), (8, 2, 4), (9, 3, 3), (17, 4, 5)],
)
def test_the_grid_has_the_ancestors_rows_and_columns(count, rows, columns):
    assert grid(count) == (rows, columns)


@pytest.mark.parametrize("count", range(1, 26))
@pytest.mark.parametrize("size", [(1280, 720), (1200, 600), (642, 362)])
def test_tiles_are_even_lie_side_by_side_and_fill_the_columns(count, size):
    width, height = size
    places = tiles(count, width, height)
    assert len(places) == count
    assert all(value % 2 == 0 for place in places for value in place)
    assert len({(place.x, place.y) for place in places}) == count
    _, columns = grid(count)
    first_row = places[:columns]
    assert sum(place.width for place in first_row) == width
    assert max(place.y + place.height for place in places) == height


def test_a_wide_frame_gets_bars_above_and_below():
    assert fit(1920, 1080, 600, 600) == (0, 130, 600, 337)


def test_a_tall_frame_gets_bars_left_and_right():
    assert fit(480, 640, 640, 360) == (184, 0, 270, 360)


def test_a_frame_of_the_tiles_shape_fills_it():
    assert fit(640, 360, 1280, 720) == (0, 0, 1280, 720)
