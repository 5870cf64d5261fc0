"""DetectionReporter: from the objects of a frame to the contract's detections, by a bounded queue and one thread."""

import queue
import threading
import time
from typing import Callable, List, NamedTuple, Optional, Tuple

from sidecar.contract import detection
from sidecar.worker.inference.postprocess import Object

# In frames. A longer queue would not help a reader that is too slow, and old detections are worth little.
_LONGEST_QUEUE = 128


class FrameObjects(NamedTuple):
    """The objects of a frame, as the probe found them: plain numbers. Boxes are in pixels of the muxer's frames."""

    camera_id: str
    width: int
    height: int
    mux_size: Tuple[int, int]
    wall_time: int
    pts: int
    inferred: bool
    objects: List[Object]


class DetectionReporter:
    """put() is called on streaming threads, the rest on any."""

    def __init__(self, publish: Callable[[detection.FrameDetections], None], wanted: Callable[[], bool]) -> None:
        """publish: called on a thread of the reporter's own. wanted: whether anybody reads detections."""
        self._publish = publish
        self.wanted = wanted
        # Frames that found the queue full.
        self.dropped = 0
        self._frames: "queue.Queue[Optional[FrameObjects]]" = queue.Queue(_LONGEST_QUEUE)
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def put(self, frame: FrameObjects) -> None:
        """Hands a frame over. Never waits."""
        try:
            self._frames.put_nowait(frame)
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        """Publishes the frames in the queue. Returns when the thread has ended."""
        self._frames.put(None)
        self._thread.join()

    def _run(self) -> None:
        for frame in iter(self._frames.get, None):
            self._publish(to_contract(frame))


def to_contract(frame: FrameObjects) -> detection.FrameDetections:
    """Maps boxes from the muxer's frame, whose top left the camera's frame fills, to the camera's own pixels. Pure, but
    for a frame without a wall time, which gets the current one."""
    scale = max(frame.width / frame.mux_size[0], frame.height / frame.mux_size[1])
    message = detection.FrameDetections(
        camera_id=frame.camera_id,
        frame_width=frame.width,
        frame_height=frame.height,
        pts=frame.pts,
        inferred=frame.inferred,
    )
    message.capture_time.FromNanoseconds(frame.wall_time or int(time.time() * 1e9))
    for one in frame.objects:
        left, top = max(0.0, one.left * scale), max(0.0, one.top * scale)
        right = min(float(frame.width), (one.left + one.width) * scale)
        bottom = min(float(frame.height), (one.top + one.height) * scale)
        if right <= left or bottom <= top:
            continue
        found = message.detections.add(
            class_id=one.class_id,
            label=one.label,
            # Some clusterings and trackers give -0.1 in place of a confidence.
            confidence=max(0.0, min(1.0, one.confidence)),
            box=detection.Box(left=left, top=top, width=right - left, height=bottom - top),
            attributes=[detection.Attribute(**attribute._asdict()) for attribute in one.attributes],
            model=one.model,
        )
        if one.track_id is not None:
            found.track_id = one.track_id
    return message
