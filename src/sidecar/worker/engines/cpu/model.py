"""Loads the model of a specification: once for a Check and the Apply that follows it."""

import threading
from functools import partial
from typing import List, NamedTuple, Optional, Tuple

from sidecar.contract import spec
from sidecar.timer import once
from sidecar.worker.check_process import CHECK_LIMITS, WhenAbandoned, never_abandoned, run_check
from sidecar.worker.inference.bundle import Bundle, FilesStamp, files_stamp, load_bundle
from sidecar.worker.inference.classes import class_problems
from sidecar.worker.inference.detector import Detector, ModelError
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.problem import Problem, error, has_errors

# How long a model that was loaded waits for the Apply that uses it.
_KEPT_SECONDS = 60
_PROBE = "sidecar.worker.inference.model_probe"


class LoadedModel(NamedTuple):
    """A model bundle and its network, ready to run."""

    bundle: Bundle
    # A bundle whose files have changed is loaded again.
    stamp: FilesStamp
    detector: Detector


class ModelLoader:
    """load() is called on any thread but the loop thread, which runs while a network is loaded."""

    def __init__(self) -> None:
        self._loading = threading.Lock()
        # The model that was loaded last, and how many were: the timer that releases it must not hold it.
        self._last: Optional[LoadedModel] = None
        self._count = 0

    def load(
        self,
        specification: spec.PipelineSpec,
        active: Optional[LoadedModel],
        when_abandoned: WhenAbandoned = never_abandoned,
    ) -> Tuple[Optional[LoadedModel], List[Problem]]:
        """The model, with its problems; none if it cannot be used. One that is active, or was loaded a moment ago, is
        not loaded again unless its files have changed. Any other is loaded here only after it ran in another process.
        """
        bundle, problems = load_bundle(specification.model.bundle_path)
        if bundle is None:
            return None, problems
        problems = [*problems, *class_problems(specification, bundle.labels, bundle.config.filtered_out)]
        stamp = files_stamp(bundle.directory, bundle.config.network_path)
        with self._loading:
            for one in (active, self._last):
                if one is not None and (one.bundle, one.stamp) == (bundle, stamp):
                    return one, problems
            self._last = None
            failures = [
                one for one in run_check(_PROBE, bundle.directory, when_abandoned, CHECK_LIMITS) if one not in problems
            ]
            if has_errors(failures):
                return None, problems + failures
            if files_stamp(bundle.directory, bundle.config.network_path) != stamp:
                return None, [*problems, error("bundle-changed", "model.bundle_path", "its files are being replaced")]
            try:
                self._last = loaded = LoadedModel(bundle, stamp, Detector(bundle))
            except ModelError as why:
                return None, [*problems, error("model-does-not-load", "model.bundle_path", str(why))]
            self._count += 1
            MainLoop.post(once, _KEPT_SECONDS * 1000, partial(self._release, self._count))
            return loaded, problems

    def _release(self, count: int) -> None:
        # Without the lock: the loop thread must not wait until a network is loaded. At worst one is loaded twice.
        if count == self._count:
            self._last = None
