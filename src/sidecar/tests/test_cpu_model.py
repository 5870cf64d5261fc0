"""How often engine cpu loads a network, and how long it keeps one that nobody has applied."""

import gc
import math
import os
import shutil
import weakref

import pytest

from sidecar.contract import pipeline, spec, state
from sidecar.gst import Gst
from sidecar.tests import hostile_bundles
from sidecar.tests.inference_footage import MODELS
from sidecar.tests.main_loop import turn_until
from sidecar.worker.check_process import CheckLimits, never_abandoned
from sidecar.worker.engines.cpu import engine as cpu_engine
from sidecar.worker.engines.cpu import frame_detector
from sidecar.worker.engines.cpu import model as cpu_model
from sidecar.worker.engines.cpu.engine import CpuEngine
from sidecar.worker.engines.cpu.model import ModelLoader
from sidecar.worker.inference.networks import load_network
from sidecar.worker.processes import Processes
from sidecar.worker.service.pipeline_service import PipelineService
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore

SSD = os.path.join(MODELS, "ssd-street")
NANODET = os.path.join(MODELS, "nanodet-coco")


@pytest.fixture
def loaded(monkeypatch):
    """Weak references to the networks that were loaded."""
    found = []

    def load(bundle):
        network = load_network(bundle)
        found.append(weakref.ref(network))
        return network

    monkeypatch.setattr(cpu_model, "load_network", load)
    return found


def no_replacement():
    raise AssertionError("no inference hangs")


class SameThread:
    """A main loop whose thread is the test's own."""

    @staticmethod
    def call(function, _timeout, _undo):
        return function()


@pytest.fixture
def service(tmp_path):
    Gst.init(None)
    store = StatusStore(EventLog())
    engine = CpuEngine(Processes(str(tmp_path / "outlet.sock")), store, no_replacement)
    yield PipelineService(engine, store, SameThread(), "instance")
    engine.stop()


class Caller:
    """The context of a call whose caller waits for the answer."""

    @staticmethod
    def add_callback(_act):
        return True


def specification(bundle, **model):
    encoding = spec.Encoding(width=320, height=180, bitrate=500000, frame_rate=15)
    return spec.PipelineSpec(
        cameras=[spec.Camera(id="one", uri="test://ball")],
        models=[spec.Model(bundle_path=bundle, **model)],
        outputs=[spec.Output(id="main", encoding=encoding, rtsp=spec.RtspTarget(port=8554, path="/ds"))],
    )


def test_an_apply_uses_the_network_that_the_check_before_it_has_loaded(service, loaded):
    checked = service.Check(pipeline.CheckRequest(spec=specification(SSD)), Caller)
    assert pipeline.SEVERITY_ERROR not in [problem.severity for problem in checked.problems]
    assert len(loaded) == 1
    assert service.Apply(pipeline.ApplyRequest(generation="one", spec=specification(SSD)), Caller).accepted
    assert len(loaded) == 1
    # Other settings of the model take no other network.
    tuned = specification(SSD, threshold=0.9)
    service.Check(pipeline.CheckRequest(spec=tuned), Caller)
    assert service.Apply(pipeline.ApplyRequest(generation="two", spec=tuned), Caller).accepted
    assert len(loaded) == 1


def test_a_network_whose_files_have_changed_is_loaded_again(loaded, tmp_path):
    Gst.init(None)
    bundle = str(tmp_path / "bundle")
    shutil.copytree(SSD, bundle)
    loader = ModelLoader()
    (first,), _ = loader.load(specification(bundle), ())
    assert loader.load(specification(bundle), ())[0] == (first,)
    os.utime(os.path.join(bundle, "anchors.npy"), (1, 1))
    (again,), _ = loader.load(specification(bundle), ())
    assert again.network is not first.network
    assert len(loaded) == 2


def test_a_network_that_nobody_applies_goes_when_another_comes_or_after_a_while(loaded, monkeypatch):
    Gst.init(None)
    loader = ModelLoader()
    loader.load(specification(SSD), ())
    monkeypatch.setattr(cpu_model, "_KEPT_SECONDS", 0)
    loader.load(specification(NANODET), ())

    def gone():
        gc.collect()
        return [reference() is None for reference in loaded]

    assert gone()[0]
    turn_until(lambda: all(gone()), gone, 30)


