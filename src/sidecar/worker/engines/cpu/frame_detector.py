"""Detects objects on frames: one network for all cameras, with settings that may change while frames flow."""

import os
import threading
from typing import Callable, FrozenSet, List, NamedTuple, Optional, Sequence

from sidecar.contract import spec
from sidecar.worker.inference.detector import Detector, ModelError
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.tracker import Tracker
from sidecar.worker.main_loop import MainLoop

# An inference that takes longer than this many rounds of so many seconds is ended. The loop thread may wait for it when
# a camera is closed, and the keeper kills a worker whose loop stands for five seconds.
_ROUNDS = 8
_ROUND_SECONDS = 0.5


class Detections(NamedTuple):
    """The objects on one frame."""

    objects: List[Object]
    # False: carried over from an earlier frame.
    inferred: bool
    # Wall-clock and CPU seconds that the network took.
    seconds: float
    cpu_seconds: float
    # Those that are to be hidden; nobody may be interested in them otherwise.
    hidden: Sequence[Object] = ()


_NOTHING = Detections([], False, 0.0, 0.0)


class _Settings(NamedTuple):
    """Replaced as a whole: no frame gets half of a change."""

    detector: Detector
    filter: DetectionFilter
    interval: int
    # Objects are followed from frame to frame.
    is_tracked: bool
    # The network has failed: frames pass without detection.
    is_paused: bool = False


class SharedDetector:
    """The network and its settings, for all cameras. Methods are called on the loop thread, but for report()."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        """failed: called on the loop thread when the network fails, once until resume() or configure()."""
        self._failed = failed
        # None: no model has been applied yet.
        self.settings: Optional[_Settings] = None
        # More inferences at a time than processors would only make each of them, and the encoder, late.
        self.slots = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="inference-watchdog", daemon=True).start()

    def configure(self, detector: Detector, interval: int, model: spec.Model, is_tracked: bool) -> None:
        """interval: the bundle's, which the specification may override. is_tracked: follow objects."""
        classes: Optional[FrozenSet[str]] = frozenset(model.classes) if model.classes else None
        threshold = model.threshold if model.HasField("threshold") else None
        wanted = model.interval if model.HasField("interval") else interval
        self.settings = _Settings(detector, DetectionFilter(threshold, classes), wanted, is_tracked)

    def resume(self) -> None:
        """Detects again after a failure."""
        if self.settings is not None:
            self.settings = self.settings._replace(is_paused=False)

    def stop(self) -> None:
        """Ends its thread."""
        self._stopped.set()

    def report(self, settings: _Settings, why: str) -> None:
        """A network failed that was used with these settings. Called on any thread."""
        MainLoop.post(self._on_failed, settings, why)

    def _watch(self) -> None:
        while not self._stopped.wait(_ROUND_SECONDS):
            settings = self.settings
            if settings is not None:
                settings.detector.end_overdue(_ROUNDS)

    def _on_failed(self, settings: _Settings, why: str) -> None:
        # Other threads may have failed with the same settings, and other settings may have come meanwhile.
        if settings is self.settings:
            self.settings = settings._replace(is_paused=True)
            self._failed(why)


class FrameDetector:
    """Detects objects on the frames of one camera. Used on that camera's streaming thread only."""

    def __init__(self, shared: SharedDetector, hidden: FrozenSet[str] = frozenset()) -> None:
        """hidden: the classes whose objects must be known on every frame: then no frame is skipped."""
        self._shared = shared
        self._hidden = hidden
        # The last inference, the settings that it was made with, and how many frames have been skipped since.
        self._last: Optional[Detections] = None
        self._last_settings: Optional[_Settings] = None
        self._skipped = 0
        self._tracker = Tracker()

    def reset(self) -> None:
        """The next frames are of a new connection: its objects have other ids. Called before they flow."""
        self._tracker.reset()
        self._last = None

    def infer(self, frame: I420Frame, seconds: float) -> Optional[Detections]:
        """The objects on a frame, which is due at this time; with an interval, those of the last frame that was
        inferred, moved on if they are followed. None: there is no model yet."""
        settings = self._shared.settings
        if settings is None:
            return None
        if settings.is_paused:
            return _NOTHING
        last = self._last if settings is self._last_settings else None
        if last is not None and self._skipped < settings.interval and not self._hidden:
            self._skipped += 1
            moved = self._tracker.predict(seconds, frame.width, frame.height) if settings.is_tracked else last.objects
            return Detections(moved, False, 0.0, 0.0)
        try:
            with self._shared.slots:
                found = settings.detector.detect(frame, self._with_hidden(settings.filter))
        except ModelError as why:
            self._shared.report(settings, str(why))
            return _NOTHING
        self._skipped = 0
        self._last_settings = settings
        hidden = [one for one in found.objects if one.label in self._hidden]
        wanted = settings.filter.classes
        objects = [one for one in found.objects if wanted is None or one.label in wanted]
        if settings.is_tracked:
            objects = self._tracker.update(objects, seconds)
        self._last = Detections(objects, True, found.seconds, found.cpu_seconds, hidden)
        return self._last

    def _with_hidden(self, wanted: DetectionFilter) -> DetectionFilter:
        return wanted if wanted.classes is None else wanted._replace(classes=wanted.classes | self._hidden)
