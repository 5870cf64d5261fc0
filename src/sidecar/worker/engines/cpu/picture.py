"""JPEG images of single frames of a camera, as they were detected on."""

import time
from typing import Optional, Sequence, Tuple

import grpc
import numpy as np

from sidecar.contract import detection
from sidecar.gst import Gst
from sidecar.worker.engines.cpu.frame_processor import DetectedFrame, RecentFrame
from sidecar.worker.engines.cpu.pipeline import build_preview_pipeline
from sidecar.worker.engines.engine import Picture, PictureError, Preview
from sidecar.worker.engines.planes import planes, video_info

# An older frame is no picture of now.
_OLDEST_SECONDS = 2.0
# Width and height of an area are multiples of this, in pixels: so GStreamer's rows have no padding.
_GRID = 8


def take_picture(recent: Sequence[RecentFrame], pts: int, area: Optional[detection.Box]) -> Picture:
    """The recent frame that is closest to a PTS. Called on the loop thread. Raises PictureError and ChainError."""
    now = time.monotonic()
    fresh = [one for one in recent if now - one.frame.clock_time / 1e9 <= _OLDEST_SECONDS]
    if not fresh:
        raise PictureError(grpc.StatusCode.UNAVAILABLE, "the camera sends no frames now")
    one = min(fresh, key=lambda each: abs(each.pts - pts))
    return Picture(_Image(_part(one.frame, area)), one.pts)


class _Image(Preview):
    """Encodes one frame in a pipeline of its own."""

    def __init__(self, sample: Gst.Sample) -> None:
        super().__init__()
        self._pipeline, source = build_preview_pipeline(self._on_jpeg)
        self._pipeline.set_state(Gst.State.PLAYING)
        source.emit("push-sample", sample)

    def stop(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)

    def _on_jpeg(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        if sample is not None:
            buffer = sample.get_buffer()
            self.offer(buffer.extract_dup(0, buffer.get_size()))
        return Gst.FlowReturn.OK


def _part(frame: DetectedFrame, area: Optional[detection.Box]) -> Gst.Sample:
    if area is None:
        return Gst.Sample.new(frame.buffer, frame.caps, None, None)
    left, width = _cut(area.left, area.width, frame.width)
    top, height = _cut(area.top, area.height, frame.height)
    ok, mapped = frame.buffer.map(Gst.MapFlags.READ)
    if not ok:
        raise PictureError(grpc.StatusCode.UNAVAILABLE, "the frame cannot be read")
    try:
        whole = planes(mapped.data, frame.buffer, video_info(frame.caps))
        content = b"".join(
            np.ascontiguousarray(
                plane[top >> half : (top + height) >> half, left >> half : (left + width) >> half]
            ).tobytes()
            for plane, half in ((whole.y, 0), (whole.u, 1), (whole.v, 1))
        )
    finally:
        frame.buffer.unmap(mapped)
    caps = Gst.Caps.from_string("video/x-raw, format=I420, width=%d, height=%d, framerate=0/1" % (width, height))
    return Gst.Sample.new(Gst.Buffer.new_wrapped(content), caps, None, None)


def _cut(start: float, length: float, limit: int) -> Tuple[int, int]:
    """Where an area begins within a frame's side, and how long it is there, in steps of the grid."""
    most = limit // _GRID
    if most == 0 or not (np.isfinite(start) and np.isfinite(length)):
        raise PictureError(grpc.StatusCode.INVALID_ARGUMENT, "there is no such area of the frame")
    first = min(max(0, int(start // _GRID)), most - 1)
    last = min(max(first + 1, int(-(-(start + length) // _GRID))), most)
    return first * _GRID, (last - first) * _GRID
