"""Frames of odd width and height lose no line on their way through engine cpu, and boxes are drawn where they are."""

import itertools

import numpy as np
import pytest

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.tests.outlet_rig import until
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame
from sidecar.worker.engines.cpu.output_pipeline import OutputPipeline
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.overlay import OverlayOptions
from sidecar.worker.engines.planes import edited_copy, mapped_frame, planes, video_info
from sidecar.worker.outputs.layout import fit, tiles
from sidecar.worker.outputs.plan import plan_streams

Gst.init(None)
SIZES = [(353, 289), (352, 289), (353, 288), (101, 75), (63, 63)]


def white(width, height):
    """A white frame, and its caps."""
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=%d, height=%d, framerate=15/1" % (width, height))
    info = video_info(caps)

    def whiten(frame):
        frame.y[:], frame.u[:], frame.v[:] = 235, 128, 128

    return edited_copy(Gst.Buffer.new_allocate(None, info.size, None), info, whiten), caps


def luma(buffer, caps):
    ok, mapped = buffer.map(Gst.MapFlags.READ)
    assert ok
    try:
        return np.array(planes(mapped.data, buffer, video_info(caps)).y)
    finally:
        buffer.unmap(mapped)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cameras", [1, 2])
def test_a_frame_is_shown_to_its_last_line_where_its_boxes_are_drawn(size, cameras):
    encoding = spec.Encoding(width=640, height=480, bitrate=500000, frame_rate=15)
    output = spec.Output(id="win", encoding=encoding, window=spec.WindowTarget())
    specification = spec.PipelineSpec(cameras=[spec.Camera(id=name) for name in "ab"[:cameras]], outputs=[output])
    (plan,) = plan_streams(specification)
    buffer, caps = white(*size)
    samples = []
    one = OutputPipeline(plan, OverlayOptions(), {}, samples.append, lambda *why: samples.append(why))
    numbers = itertools.count()

    def shows_the_frame():
        one.push(DetectedFrame("a", buffer, caps, *size, next(numbers), []))
        return len(samples) >= 4

    until(shows_the_frame, "frames")
    one.stop()
    shown = luma(samples[-1].get_buffer(), samples[-1].get_caps()) > 180
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    seen = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    tile = tiles(cameras, 640, 480)[0]
    assert seen == fit(*size, tile.width, tile.height)


@pytest.mark.parametrize("size", SIZES)
def test_a_mask_covers_the_last_line_and_column(size):
    buffer, caps = white(*size)
    lower_right = spec.Polygon(points=[spec.Point(x=x, y=y) for x, y in ((0.5, 0.5), (1, 0.5), (1, 1), (0.5, 1))])
    masked = luma(edited_copy(buffer, video_info(caps), Masks([lower_right]).apply), caps)
    assert (masked[-1, size[0] // 2 :] == 16).all()
    assert (masked[size[1] // 2 :, -1] == 16).all()
    assert (masked[0] == 235).all()


def test_a_buffer_that_does_not_fit_its_caps_is_unmapped():
    info = video_info(Gst.Caps.from_string("video/x-raw, format=I420, width=64, height=48"))
    unmapped = []

    class ShortBuffer:
        def map(self, _flags):
            return True, self

        def unmap(self, mapped):
            unmapped.append(mapped)

        data = b"short"

    short = ShortBuffer()
    with pytest.raises(Exception), mapped_frame(short, info):  # noqa: B017, PT011  # whichever is raised
        pass
    assert unmapped == [short]
