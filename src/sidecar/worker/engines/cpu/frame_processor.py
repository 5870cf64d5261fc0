"""Processes the decoded frames of one camera: masks them, detects objects, and hands them to the outputs.

Runs on the camera's streaming thread. Objects are detected on the very buffer that is drawn on afterwards: a box always
belongs to its frame. What arrives meanwhile waits in a queue of one, where a fresher frame replaces it.
"""

import time
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from sidecar.contract import detection
from sidecar.gst import Gst
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.cpu.frame_detector import Detections, FrameDetector
from sidecar.worker.engines.hiding import Hider, PrivacyError
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.planes import edited_copy, planes, video_info
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object

# The freeze detector compares every so many pixels, in both directions.
_COMPARE_STEP = 16
# Frames that are kept for pictures: the agent asks for one soon after it has got the detections.
_RECENT = 2


class DetectedFrame(NamedTuple):
    """A frame and the objects that were detected on it."""

    camera_id: str
    buffer: Gst.Buffer
    caps: Gst.Caps
    width: int
    height: int
    # When the frame is due on the system's monotonic clock, in nanoseconds.
    clock_time: int
    objects: List[Object]


class RecentFrame(NamedTuple):
    pts: int
    frame: DetectedFrame


class FrameProcessor:
    """on_decoded and on_sample are called on streaming threads; the rest on any thread."""

    def __init__(
        self,
        camera_id: str,
        detector: FrameDetector,
        masks: Optional[Masks],
        hider: Optional[Hider],
        deliver: Callable[[DetectedFrame], None],
        publish: Callable[[detection.FrameDetections], None],
        is_watched: Callable[[], bool],
    ) -> None:
        """deliver, publish: get each frame and its detections. is_watched: whether anybody reads the latter."""
        self._camera_id = camera_id
        self._detector = detector
        self._masks = masks
        self._hider = hider
        self._deliver = deliver
        self._publish = publish
        self._is_watched = is_watched
        self.stats = CameraStats()
        self.freeze_detector = FreezeDetector()
        # Clock time of the last frame.
        self._newest = 0
        self._info: Optional[Tuple[Gst.Caps, Any]] = None
        # Size of the frames, in pixels; (0, 0): none since reset().
        self.size = (0, 0)
        self._base_time = 0
        # The last frames that were delivered, with their PTS: replaced as a whole, for the loop thread.
        self.recent: Tuple[RecentFrame, ...] = ()

    def reset(self, base_time: int) -> None:
        """A new pipeline begins, with this base time. Called on the loop thread before frames flow."""
        self._base_time = base_time
        self.size = (0, 0)
        self.recent = ()
        self._detector.reset()
        if self._hider is not None:
            self._hider.reset()

    def on_decoded(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """A pad probe before the queue of one: counts what the camera sent."""
        self.stats.on_received()
        return Gst.PadProbeReturn.OK

    def on_sample(self, sink: Gst.Element) -> Gst.FlowReturn:
        """appsink's new-sample. Raises PrivacyError if a frame must not be seen; then it is gone."""
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        buffer = sample.get_buffer()
        caps = sample.get_caps()
        segment = sample.get_segment()
        info = self._video_info(caps)
        clock_time = segment.to_running_time(Gst.Format.TIME, buffer.pts) + self._base_time
        # A file that states its length a frame too short has two frames with the same time where it starts again.
        clock_time = max(clock_time, self._newest + 1)
        self._newest = clock_time
        pts = segment.to_stream_time(Gst.Format.TIME, buffer.pts)
        if self._masks:
            buffer = _edited(buffer, info, self._masks.apply, "its masks cannot be drawn")
        width, height = info.width, info.height
        ok, mapped = buffer.map(Gst.MapFlags.READ)
        if not ok:
            return Gst.FlowReturn.OK
        try:
            frame = planes(mapped.data, buffer, info)
            self._compare(frame)
            # A frame that is known to be frozen is neither inferred nor shown.
            found = None if self.freeze_detector.is_frozen else self._detector.infer(frame, clock_time / 1e9)
        finally:
            buffer.unmap(mapped)
        self.size = (width, height)
        if found is None:
            return Gst.FlowReturn.OK
        buffer = self._without_hidden(buffer, info, found, clock_time / 1e9)
        self._count(found)
        self.stats.latency.observe(time.monotonic() - clock_time / 1e9)
        delivered = DetectedFrame(self._camera_id, buffer, caps, width, height, clock_time, found.objects)
        self.recent = (*self.recent[1 - _RECENT :], RecentFrame(pts, delivered))
        self._deliver(delivered)
        if self._is_watched():
            self._publish(_to_contract(self._camera_id, width, height, clock_time, pts, found))
        return Gst.FlowReturn.OK

    def _without_hidden(self, buffer: Gst.Buffer, info: Any, found: Detections, seconds: float) -> Gst.Buffer:
        """Fails closed: what was not looked at is not shown."""
        if self._hider is None:
            return buffer
        if not found.inferred:
            raise PrivacyError("the model does not run, so that its objects cannot be hidden")
        if not self._hider.add(found.hidden, (info.width, info.height), seconds):
            return buffer
        return _edited(buffer, info, self._hider.apply, "its objects cannot be hidden")

    def _compare(self, frame: I420Frame) -> None:
        now = time.monotonic()
        if self.freeze_detector.is_due(now):
            self.freeze_detector.observe(frame.y[::_COMPARE_STEP, ::_COMPARE_STEP].tobytes(), now)

    def _count(self, found: Detections) -> None:
        self.stats.on_processed(found.inferred)
        self.stats.seconds += found.seconds
        self.stats.cpu_seconds += found.cpu_seconds

    def _video_info(self, caps: Gst.Caps) -> Any:
        if self._info is None or not self._info[0].is_equal(caps):
            self._info = (caps, video_info(caps))
        return self._info[1]


def _edited(buffer: Gst.Buffer, info: Any, edit: Callable[[I420Frame], None], failure: str) -> Gst.Buffer:
    """A copy: the decoder may still be using the camera's own buffer. Raises PrivacyError."""
    try:
        return edited_copy(buffer, info, edit)
    except Exception as error:  # whatever it is, nobody sees the frame
        raise PrivacyError("%s: %s" % (failure, error)) from error


def _to_contract(
    camera_id: str, width: int, height: int, clock_time: int, pts: int, found: Detections
) -> detection.FrameDetections:
    message = detection.FrameDetections(
        camera_id=camera_id,
        frame_width=width,
        frame_height=height,
        pts=pts,
        inferred=found.inferred,
        detections=[
            detection.Detection(
                class_id=one.class_id,
                label=one.label,
                confidence=one.confidence,
                track_id=one.track_id,
                box=detection.Box(left=one.left, top=one.top, width=one.width, height=one.height),
                attributes=[detection.Attribute(**attribute._asdict()) for attribute in one.attributes],
                model=one.model,
            )
            for one in found.objects
        ],
    )
    age = time.monotonic() - clock_time / 1e9
    message.capture_time.FromNanoseconds(int((time.time() - age) * 1e9))
    return message
