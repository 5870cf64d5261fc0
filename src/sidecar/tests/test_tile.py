"""What a tile hands to its pipeline, and what it draws."""

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.worker.cameras.text import TileText
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.tile import Tile
from sidecar.worker.engines.overlay import OverlayOptions
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.outputs.layout import Rectangle

GREY = 200


class Source:
    """An appsrc that keeps what is pushed."""

    def __init__(self):
        self.buffers = []

    def get_property(self, _name):
        return 0

    def emit(self, _signal, sample):
        self.buffers.append(sample.get_buffer())


@pytest.fixture
def tile():
    Gst.init(None)
    elements = (Source(), SimpleNamespace(paint=None))
    return Tile(spec.Camera(id="one"), Rectangle(0, 0, 320, 180), False, OverlayOptions(), elements, 0)


def frame(width, height):
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=%d, height=%d, framerate=0/1" % (width, height))
    return DetectedFrame(
        "one", Gst.Buffer.new_wrapped(bytes([GREY]) * (width * height * 3 // 2)), caps, width, height, 0, []
    )


def painted(tile, pts):
    """A grey frame of the tile's size, as it leaves the painter."""
    made = I420Frame(*(np.full(size, GREY, np.uint8) for size in ((180, 320), (90, 160), (90, 160))), 320, 180)
    tile._painter.paint(made, pts)
    return made


def test_a_lost_camera_is_dimmed_at_the_size_of_its_tile_and_its_own_frame_is_not_touched(tile):
    tile.push(frame(640, 360))
    tile.set_text(TileText("no signal"))
    shown, lost = tile._source.buffers
    assert lost.extract_dup(0, lost.get_size()) == shown.extract_dup(0, shown.get_size())
    assert painted(tile, shown.pts).y[0, 0] == GREY
    assert painted(tile, lost.pts).y[0, 0] == 16 + int((GREY - 16) * 0.35)


def test_frames_may_arrive_while_others_are_painted(tile):
    """A tile's camera and its output are two threads, which here take turns after every few instructions."""
    one = frame(2, 2)
    for _ in range(20000):
        tile.push(one)
    ended = threading.Event()

    def push():
        while not ended.is_set():
            tile.push(one)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    pusher = threading.Thread(target=push)
    pusher.start()
    try:
        for _ in range(300):
            painted(tile, 0)
    finally:
        sys.setswitchinterval(interval)
        ended.set()
        pusher.join()
