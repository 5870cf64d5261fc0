"""From what a probe saw to the contract's detections: a bounded queue, and one thread that makes the messages."""

import queue
import threading
import time
from typing import Callable, List, NamedTuple, Optional, Tuple

from sidecar.contract import detection
from sidecar.worker.engines.deepstream.meta import SeenObject

# Frames that wait. More means that the reader cannot follow, and what is old is worth little.
_WAITING = 128


class SeenFrame(NamedTuple):
    """A frame as the probe left it: plain numbers. Boxes are in pixels of the muxer's picture."""

    camera_id: str
    width: int
    height: int
    # Size of the muxer's picture.
    mux_size: Tuple[int, int]
    wall_time: int
    pts: int
    inferred: bool
    objects: List[SeenObject]


class Reporter:
    """put() is called on streaming threads, the rest on any."""

    def __init__(self, publish: Callable[[detection.FrameDetections], None], wanted: Callable[[], bool]) -> None:
        """publish is called on a thread of the reporter's own. wanted: whether anybody reads detections."""
        self._publish = publish
        self.wanted = wanted
        # Frames that found the queue full.
        self.dropped = 0
        self._frames: "queue.Queue[Optional[SeenFrame]]" = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def put(self, frame: SeenFrame) -> None:
        """Hands a frame over. Never waits."""
        try:
            self._frames.put_nowait(frame)
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        """Returns when the thread has ended; frames that wait are published before."""
        self._frames.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            frame = self._frames.get()
            if frame is None:
                return
            self._publish(to_contract(frame))


def to_contract(frame: SeenFrame) -> detection.FrameDetections:
    """Boxes go back from the muxer's picture, in which the frame fills the top left, to the camera's own pixels. Pure,
    but for a frame whose time is not known: that is now."""
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
            # Some clusterings and trackers do not keep it, and say -0.1.
            confidence=max(0.0, min(1.0, one.confidence)),
            box=detection.Box(left=left, top=top, width=right - left, height=bottom - top),
        )
        if one.track_id is not None:
            found.track_id = one.track_id
    return message
