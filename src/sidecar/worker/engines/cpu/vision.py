"""What the cameras see with: one model for all of them, and the settings that may change while frames flow."""

import os
import threading
from typing import FrozenSet, List, NamedTuple, Optional

from sidecar.contract import spec
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter, Object


class Sight(NamedTuple):
    """What was found on one frame."""

    objects: List[Object]
    # False: carried over from an earlier frame.
    inferred: bool
    # Wall-clock and CPU seconds spent in the network.
    seconds: float
    cpu_seconds: float


class _Settings(NamedTuple):
    """Replaced as a whole, so that a frame is never seen with half of an old setting."""

    detector: Detector
    filter: DetectionFilter
    interval: int


class Vision:
    """Shared by all cameras. configure() is called on the loop thread, look() of an Eye on a camera's own."""

    def __init__(self) -> None:
        self.settings: Optional[_Settings] = None
        # More inferences at a time than processors would only make each of them, and the encoder, late.
        self.turns = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))

    def configure(self, detector: Detector, interval: int, model: spec.Model) -> None:
        """interval: the bundle's, for a specification that does not say another."""
        classes: Optional[FrozenSet[str]] = frozenset(model.classes) if model.classes else None
        threshold = model.threshold if model.HasField("threshold") else None
        wanted = model.interval if model.HasField("interval") else interval
        self.settings = _Settings(detector, DetectionFilter(threshold, classes), wanted)


class Eye:
    """One camera's view: knows what the frame before showed. Used on that camera's streaming thread only."""

    def __init__(self, vision: Vision) -> None:
        self._vision = vision
        self._last: Optional[Sight] = None
        self._last_settings: Optional[_Settings] = None
        self._skipped = 0

    def look(self, frame: I420Frame) -> Optional[Sight]:
        """What is on this frame; with an interval, on the last frame that was inferred. None: no model is there yet."""
        settings = self._vision.settings
        if settings is None:
            return None
        fresh = settings is self._last_settings and self._last is not None
        if fresh and self._skipped < settings.interval:
            self._skipped += 1
            assert self._last is not None
            return Sight(self._last.objects, False, 0.0, 0.0)
        with self._vision.turns:
            found = settings.detector.detect(frame, settings.filter)
        self._skipped = 0
        self._last_settings = settings
        self._last = Sight(found.objects, True, found.seconds, found.cpu_seconds)
        return self._last
