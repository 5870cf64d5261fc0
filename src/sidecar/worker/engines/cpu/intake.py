"""The intake of one camera: each decoded frame is masked, looked at and handed to the pictures it belongs to.

Runs on the camera's streaming thread. Detection happens on the very buffer that is drawn on afterwards, so that a box
always belongs to its frame; what comes meanwhile waits in a queue of one, where a fresher frame replaces it.
"""

import time
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from sidecar.contract import detection
from sidecar.gst import Gst
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.cpu.vision import Eye, Sight
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.planes import planes, video_info
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object

# Pictures are compared at every so many pixels in both directions.
_COMPARE_STEP = 16


class SeenFrame(NamedTuple):
    """A frame and what is on it."""

    camera_id: str
    buffer: Gst.Buffer
    caps: Gst.Caps
    width: int
    height: int
    # When the frame is due on the system's monotonic clock, in nanoseconds.
    clock_time: int
    objects: List[Object]


class Intake:
    """on_decoded and on_sample are called on streaming threads; the rest on any thread."""

    def __init__(
        self,
        camera_id: str,
        eye: Eye,
        masks: Optional[Masks],
        deliver: Callable[[SeenFrame], None],
        detections: Optional[Callable[[detection.FrameDetections], None]],
        detections_wanted: Callable[[], bool],
    ) -> None:
        self._camera_id = camera_id
        self._eye = eye
        self._masks = masks
        self._deliver = deliver
        self._publish = detections
        self._wanted = detections_wanted
        self.stats = CameraStats()
        self.freeze_detector = FreezeDetector()
        # Clock time of the frame that was delivered last.
        self._newest = 0
        self._info: Optional[Tuple[Gst.Caps, Any]] = None
        # Of the frames, in pixels; (0, 0): none since reset().
        self.size = (0, 0)
        self._base_time = 0

    def reset(self, base_time: int) -> None:
        """A new pipeline begins, with this base time. Called on the loop thread before frames flow."""
        self._base_time = base_time
        self.size = (0, 0)

    def on_decoded(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """Probe in front of the queue of one: counts what the camera sent."""
        self.stats.on_received()
        return Gst.PadProbeReturn.OK

    def on_sample(self, sink: Gst.Element) -> Gst.FlowReturn:
        """appsink's new-sample."""
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        buffer = sample.get_buffer()
        caps = sample.get_caps()
        segment = sample.get_segment()
        info = self._video_info(caps)
        if self._masks:
            buffer = self._masked(buffer, info)
        width, height = info.width, info.height
        ok, mapped = buffer.map(Gst.MapFlags.READ)
        if not ok:
            return Gst.FlowReturn.OK
        try:
            frame = planes(mapped.data, buffer, info)
            self._compare(frame)
            # A picture that is known to be frozen is neither looked at nor shown.
            sight = None if self.freeze_detector.is_frozen else self._eye.look(frame)
        finally:
            buffer.unmap(mapped)
        self.size = (width, height)
        if sight is None:
            return Gst.FlowReturn.OK
        self._count(sight)
        clock_time = segment.to_running_time(Gst.Format.TIME, buffer.pts) + self._base_time
        # At the seam of a file whose length is given a frame too short, two frames have the same time.
        clock_time = max(clock_time, self._newest + 1)
        self._newest = clock_time
        self._deliver(SeenFrame(self._camera_id, buffer, caps, width, height, clock_time, sight.objects))
        if self._publish is not None and self._wanted():
            pts = segment.to_stream_time(Gst.Format.TIME, buffer.pts)
            self._publish(_message(self._camera_id, width, height, clock_time, pts, sight))
        return Gst.FlowReturn.OK

    def _compare(self, frame: I420Frame) -> None:
        now = time.monotonic()
        if self.freeze_detector.is_due(now):
            self.freeze_detector.observe(frame.y[::_COMPARE_STEP, ::_COMPARE_STEP].tobytes(), now)

    def _count(self, sight: Sight) -> None:
        self.stats.on_processed(sight.inferred)
        self.stats.seconds += sight.seconds
        self.stats.cpu_seconds += sight.cpu_seconds

    def _video_info(self, caps: Gst.Caps) -> Any:
        if self._info is None or not self._info[0].is_equal(caps):
            self._info = (caps, video_info(caps))
        return self._info[1]

    def _masked(self, buffer: Gst.Buffer, info: Any) -> Gst.Buffer:
        """A copy with the masks burnt in; the camera's own buffer may be in use by the decoder."""
        assert self._masks is not None
        copy = buffer.copy_deep()
        ok, mapped = copy.map(Gst.MapFlags.READ | Gst.MapFlags.WRITE)
        assert ok, "a buffer of our own can be written to"
        try:
            self._masks.apply(planes(mapped.data, copy, info))
        finally:
            copy.unmap(mapped)
        return copy


def _message(
    camera_id: str, width: int, height: int, clock_time: int, pts: int, sight: Sight
) -> detection.FrameDetections:
    message = detection.FrameDetections(
        camera_id=camera_id,
        frame_width=width,
        frame_height=height,
        pts=pts,
        inferred=sight.inferred,
        detections=[
            detection.Detection(
                class_id=found.class_id,
                label=found.label,
                confidence=found.confidence,
                box=detection.Box(left=found.left, top=found.top, width=found.width, height=found.height),
            )
            for found in sight.objects
        ],
    )
    age = time.monotonic() - clock_time / 1e9
    message.capture_time.FromNanoseconds(int((time.time() - age) * 1e9))
    return message
