"""How often engine cpu loads a network, and how long it keeps one that nobody has applied."""

import gc
import os
import shutil
import weakref

import pytest

from sidecar.contract import pipeline, spec
from sidecar.gst import Gst
from sidecar.tests.inference_footage import MODELS
from sidecar.tests.main_loop import turn_until
from sidecar.worker.engines.cpu import model as cpu_model
from sidecar.worker.engines.cpu.engine import CpuEngine
from sidecar.worker.engines.cpu.model import ModelLoader
from sidecar.worker.inference.detector import Detector
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

    class WatchedDetector(Detector):
        def __init__(self, bundle):
            super().__init__(bundle)
            found.append(weakref.ref(self))

    monkeypatch.setattr(cpu_model, "Detector", WatchedDetector)
    return found


class SameThread:
    """A main loop whose thread is the test's own."""

    @staticmethod
    def call(function, _timeout):
        return function()


@pytest.fixture
def service(tmp_path):
    Gst.init(None)
    store = StatusStore(EventLog())
    engine = CpuEngine(Processes(str(tmp_path / "outlet.sock")), store)
    yield PipelineService(engine, store, SameThread(), "instance")
    engine.stop()


def specification(bundle, **model):
    encoding = spec.Encoding(width=320, height=180, bitrate=500000, frame_rate=15)
    return spec.PipelineSpec(
        cameras=[spec.Camera(id="one", uri="test://ball")],
        model=spec.Model(bundle_path=bundle, **model),
        outputs=[spec.Output(id="main", encoding=encoding, rtsp=spec.RtspTarget(port=8554, path="/ds"))],
    )


def test_an_apply_uses_the_network_that_the_check_before_it_has_loaded(service, loaded):
    checked = service.Check(pipeline.CheckRequest(spec=specification(SSD)), None)
    assert pipeline.SEVERITY_ERROR not in [problem.severity for problem in checked.problems]
    assert len(loaded) == 1
    assert service.Apply(pipeline.ApplyRequest(generation="one", spec=specification(SSD)), None).accepted
    assert len(loaded) == 1
    # Other settings of the model take no other network.
    tuned = specification(SSD, threshold=0.9)
    service.Check(pipeline.CheckRequest(spec=tuned), None)
    assert service.Apply(pipeline.ApplyRequest(generation="two", spec=tuned), None).accepted
    assert len(loaded) == 1


def test_a_network_whose_files_have_changed_is_loaded_again(loaded, tmp_path):
    Gst.init(None)
    bundle = str(tmp_path / "bundle")
    shutil.copytree(SSD, bundle)
    loader = ModelLoader()
    first, _ = loader.load(spec.Model(bundle_path=bundle), None)
    assert loader.load(spec.Model(bundle_path=bundle), None)[0] is first
    os.utime(os.path.join(bundle, "anchors.npy"), (1, 1))
    again, _ = loader.load(spec.Model(bundle_path=bundle), None)
    assert again is not first
    assert len(loaded) == 2


def test_a_network_that_nobody_applies_goes_when_another_comes_or_after_a_while(loaded, monkeypatch):
    Gst.init(None)
    loader = ModelLoader()
    loader.load(spec.Model(bundle_path=SSD), None)
    monkeypatch.setattr(cpu_model, "_KEPT_SECONDS", 0)
    loader.load(spec.Model(bundle_path=NANODET), None)

    def gone():
        gc.collect()
        return [reference() is None for reference in loaded]

    assert gone()[0]
    turn_until(lambda: all(gone()), gone, 30)
