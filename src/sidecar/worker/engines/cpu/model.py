"""Loads the models of a specification: once for a Check and the Apply that follows it."""

import threading
from functools import partial
from typing import List, NamedTuple, Optional, Sequence, Tuple

from sidecar.contract import spec
from sidecar.timer import once
from sidecar.worker.check_process import CHECK_LIMITS, WhenAbandoned, never_abandoned, run_check
from sidecar.worker.inference.bundle import Bundle, FilesStamp, files_stamp, load_bundle
from sidecar.worker.inference.cascade import cascade_problems, placed
from sidecar.worker.inference.classes import class_problems
from sidecar.worker.inference.networks import Network, load_network
from sidecar.worker.inference.session import ModelError
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
    network: Network


Models = Tuple[LoadedModel, ...]
"""In the order of the specification."""


class ModelLoader:
    """load() is called on any thread but the loop thread, which runs while a network is loaded."""

    def __init__(self) -> None:
        self._loading = threading.Lock()
        # The models that were loaded last, and how often any were: the timer that releases them must not hold them.
        self._last: Models = ()
        self._count = 0

    def load(
        self, specification: spec.PipelineSpec, active: Models, when_abandoned: WhenAbandoned = never_abandoned
    ) -> Tuple[Optional[Models], List[Problem]]:
        """The models, with their problems; none if one cannot be used. One that is active, or was loaded a moment ago,
        is not loaded again unless its files have changed. Any other is loaded here only after it ran in another
        process."""
        bundles, problems = _read(specification)
        if bundles is None:
            return None, problems
        with self._loading:
            known, loaded = (*active, *self._last), []
            self._last = ()
            for index, bundle in enumerate(bundles):
                one, found = _load(bundle, known, when_abandoned)
                problems += [problem for problem in placed(index, found) if problem not in problems]
                if one is None:
                    return None, problems
                loaded.append(one)
            self._last = tuple(loaded)
            self._count += 1
            MainLoop.post(once, _KEPT_SECONDS * 1000, partial(self._release, self._count))
            return self._last, problems

    def _release(self, count: int) -> None:
        # Without the lock: the loop thread must not wait until a network is loaded. At worst one is loaded twice.
        if count == self._count:
            self._last = ()


def _read(specification: spec.PipelineSpec) -> Tuple[Optional[List[Bundle]], List[Problem]]:
    """All bundles, or none if one is of no use or they do not fit together."""
    bundles, problems = [], []
    for index, model in enumerate(specification.models):
        bundle, found = load_bundle(model.bundle_path)
        problems += placed(index, found)
        if bundle is not None:
            bundles.append(bundle)
    if len(bundles) < len(specification.models):
        return None, problems
    labels = [one.all_labels for one in bundles]
    problems += class_problems(specification, labels, bundles[0].config.filtered_out)
    problems += cascade_problems([one.member for one in bundles], bool(specification.tracker.algorithm))
    return (None if has_errors(problems) else bundles), problems


def _load(
    bundle: Bundle, known: Sequence[LoadedModel], when_abandoned: WhenAbandoned
) -> Tuple[Optional[LoadedModel], List[Problem]]:
    """known: models that need not be loaded again."""
    stamp = files_stamp(bundle.directory, bundle.config.network_path)
    for one in known:
        if (one.bundle, one.stamp) == (bundle, stamp):
            return one, []
    problems = run_check(_PROBE, bundle.directory, when_abandoned, CHECK_LIMITS)
    if has_errors(problems):
        return None, problems
    if files_stamp(bundle.directory, bundle.config.network_path) != stamp:
        return None, [*problems, error("bundle-changed", "bundle_path", "its files are being replaced")]
    try:
        return LoadedModel(bundle, stamp, load_network(bundle)), problems
    except ModelError as why:
        return None, [*problems, error("model-does-not-load", "bundle_path", str(why))]
