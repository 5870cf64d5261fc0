"""Detects objects on frames: the same networks for all cameras, with settings that may change while frames flow."""

import threading
from contextlib import contextmanager
from typing import Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from sidecar.contract import spec
from sidecar.worker.engines.cpu.model import LoadedModel
from sidecar.worker.engines.cpu.object_inference import ObjectInference, ObjectModel, object_model
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.motion_gate import MotionGate
from sidecar.worker.inference.networks import Network
from sidecar.worker.inference.postprocess import DetectionFilter, Object, detection_filter
from sidecar.worker.inference.session import ModelError
from sidecar.worker.inference.tracker import Tracker
from sidecar.worker.main_loop import MainLoop

# An inference that takes longer than this many rounds of so many seconds is ended.
_ROUNDS = 8
_ROUND_SECONDS = 0.5
# One that goes on after that never ends, and holds a thread and its camera's frames. In processor time, since a busy
# machine makes a good inference late.
MOST_CPU_SECONDS = 30.0


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

    @property
    def networks(self) -> Tuple[Network, ...]:
        return (self.detector, *(one.network for one in self.object_models))


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
    # With which the frame was inferred.
    settings: Optional[_Settings] = None


_NOTHING = Detections([], False, 0.0, 0.0)


class SharedDetector:
    """The networks and their settings, for all cameras. Methods are called on the loop thread, but for report()."""

    def __init__(self, failed: Callable[[str], None], hangs: Callable[[], None]) -> None:
        """Both are called on the loop thread. failed: when the network fails, once until resume() or another network.
        hangs: when an inference cannot be ended, once."""
        self._failed = failed
        self._hangs = hangs
        # None: no model has been applied yet.
        self.settings: Optional[_Settings] = None
        # The networks in use, by thread: one that has been replaced may still be.
        self._running: Dict[int, Tuple[Network, ...]] = {}
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
        settings = _Settings(first.network, detection_filter(wanted), interval, is_tracked, others)
        # A network that crashes the worker would crash it at each change of other settings. Networks are equal if they
        # are the same.
        if self.settings is not None and self.settings.is_paused and self.settings.networks == settings.networks:
            settings = settings._replace(is_paused=True)
        # Equal settings stay the same object, by which cameras tell what was found with them.
        if settings != self.settings:
            self.settings = settings

    @property
    def is_paused(self) -> bool:
        """After a failure, until resume() or another network."""
        return self.settings is not None and self.settings.is_paused

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

    @contextmanager
    def watched(self, networks: Sequence[Network]) -> Iterator[None]:
        """Ends an inference of these networks, which this thread uses within, when it takes too long."""
        self._running[threading.get_ident()] = tuple(networks)
        try:
            yield
        finally:
            del self._running[threading.get_ident()]

    def _watch(self) -> None:
        while not self._stopped.wait(_ROUND_SECONDS):
            # A copy, made at once: other threads begin and end inferences meanwhile.
            networks = {one for networks in list(self._running.values()) for one in networks}
            if max((one.end_overdue(_ROUNDS) for one in networks), default=0.0) > MOST_CPU_SECONDS:
                MainLoop.post(self._hangs)
                return

    def _on_failed(self, settings: _Settings, why: str) -> None:
        # Other threads may have failed with the same settings, and other settings may have come meanwhile.
        if settings is self.settings:
            self.settings = settings._replace(is_paused=True)
            self._failed(why)


class FrameDetector:
    """Detects objects on the frames of one camera. For each frame is_due() is called, and then infer() and follow() if
    it is due, and predict() otherwise: all in the order of the frames and one call at a time, but infer() for several
    at a time."""

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
        # What follow() returned for the newest inference.
        self._last: Optional[Detections] = None
        self._tracker = Tracker()
        self._object_inference = ObjectInference()

    def reset(self) -> None:
        """The next frames are of a new connection: its objects have other ids. Called before they flow."""
        self._tracker.reset()
        self._object_inference.reset()
        self._last = None
        self._due_settings = None

    def is_due(self, luma: Callable[[], "np.ndarray"], seconds: float) -> bool:
        """Whether a frame is inferred, which is due at this time. With an interval, frames in between are not; with a
        still interval, most of those are not on which nothing moved. luma: asked for if that depends on the frame."""
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
        still = self.still_interval
        if still and not (self._gate.may_open(seconds, still) and self._gate.opens(luma(), seconds, still)):
            return False
        self._due_settings = settings
        self._skipped = 0
        return True

    def infer(self, frame: I420Frame) -> Detections:
        """The objects on a frame. Blocks for the time of an inference."""
        settings = self._shared.settings
        if settings is None or settings.is_paused:
            return _NOTHING
        try:
            with self._shared.watched([settings.detector]):
                found = settings.detector.detect(frame, self._with_hidden(settings.filter))
        except ModelError as why:
            self._shared.report(settings, str(why))
            return _NOTHING
        hidden = [one for one in found.objects if one.label in self._hidden]
        wanted = settings.filter.classes
        objects = [one for one in found.objects if wanted is None or one.label in wanted]
        return Detections(objects, True, found.seconds, found.cpu_seconds, hidden, settings)

    def predict(self, width: int, height: int, seconds: float) -> Optional[Detections]:
        """The objects on a frame of this size that was not inferred, which is due at this time: those of the last one
        that was, moved on if they are followed. None: there is no model."""
        shared, last = self._shared.settings, self._last
        if shared is None:
            return None
        if shared.is_paused or last is None or last.settings is None:
            return _NOTHING
        if not last.settings.is_tracked:
            return Detections(last.objects, False, 0.0, 0.0)
        moved = self._tracker.predict(seconds, width, height)
        return Detections(self._object_inference.recall(moved, last.settings.object_models), False, 0.0, 0.0)

    def follow(self, found: Detections, frame: I420Frame, seconds: float) -> Detections:
        """What infer() found on a frame, which is due at this time, with ids and with what the other models say. Blocks
        for the time of those models' inferences."""
        settings, last = found.settings, self._last
        if settings is None:
            self._last = None
            return found
        if last is None or last.settings is not settings:
            # What other models said is not for these.
            self._object_inference.reset()
        objects = self._tracker.update(found.objects, seconds) if settings.is_tracked else found.objects
        try:
            with self._shared.watched([one.network for one in settings.object_models]):
                said = self._object_inference.infer(frame, objects, settings.object_models)
        except ModelError as why:
            self._shared.report(settings, str(why))
            self._last = None
            return _NOTHING
        self._last = found._replace(
            objects=said.objects,
            seconds=found.seconds + said.seconds,
            cpu_seconds=found.cpu_seconds + said.cpu_seconds,
        )
        return self._last

    def _with_hidden(self, wanted: DetectionFilter) -> DetectionFilter:
        return wanted if wanted.classes is None else wanted._replace(classes=wanted.classes | self._hidden)
