"""A change that takes the main loop longer than its caller waits."""

import threading

import pytest

from sidecar.contract import pipeline, spec
from sidecar.worker.main_loop import MainLoop
from sidecar.worker.service import pipeline_service
from sidecar.worker.status.events import EventLog
from sidecar.worker.status.store import StatusStore


class SlowEngine:
    """Applies when it is told to."""

    unavailable = None

    def __init__(self):
        self.may_end = threading.Event()
        self.applied = []

    def capabilities(self):
        return pipeline.Capabilities()

    def prepare(self, _specification, _when_abandoned):
        return object(), []

    def apply(self, specification, _model):
        assert self.may_end.wait(60)
        self.applied.append(specification)
        return []


class Call:
    """What a handler uses of gRPC."""

    def __init__(self):
        self.status = None

    def add_callback(self, _callback):
        pass

    def abort(self, status, details):
        self.status = status
        raise RuntimeError(details)


def test_a_change_that_ends_after_its_caller_has_given_up_is_noted_and_not_made_again(monkeypatch):
    monkeypatch.setattr(pipeline_service, "_LOOP_SECONDS", 0.05)
    monkeypatch.setattr(pipeline_service, "check", lambda *_: [])
    engine, store, loop = SlowEngine(), StatusStore(EventLog()), MainLoop()
    service = pipeline_service.PipelineService(engine, store, loop, "one")
    request = pipeline.ApplyRequest(
        generation="new", spec=spec.PipelineSpec(models=[spec.Model(bundle_path="/bundle")])
    )
    outcome = []

    def ask():
        call = Call()
        with pytest.raises(RuntimeError, match="apply again"):
            service.Apply(request, call)
        outcome.append(call.status)
        monkeypatch.setattr(pipeline_service, "_LOOP_SECONDS", 60.0)
        engine.may_end.set()
        outcome.append(service.Apply(request, Call()))
        MainLoop.post(loop.quit)

    asking = threading.Thread(target=ask, daemon=True)
    MainLoop.post(asking.start)
    loop.run()
    asking.join(60)
    status, response = outcome
    assert status == pipeline_service.grpc.StatusCode.UNAVAILABLE
    assert response.accepted
    assert store.generation == "new"
    assert len(engine.applied) == 1
