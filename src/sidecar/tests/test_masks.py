"""Privacy masks: every pixel that a polygon touches is covered, on both engines by the same rectangles."""

import math
import random

import cairo
import numpy as np
import pytest

from sidecar.gst import Gst
from sidecar.tests.main_loop import turn_until
from sidecar.worker.engines.deepstream.mask_probe import add_masks
from sidecar.worker.engines.masks import Masks, covering
from sidecar.worker.inference.frame import I420Frame

SEED = 12


def covered(polygons, width, height):
    pixels = np.zeros((height, width), bool)
    for x, y, across, down in covering(polygons, width, height):
        assert 0 <= x < x + across <= width
        assert 0 <= y < y + down <= height
        assert (x % 2, y % 2) == (0, 0)
        pixels[y : y + down, x : x + across] = True
    return pixels


def painted(polygons, width, height, outlined):
    """What cairo paints of them, with an outline of a pixel or without."""
    surface = cairo.ImageSurface(cairo.FORMAT_A8, width, height)
    context = cairo.Context(surface)
    for polygon in polygons:
        context.new_path()
        for x, y in polygon:
            context.line_to(x * width, y * height)
        context.close_path()
        context.fill_preserve()
        if outlined:
            context.set_line_width(1)
            context.stroke()
    surface.flush()
    stride = surface.get_stride()
    return np.frombuffer(surface.get_data(), np.uint8).reshape(height, stride)[:, :width] > 0


def grown(pixels, by):
    grown_ = pixels.copy()
    for down in range(-by, by + 1):
        for across in range(-by, by + 1):
            grown_ |= np.roll(np.roll(np.pad(pixels, by), down, 0), across, 1)[by:-by, by:-by]
    return grown_


def star(points, chance):
    return [
        (0.5 + 0.5 * chance.random() * math.cos(angle), 0.5 + 0.5 * chance.random() * math.sin(angle))
        for angle in [step * 4 * math.pi / points for step in range(points)]
    ]


@pytest.mark.parametrize("size", [(64, 48), (75, 33), (320, 180)])
def test_every_pixel_that_a_polygon_touches_is_covered_and_few_others_are(size):
    chance = random.Random(SEED)
    for number in range(60):
        corners = 3 + number % 8
        polygon = [(chance.random() * 1.2 - 0.1, chance.random() * 1.2 - 0.1) for _ in range(corners)]
        polygons = [polygon, star(corners, chance)]
        mask = covered(polygons, *size)
        assert not (painted(polygons, *size, outlined=False) & ~mask).any(), (SEED, number, polygons)
        assert not (mask & ~grown(painted(polygons, *size, outlined=True), 3)).any(), (SEED, number, polygons)


def test_a_rectangle_is_one_rectangle():
    assert covering([[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]], 320, 180) == [(0, 0, 162, 180)]


@pytest.mark.parametrize("polygon", [[(0.5, 0.5)] * 3, [(0.1, 0.5), (0.9, 0.5), (0.1, 0.5)]])
def test_a_polygon_without_an_area_covers_its_line(polygon):
    pixels = covered([polygon], 100, 100)
    for x, y in polygon:
        assert pixels[int(y * 100), int(x * 100)]


def test_a_polygon_beside_the_frame_covers_nothing():
    assert covering([[(1.5, 0.2), (2, 0.2), (2, 0.8)]], 320, 180) == []


def test_covered_pixels_have_neither_light_nor_colour_in_frames_of_any_size():
    masks = Masks([])
    masks._polygons = [[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]]
    for width, height in ((64, 48), (75, 33)):
        half = ((height + 1) // 2, (width + 1) // 2)
        frame = I420Frame(
            np.full((height, width), 200, np.uint8),
            np.full(half, 90, np.uint8),
            np.full(half, 90, np.uint8),
            width,
            height,
        )
        masks.apply(frame)
        assert (frame.y[:, : width // 2] == 16).all()
        assert (frame.y[:, width // 2 + 3 :] == 200).all()
        assert (frame.u[:, : width // 4] == 128).all()
        assert (frame.v[:, width // 4 + 2 :] == 90).all()


class BrokenMasks(Masks):
    """Masks that no frame can be given."""

    def __init__(self):
        super().__init__([])

    def apply(self, frame):
        raise ValueError("no such plane")


def test_engine_deepstream_lets_no_frame_pass_whose_masks_cannot_be_drawn_and_says_why_once():
    Gst.init(None)
    failures, passed = [], []
    pipeline = Gst.parse_launch(
        "videotestsrc num-buffers=5 ! video/x-raw, format=I420, width=64, height=48 ! identity name=masked"
        " ! fakesink name=sink"
    )
    add_masks(pipeline.get_by_name("masked").get_static_pad("src"), BrokenMasks(), failures.append)
    pipeline.get_by_name("sink").get_static_pad("sink").add_probe(
        Gst.PadProbeType.BUFFER, lambda _pad, info: passed.append(info) or Gst.PadProbeReturn.OK
    )
    pipeline.set_state(Gst.State.PLAYING)
    try:
        bus = pipeline.get_bus()
        ended = bus.timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        assert ended.type == Gst.MessageType.EOS
        turn_until(lambda: failures, lambda: passed, 60)
    finally:
        pipeline.set_state(Gst.State.NULL)
    assert failures == ["its masks cannot be drawn: no such plane"]
    assert not passed
