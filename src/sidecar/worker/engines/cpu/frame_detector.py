"""Detects objects on frames: one network for all cameras, with settings that may change while frames flow."""

import threading
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence

from sidecar.contract import spec
from sidecar.worker.inference.detector import Detector, ModelError
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.motion_gate import MotionGate
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.tracker import Tracker
from sidecar.worker.main_loop import MainLoop

# An inference that takes longer than this many rounds of so many seconds is ended.
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
        # The networks in use, by thread: one that has been replaced may still be.
        self.running: Dict[int, Detector] = {}
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
            # A copy, made at once: other threads begin and end inferences meanwhile.
            for detector in set(self.running.values()):
                detector.end_overdue(_ROUNDS)

    def _on_failed(self, settings: _Settings, why: str) -> None:
        # Other threads may have failed with the same settings, and other settings may have come meanwhile.
        if settings is self.settings:
            self.settings = settings._replace(is_paused=True)
            self._failed(why)


class FrameDetector:
    """Detects objects on the frames of one camera. For each frame is_due() is called, then infer() if it is due, and
    follow(): is_due() and follow() in the order of the frames and one call at a time, infer() for several at a time."""

    def __init__(self, shared: SharedDetector, hidden: FrozenSet[str] = frozenset()) -> None:
        """hidden: the classes whose objects must be known on every frame: then no frame is skipped."""
        self._shared = shared
        self._hidden = hidden
        # In seconds; 0: frames are inferred whether anything moves or not. Set on the loop thread while frames flow.
        self.still_interval = 0.0
        self._gate = MotionGate()
        # The settings with which the newest inference was due, and how many frames have been skipped since.
        self._due_settings: Optional[_Settings] = None
        self._skipped = 0
        # The newest inference.
        self._last: Optional[Detections] = None
        self._tracker = Tracker()

    def reset(self) -> None:
        """The next frames are of a new connection: its objects have other ids. Called before they flow."""
        self._tracker.reset()
        self._last = None
        self._due_settings = None

    def is_due(self, frame: I420Frame, seconds: float) -> bool:
        """Whether a frame is inferred, which is due at this time. With an interval, frames in between are not; with a
        still interval, most of those are not on which nothing moved."""
        settings = self._shared.settings
        if settings is None or settings.is_paused:
            return False
        if self._hidden:
            return True
        if settings is not self._due_settings:
            self._gate.reset()
        elif self._skipped < settings.interval:
            self._skipped += 1
            return False
        if self.still_interval and not self._gate.opens(frame.y, seconds, self.still_interval):
            return False
        self._due_settings = settings
        self._skipped = 0
        return True

    def infer(self, frame: I420Frame) -> Detections:
        """The objects on a frame. Blocks for the time of an inference."""
        settings = self._shared.settings
        if settings is None or settings.is_paused:
            return _NOTHING
        thread = threading.get_ident()
        self._shared.running[thread] = settings.detector
        try:
            found = settings.detector.detect(frame, self._with_hidden(settings.filter))
        except ModelError as why:
            self._shared.report(settings, str(why))
            return _NOTHING
        finally:
            del self._shared.running[thread]
        hidden = [one for one in found.objects if one.label in self._hidden]
        wanted = settings.filter.classes
        objects = [one for one in found.objects if wanted is None or one.label in wanted]
        return Detections(objects, True, found.seconds, found.cpu_seconds, hidden)

    def follow(self, found: Optional[Detections], seconds: float, width: int, height: int) -> Optional[Detections]:
        """The objects on a frame of this size, which is due at this time, with their ids. found: what infer() returned;
        None: the frame was not inferred, and has the objects of the last one that was, moved on if they are followed.
        Returns None while there is no model."""
        settings = self._shared.settings
        if settings is None:
            return None
        if found is None:
            if settings.is_paused or self._last is None:
                return _NOTHING
            last = self._last.objects
            moved = self._tracker.predict(seconds, width, height) if settings.is_tracked else last
            return Detections(moved, False, 0.0, 0.0)
        if found.inferred and settings.is_tracked:
            found = found._replace(objects=self._tracker.update(found.objects, seconds))
        self._last = found if found.inferred else None
        return found

    def _with_hidden(self, wanted: DetectionFilter) -> DetectionFilter:
        return wanted if wanted.classes is None else wanted._replace(classes=wanted.classes | self._hidden)
