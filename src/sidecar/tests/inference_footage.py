"""Footage for the tests of the inference room: decoded frames of the demo clip and of Debian's street video."""

import os
from typing import Iterator, List

import numpy as np

from sidecar.gst import Gst, GstVideo
from sidecar.worker.inference.frame import BT601, BT709, I420Frame

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
MODELS = os.path.join(ROOT, "models")
DEMO = os.path.join(ROOT, "footage", "demo.mp4")
# A fixed camera over a junction; of Debian's package opencv-doc.
STREET = "/usr/share/doc/opencv-doc/examples/data/vtest.avi"


def read_frames(path: str, step: int) -> List[I420Frame]:
    """Every step-th frame of a video file, each with its own memory."""
    return [frame for number, frame in enumerate(_decode(path)) if number % step == 0]


def _decode(path: str) -> Iterator[I420Frame]:
    Gst.init(None)
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! video/x-raw, format=I420 !"
        " appsink name=sink sync=false max-buffers=2"
    )
    pipeline.get_by_name("file").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    try:
        pipeline.set_state(Gst.State.PLAYING)
        while True:
            sample = sink.emit("try-pull-sample", 10 * Gst.SECOND)
            if sample is None:
                assert sink.get_property("eos"), "%s: %s" % (
                    path,
                    pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR),
                )
                return
            yield copy_frame(sample)
    finally:
        pipeline.set_state(Gst.State.NULL)


def copy_frame(sample: Gst.Sample) -> I420Frame:
    """The frame of a sample in I420, with its own memory."""
    info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
    buffer = sample.get_buffer()
    data = np.frombuffer(buffer.extract_dup(0, buffer.get_size()), dtype=np.uint8)
    planes = []
    for index in range(3):
        width, height = (info.width, info.height) if index == 0 else ((info.width + 1) // 2, (info.height + 1) // 2)
        stride, offset = info.stride[index], info.offset[index]
        planes.append(data[offset : offset + stride * height].reshape(height, stride)[:, :width])
    matrix = BT709 if info.colorimetry.matrix == GstVideo.VideoColorMatrix.BT709 else BT601
    return I420Frame(planes[0], planes[1], planes[2], info.width, info.height, matrix, False)
