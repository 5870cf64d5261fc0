"""The counter that cameras of tests paint into their frames, and that viewers read back."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "test" / "support"))

import counter

NUMBERS = [0, 1, 2, 77, 0x5555, 0xAAAA, 0xFFFF]


def plane(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width), np.uint8)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (160, 96), (333, 77)])
def test_reads_what_was_painted(number: int, size: "tuple[int, int]") -> None:
    luma = plane(*size)
    counter.paint(luma, number)
    assert counter.read(luma) == number


def test_counts_modulo_two_to_the_sixteenth() -> None:
    luma = plane(640, 360)
    counter.paint(luma, 0x10005)
    assert counter.read(luma) == 5


@pytest.mark.parametrize("number", NUMBERS)
def test_survives_scaling_noise_and_a_place_within_a_picture(number: int) -> None:
    luma = plane(640, 360)
    counter.paint(luma, number)
    picture = plane(640, 480)
    half = luma.reshape(180, 2, 320, 2).mean(axis=(1, 3))
    noise = np.random.default_rng(2).normal(0, 20, half.shape)
    picture[100:280, 320:640] = np.clip(half * 0.8 + 20 + noise, 0, 255).astype(np.uint8)
    assert counter.read(picture, counter.Rectangle(320, 100, 320, 180)) == number


@pytest.mark.parametrize("covered", [slice(0, 180), slice(180, 360)])
def test_reads_one_band_when_the_other_is_covered(covered: slice) -> None:
    luma = plane(640, 360)
    counter.paint(luma, 1234)
    luma[covered, :200] = 16
    assert counter.read(luma) == 1234


def test_a_picture_without_a_counter_has_none() -> None:
    assert counter.read(plane(640, 360)) is None
    assert counter.read(np.full((360, 640), 16, np.uint8)) is None
    gradient = np.tile(np.linspace(235, 16, 640).astype(np.uint8), (360, 1))
    assert counter.read(gradient) is None


@pytest.mark.parametrize("cell", range(2, 24))
def test_a_damaged_cell_is_noticed_rather_than_misread(cell: int) -> None:
    luma = plane(480, 360)
    counter.paint(luma, 0x1234)
    middle = slice(cell * 20, cell * 20 + 20)
    luma[:, middle] = 251 - luma[100, middle]  # row 100 lies in the upper band
    assert counter.read(luma) is None


def test_a_place_outside_the_picture_has_none() -> None:
    assert counter.read(plane(64, 48), counter.Rectangle(100, 100, 320, 180)) is None
