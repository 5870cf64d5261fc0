"""Processes the decoded frames of one camera: masks them, detects objects, and hands them to the outputs.

Objects are detected on the very buffer that is drawn on afterwards: a box always belongs to its frame. The camera's
streaming thread masks, the inference threads detect, and whichever ends a frame hands it on.
"""

import time
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from sidecar.contract import detection
from sidecar.gst import Gst
from sidecar.worker.cameras.freeze_detector import FreezeDetector
from sidecar.worker.cameras.stats import CameraStats
from sidecar.worker.engines.cpu.frame_detector import Detections, FrameDetector
from sidecar.worker.engines.cpu.frame_order import FrameOrder
from sidecar.worker.engines.cpu.inference_threads import InferenceThreads
from sidecar.worker.engines.hiding import Hider, PrivacyError
from sidecar.worker.engines.masks import Masks
from sidecar.worker.engines.planes import FrameMapping, edited_copy, mapped_frame, video_info
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object
from sidecar.worker.thread_priority import DECODING, lower_this_thread

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


class _Frame(NamedTuple):
    """A decoded and masked frame on its way through detection."""

    buffer: Gst.Buffer
    caps: Gst.Caps
    # GstVideo.VideoInfo.
    info: Any
    width: int
    height: int
    # See DetectedFrame.
    clock_time: int
    # In the camera's own time, in nanoseconds.
    pts: int


class _Segment(NamedTuple):
    """What the PTS of the frames that come are ahead of other times, in nanoseconds. A camera is played forward, at its
    own speed."""

    running_time: int
    stream_time: int


class FrameProcessor:
    """on_event and on_sample are called on a streaming thread; the rest on any thread."""

    def __init__(
        self,
        camera_id: str,
        detector: FrameDetector,
        threads: InferenceThreads,
        masks: Optional[Masks],
        hider: Optional[Hider],
        deliver: Callable[[DetectedFrame], None],
        publish: Callable[[detection.FrameDetections], None],
        is_watched: Callable[[], bool],
    ) -> None:
        """deliver, publish: get each frame and its detections. is_watched: whether anybody reads the latter."""
        self._camera_id = camera_id
        self._detector = detector
        self._order: FrameOrder[_Frame] = FrameOrder(threads, self._infer, self._follow)
        self._masks = masks
        self._hider = hider
        self._deliver = deliver
        self._publish = publish
        self._is_watched = is_watched
        self.stats = CameraStats(dropped=lambda: self._order.dropped)
        self.freeze_detector = FreezeDetector()
        # Clock time of the last frame.
        self._newest = 0
        # The caps of the frames that come, with their GstVideo.VideoInfo.
        self._format: Optional[Tuple[Gst.Caps, Any]] = None
        self._segment = _Segment(0, 0)
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

    def drop_frames(self) -> None:
        """Returns when no frame is delivered any more, once none comes in. Called on the loop thread."""
        self._order.clear()
        self.recent = ()

    def on_event(self, _pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        """A pad probe for the events that come between frames."""
        event = info.get_event()
        if event.type == Gst.EventType.STREAM_START:
            lower_this_thread(DECODING)
        elif event.type == Gst.EventType.CAPS:
            self._format = None
        elif event.type == Gst.EventType.SEGMENT:
            segment = event.parse_segment()
            self._segment = _Segment(segment.start + segment.offset - segment.base, segment.start - segment.time)
        return Gst.PadProbeReturn.OK

    def on_sample(self, sink: Gst.Element) -> Gst.FlowReturn:
        """appsink's new-sample. Raises PrivacyError if it, or an earlier frame, must not be seen; then that is gone.

        Each call of GStreamer lets another thread run Python, which costs more than the call: so there are few.
        """
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        self.stats.on_received()
        buffer = sample.get_buffer()
        if self._format is None:
            caps = sample.get_caps()
            self._format = (caps, video_info(caps))
        caps, info = self._format
        width, height = info.width, info.height
        # A file that states its length a frame too short has two frames with the same time where it starts again.
        clock_time = max(buffer.pts - self._segment.running_time + self._base_time, self._newest + 1)
        self._newest = clock_time
        pts = buffer.pts - self._segment.stream_time
        if self._masks:
            buffer = _edited(buffer, info, self._masks.apply, "its masks cannot be drawn")
        self.size = (width, height)
        with FrameMapping(buffer, info) as mapping:
            self._compare(mapping)
            is_due = self._detector.is_due(lambda: mapping.frame().y, clock_time / 1e9)
        # A frame that is known to be frozen is neither inferred nor shown.
        if self.freeze_detector.is_frozen:
            self._order.drop()
        else:
            # Where most frames have the objects of an earlier one, none waits for its own inference; but while models
            # behind the first work on what was found, the next frames wait.
            at_once = self._detector.still_interval > 0 and self._hider is None
            self._order.add(_Frame(buffer, caps, info, width, height, clock_time, pts), is_due, at_once)
        return Gst.FlowReturn.OK

    def _infer(self, frame: _Frame) -> Detections:
        """On an inference thread."""
        with mapped_frame(frame.buffer, frame.info) as planes:
            return self._detector.infer(planes)

    def _follow(self, frame: _Frame, found: Optional[Detections], was_delivered: bool, clears: int) -> None:
        """Frames come in their order, one at a time; those delivered before come with what was found since."""
        width, height, clock_time = frame.width, frame.height, frame.clock_time
        if found is None:
            found = self._detector.predict(width, height, clock_time / 1e9)
        else:
            with mapped_frame(frame.buffer, frame.info) as planes:
                found = self._detector.follow(found, planes, clock_time / 1e9)
        if clears != self._order.clears:
            # Models that take long have held it up, and its camera has gone on without it.
            if not was_delivered:
                self._order.drop()
            return
        if was_delivered:
            if found is not None:
                self.stats.inferred += found.inferred
                self._add_seconds(found)
            return
        if found is None:
            self._order.drop()
            return
        buffer = self._without_hidden(frame.buffer, frame.info, found, clock_time / 1e9)
        self.stats.on_processed(found.inferred)
        self._add_seconds(found)
        self.stats.latency.observe(time.monotonic() - clock_time / 1e9)
        delivered = DetectedFrame(self._camera_id, buffer, frame.caps, width, height, clock_time, found.objects)
        self.recent = (*self.recent[1 - _RECENT :], RecentFrame(frame.pts, delivered))
        self._deliver(delivered)
        if self._is_watched():
            self._publish(_to_contract(self._camera_id, width, height, clock_time, frame.pts, found))

    def _without_hidden(self, buffer: Gst.Buffer, info: Any, found: Detections, seconds: float) -> Gst.Buffer:
        """Fails closed: what was not looked at is not shown."""
        if self._hider is None:
            return buffer
        if not found.inferred:
            raise PrivacyError("the model does not run, so that its objects cannot be hidden")
        if not self._hider.add(found.hidden, (info.width, info.height), seconds):
            return buffer
        return _edited(buffer, info, self._hider.apply, "its objects cannot be hidden")

    def _compare(self, mapping: FrameMapping) -> None:
        now = time.monotonic()
        if self.freeze_detector.is_due(now):
            self.freeze_detector.observe(mapping.frame().y[::_COMPARE_STEP, ::_COMPARE_STEP].tobytes(), now)

    def _add_seconds(self, found: Detections) -> None:
        self.stats.seconds += found.seconds
        self.stats.cpu_seconds += found.cpu_seconds


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
