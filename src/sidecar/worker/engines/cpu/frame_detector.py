"""Detects objects on frames: the same networks for all cameras, with settings that may change while frames flow."""

import os
import threading
from typing import Callable, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from sidecar.contract import spec
from sidecar.worker.engines.cpu.model import LoadedModel
from sidecar.worker.engines.cpu.object_inference import ObjectInference, ObjectModel, object_model
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter, Object, detection_filter
from sidecar.worker.inference.session import ModelError
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
    # Wall-clock and CPU seconds that the networks took.
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
    # The models behind the first.
    object_models: Tuple[ObjectModel, ...]
    # A network has failed: frames pass without detection.
    is_paused: bool = False


class SharedDetector:
    """The networks and their settings, for all cameras. Methods are called on the loop thread, but for report()."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        """failed: called on the loop thread when the network fails, once until resume() or configure()."""
        self._failed = failed
        # None: no model has been applied yet.
        self.settings: Optional[_Settings] = None
        # More inferences at a time than processors would only make each of them, and the encoder, late.
        self.slots = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="inference-watchdog", daemon=True).start()

    def configure(self, loaded: Sequence[LoadedModel], models: Sequence[spec.Model], is_tracked: bool) -> None:
        """models: of the specification, whose settings override those of the bundles. is_tracked: follow objects."""
        first, wanted = loaded[0], models[0]
        assert isinstance(first.network, Detector), "a cascade begins with one"
        interval = wanted.interval if wanted.HasField("interval") else first.bundle.config.interval
        bundles = [one.bundle for one in loaded]
        others = tuple(
            object_model(bundles, number, loaded[number].network, models[number]) for number in range(1, len(loaded))
        )
        self.settings = _Settings(first.network, detection_filter(wanted), interval, is_tracked, others)

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
                for network in (settings.detector, *(one.network for one in settings.object_models)):
                    network.end_overdue(_ROUNDS)

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
        self._object_inference = ObjectInference()

    def reset(self) -> None:
        """The next frames are of a new connection: its objects have other ids. Called before they flow."""
        self._tracker.reset()
        self._object_inference.reset()
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
            if not settings.is_tracked:
                return Detections(last.objects, False, 0.0, 0.0)
            moved = self._tracker.predict(seconds, frame.width, frame.height)
            return Detections(self._object_inference.recall(moved, settings.object_models), False, 0.0, 0.0)
        if settings is not self._last_settings:
            # What other models said is not for these.
            self._object_inference.reset()
        try:
            with self._shared.slots:
                self._last = self._infer(frame, seconds, settings)
        except ModelError as why:
            self._shared.report(settings, str(why))
            return _NOTHING
        self._skipped = 0
        self._last_settings = settings
        return self._last

    def _infer(self, frame: I420Frame, seconds: float, settings: _Settings) -> Detections:
        """Detects objects, follows them, and has the other models work on them. Raises ModelError."""
        found = settings.detector.detect(frame, self._with_hidden(settings.filter))
        hidden = [one for one in found.objects if one.label in self._hidden]
        wanted = settings.filter.classes
        objects = [one for one in found.objects if wanted is None or one.label in wanted]
        if settings.is_tracked:
            objects = self._tracker.update(objects, seconds)
        said = self._object_inference.infer(frame, objects, settings.object_models)
        cpu_seconds = found.cpu_seconds + said.cpu_seconds
        return Detections(said.objects, True, found.seconds + said.seconds, cpu_seconds, hidden)

    def _with_hidden(self, wanted: DetectionFilter) -> DetectionFilter:
        return wanted if wanted.classes is None else wanted._replace(classes=wanted.classes | self._hidden)
