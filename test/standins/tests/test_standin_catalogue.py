"""The catalogue's elements, by release and board."""

import os

import pytest

from standins import catalogue

PATH = os.path.join(os.path.dirname(__file__), "..", "..", "..", "catalogue", "deepstream-elements.json")


def _property(element: str, name: str, release: str, board: str) -> catalogue.Property:
    found = {each.name: each for each in catalogue.load(PATH, release, board)}
    return {each.name: each for each in found[element].properties}[name]


def test_an_unknown_release_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(catalogue.CatalogueError, match=r"'7\.5'.*6\.0\.1.*7\.1"):
        catalogue.load(PATH, "7.5", "dgpu")


def test_an_unknown_board_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(catalogue.CatalogueError, match=r"'nano'.*dgpu, jetson"):
        catalogue.load(PATH, "7.1", "nano")


@pytest.mark.parametrize(
    ("release", "maximum"), [("5.0", 24), ("6.0.1", 24), ("6.1", 55), ("7.1", 55)], ids=lambda value: str(value)
)
def test_a_range_is_that_of_the_release(release: str, maximum: int) -> None:
    assert _property("nvv4l2decoder", "num-extra-surfaces", release, "dgpu").maximum == maximum


@pytest.mark.parametrize(
    ("release", "default"), [("6.0.1", 2), ("6.1", 1), ("6.1.1", 1), ("6.2", 0), ("6.3", 1), ("9.1", 1)]
)
def test_a_default_that_changed_several_times_is_that_of_the_release(release: str, default: int) -> None:
    assert _property("nvdsosd", "process-mode", release, "jetson").default == default


def test_a_type_is_that_of_the_release() -> None:
    assert _property("nvdsosd", "blur-bbox", "8.0", "dgpu").type == "boolean"
    assert _property("nvdsosd", "blur-bbox", "9.0", "dgpu").type == "uint"


def test_a_value_of_the_other_board_is_left_out() -> None:
    assert dict(_property("nvv4l2decoder", "capture-io-mode", "7.1", "dgpu").values) == {
        0: "auto",
        2: "mmap",
        5: "dmabuf-import",
    }
    assert dict(_property("nvv4l2decoder", "capture-io-mode", "7.1", "jetson").values) == {
        0: "auto",
        2: "mmap",
        3: "userptr",
    }


def test_an_osd_has_the_modes_and_the_font_that_it_shows_on_each_board() -> None:
    def modes(release: str, board: str) -> list:
        return [value for value, _ in _property("nvdsosd", "process-mode", release, board).values]

    assert modes("9.0", "dgpu") == modes("6.0.1", "dgpu") == [0, 1]
    assert modes("9.0", "jetson") == modes("6.0.1", "jetson") == [0, 1, 2]
    assert _property("nvdsosd", "clock-font", "9.0", "dgpu").default == "DEFAULT_FONT"


def test_every_release_and_board_can_be_read() -> None:
    for release in catalogue.releases(PATH):
        for board in catalogue.BOARDS:
            assert "nvinfer" in {element.name for element in catalogue.load(PATH, release, board)}
