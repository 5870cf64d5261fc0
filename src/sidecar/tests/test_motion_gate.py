"""When the motion gate opens, on frames whose motion the tests make."""

import numpy as np
import pytest

from sidecar.worker.inference.motion_gate import MotionGate

STILL_SECONDS = 2.0
RATE = 15
RANDOM = np.random.RandomState(1)


def street(noise=0.0, size=(720, 1280)):
    """A still scene with texture. noise: standard deviation, in levels."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    scene = 90 + 40 * ((rows // 60 + columns // 80) % 2) + RANDOM.normal(0, noise, size)
    return scene.clip(0, 255).astype(np.uint8)


def with_object(luma, left, top, width=40, height=80, level=220):
    luma[top : top + height, left : left + width] = level
    return luma


def opened(frames, gate=None):
    """On which frames of a camera the gate opens."""
    gate = gate or MotionGate()
    return [number for number, luma in enumerate(frames) if gate.opens(luma, number / RATE, STILL_SECONDS)]


def test_a_still_scene_is_inferred_once_in_a_while_whatever_its_noise():
    assert opened(street(noise=3.0) for _ in range(61)) == [0, 30, 60]


@pytest.mark.parametrize("size", [(1080, 1920), (720, 1280), (360, 640), (181, 321)])
def test_an_object_that_enters_a_still_scene_opens_it_at_once(size):
    height, width = size[0] // 8, size[1] // 24
    frames = [street(noise=2.0, size=size) for _ in range(20)]
    frames += [with_object(street(noise=2.0, size=size), 3 * step, size[0] // 2, width, height) for step in range(3)]
    assert opened(frames) == [0, 20]


def test_while_something_moves_it_opens_a_few_times_a_second():
    frames = [with_object(street(), 10 * step, 300) for step in range(31)]
    assert opened(frames) == [0, 4, 8, 12, 16, 20, 24, 28]


def test_an_object_that_creeps_opens_it_once_it_has_moved_far_enough():
    frames = [with_object(street(), 100 + step, 300) for step in range(30)]
    assert len(opened(frames)) > 1


def test_a_still_interval_below_the_moving_one_is_kept():
    gate = MotionGate()
    luma = street()
    assert [number for number in range(15) if gate.opens(luma, number / RATE, 0.1)] == list(range(0, 15, 2))


def test_a_frame_of_another_size_and_the_first_one_of_a_connection_open_it():
    gate = MotionGate()
    assert gate.opens(street(), 0.0, STILL_SECONDS)
    assert not gate.opens(street(), 0.3, STILL_SECONDS)
    assert gate.opens(street(size=(360, 640)), 0.6, STILL_SECONDS)
    assert not gate.opens(street(size=(360, 640)), 0.9, STILL_SECONDS)
    gate.reset()
    assert gate.opens(street(size=(360, 640)), 0.9, STILL_SECONDS)
