"""Detects objects on frames: one network for all cameras, with settings that may change while frames flow."""

import os
import threading
from typing import FrozenSet, List, NamedTuple, Optional

from sidecar.contract import spec
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter, Object


class Detections(NamedTuple):
    """The objects on one frame."""

    objects: List[Object]
    # False: carried over from an earlier frame.
    inferred: bool
    # Wall-clock and CPU seconds that the network took.
    seconds: float
    cpu_seconds: float


class _Settings(NamedTuple):
    """Replaced as a whole: no frame gets half of a change."""

    detector: Detector
    filter: DetectionFilter
    interval: int


class SharedDetector:
    """The network and its settings, for all cameras. configure() is called on the loop thread."""

    def __init__(self) -> None:
        # None: no model has been applied yet.
        self.settings: Optional[_Settings] = None
        # More inferences at a time than processors would only make each of them, and the encoder, late.
        self.slots = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))

    def configure(self, detector: Detector, interval: int, model: spec.Model) -> None:
        """interval: the bundle's, which the specification may override."""
        classes: Optional[FrozenSet[str]] = frozenset(model.classes) if model.classes else None
        threshold = model.threshold if model.HasField("threshold") else None
        wanted = model.interval if model.HasField("interval") else interval
        self.settings = _Settings(detector, DetectionFilter(threshold, classes), wanted)


class FrameDetector:
    """Detects objects on the frames of one camera. Used on that camera's streaming thread only."""

    def __init__(self, shared: SharedDetector) -> None:
        self._shared = shared
        # The last inference, the settings that it was made with, and how many frames have been skipped since.
        self._last: Optional[Detections] = None
        self._last_settings: Optional[_Settings] = None
        self._skipped = 0

    def infer(self, frame: I420Frame) -> Optional[Detections]:
        """The objects on a frame; with an interval, those of the last frame that was inferred. None: there is no model
        yet."""
        settings = self._shared.settings
        if settings is None:
            return None
        last = self._last if settings is self._last_settings else None
        if last is not None and self._skipped < settings.interval:
            self._skipped += 1
            return Detections(last.objects, False, 0.0, 0.0)
        with self._shared.slots:
            found = settings.detector.detect(frame, settings.filter)
        self._skipped = 0
        self._last_settings = settings
        self._last = Detections(found.objects, True, found.seconds, found.cpu_seconds)
        return self._last
