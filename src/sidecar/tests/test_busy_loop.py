"""The main loop is busy for longer than its callers wait."""

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

    def is_active(self):
        return True

    def abort(self, status, details):
        self.status = status
        raise RuntimeError(details)


class Stream:
    """A preview or a video, which has one frame at once."""

    def __init__(self):
        self.stops = 0
        self.preview = self
        self.pts = 0

    def take(self, _timeout):
        return b"frame"

    def stop(self):
        self.stops += 1


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
        with pytest.raises(RuntimeError, match="try again"):
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


class StreamEngine:
    """Makes streams, and makes the loop busy while it makes one if a test says so."""

    unavailable = None

    def __init__(self):
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.made = []

    def preview(self, *_):
        assert self.may_go_on.wait(60)
        self.made.append(Stream())
        return self.made[-1]

    def picture(self, *_):
        return self.preview()

    def encoded_pad(self, *_):
        return "a pad"


@pytest.fixture
def streams(monkeypatch):
    """Runs a test's function(service, engine) beside the main loop."""
    monkeypatch.setattr(pipeline_service, "Video", lambda _pad: engine.preview())
    engine, loop = StreamEngine(), MainLoop()
    service = pipeline_service.PipelineService(engine, StatusStore(EventLog()), loop, "one")

    def run(function):
        outcome = []

        def call():
            try:
                function(service, engine)
                outcome.append(None)
            except BaseException as why:
                outcome.append(why)
            engine.may_go_on.set()
            # What has been posted before runs before.
            MainLoop.post(loop.quit)

        thread = threading.Thread(target=call, daemon=True)
        MainLoop.post(thread.start)
        loop.run()
        thread.join(60)
        if outcome[0] is not None:
            raise outcome[0]
        return engine.made

    return run


def snapshot(service):
    service.TakeSnapshot(pipeline.TakeSnapshotRequest(), Call())


def picture(service):
    service.TakePicture(pipeline.TakePictureRequest(), Call())


def preview(service):
    frames = service.WatchPreview(pipeline.WatchPreviewRequest(), Call())
    next(frames)
    return frames


def video(service):
    frames = service.WatchVideo(pipeline.WatchVideoRequest(), Call())
    next(frames)
    return frames


@pytest.mark.parametrize("watch", [preview, video])
def test_a_stream_that_is_left_while_the_loop_is_busy_is_stopped_later_and_nobody_waits(streams, watch):
    def leave(service, engine):
        frames = watch(service)
        engine.may_go_on.clear()
        MainLoop.post(engine.may_go_on.wait, 60)
        frames.close()
        assert engine.made[0].stops == 0

    assert [one.stops for one in streams(leave)] == [1]


@pytest.mark.parametrize("watch", [snapshot, picture, preview, video])
def test_a_stream_that_is_made_after_its_caller_has_given_up_is_stopped(streams, watch, monkeypatch):
    monkeypatch.setattr(pipeline_service, "_LOOP_SECONDS", 0.05)

    def give_up(service, engine):
        begun = threading.Event()
        engine.may_go_on.clear()
        make = engine.preview
        engine.preview = lambda *_: begun.set() or make()
        # One that has not begun by then is never made.
        while not begun.is_set():
            with pytest.raises(RuntimeError, match="try again"):
                watch(service)

    assert [one.stops for one in streams(give_up)] == [1]