def refusal(bundle, when_abandoned=never_abandoned):
    """Why a loader refuses a bundle."""
    model, problems = ModelLoader().load(specification(bundle), (), when_abandoned)
    assert model is None
    (error,) = [one for one in problems if one.severity == "error"]
    return error


def test_a_network_that_never_ends_is_ended_in_a_process_of_its_own(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(cpu_model, "CHECK_LIMITS", CheckLimits(cpu_seconds=1))
    assert "more than 1 s of processor time" in refusal(hostile_bundles.endless(str(tmp_path / "bundle"))).message
    assert not loaded


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_network_whose_outputs_are_no_numbers_is_refused(loaded, tmp_path, score):
    problem = refusal(hostile_bundles.constant(str(tmp_path / "bundle"), score))
    assert "NaN or infinity in its output scores" in problem.message
    assert not loaded


def test_a_network_is_not_loaded_when_nobody_waits_for_it(loaded):
    assert "nobody waits" in refusal(SSD, lambda _act: False).message
    assert not loaded


class WithCamera:
    """Engine cpu with a camera, whose statuses are kept."""

    def __init__(self, run_dir, uri):
        self.store = StatusStore(EventLog())
        self.engine = CpuEngine(Processes(os.path.join(run_dir, "outlet.sock")), self.store, no_replacement)
        self.uri = uri

    def apply(self, bundle):
        wanted = specification(bundle)
        wanted.cameras[0].uri = self.uri
        model, problems = self.engine.prepare(wanted)
        assert model is not None, problems
        self.engine.apply(wanted, model)

    def until(self, state):
        turn_until(lambda: self.store.snapshot().pipeline.WhichOneof("state") == state, self.store.snapshot, 60)
        return self.store.snapshot().pipeline

    def processed(self):
        snapshot = self.store.snapshot()
        counters = snapshot.cameras[0].counters
        return counters.frames_received - counters.frames_dropped


@pytest.fixture
def with_camera(tmp_path):
    Gst.init(None)
    made = []

    def start(uri):
        made.append(WithCamera(str(tmp_path), uri))
        return made[-1]

    yield start
    for one in made:
        one.engine.stop()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (hostile_bundles.blind_in_the_dark, "NaN or infinity in its output scores"),
        (hostile_bundles.endless_in_the_dark, "does not run"),
    ],
)
def test_a_network_that_fails_on_some_frames_fails_the_pipeline_and_the_camera_goes_on(
    with_camera, tmp_path, monkeypatch, make, words
):
    monkeypatch.setattr(frame_detector, "_ROUNDS", 2)
    one = with_camera("test://black?width=320&height=180")
    one.apply(make(str(tmp_path / "bundle")))
    failed = one.until("failed").failed
    assert failed.reason == state.FAILURE_REASON_MODEL
    assert words in failed.detail
    assert failed.HasField("next_attempt")
    before = one.processed()
    turn_until(lambda: one.processed() > before + 5, one.store.snapshot, 60)
    assert one.store.snapshot().cameras[0].WhichOneof("state") == "live"
    # Other settings do not end its pause.
    again = specification(str(tmp_path / "bundle"), threshold=0.7)
    again.cameras[0].uri = one.uri
    one.engine.apply(again, one.engine.prepare(again)[0])
    assert one.store.snapshot().pipeline.failed == failed
    # Another network makes it well.
    one.apply(SSD)
    assert one.until("running")


def test_a_network_that_failed_is_tried_again(with_camera, tmp_path, monkeypatch):
    monkeypatch.setattr(cpu_engine, "_MODEL_RETRY_SECONDS", 0)
    one = with_camera("test://black?width=320&height=180")
    one.apply(hostile_bundles.blind_in_the_dark(str(tmp_path / "bundle")))
    events = one.store.events.watch(0, False)
    seen = []

    def is_failed_again():
        message = events.take(0.0)
        if message is not None and message.HasField("pipeline"):
            seen.append(message.pipeline.WhichOneof("state"))
        return seen[:3] == ["failed", "running", "failed"]

    turn_until(is_failed_again, lambda: seen, 60)
