"""Detection on the frames of a camera: which are inferred, and what happens to networks that fail or are replaced."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from sidecar.contract import spec
from sidecar.gst import Gst
from sidecar.tests.main_loop import turn_until
from sidecar.worker.engines.cpu import frame_detector
from sidecar.worker.engines.cpu.frame_detector import Detections, FrameDetector, SharedDetector
from sidecar.worker.engines.cpu.object_inference import ObjectModel
from sidecar.worker.inference.classifier import Classifier
from sidecar.worker.inference.detector import Detector, Inference
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import Object
from sidecar.worker.inference.session import ModelError, Session

DEADLINE_SECONDS = 30
GREY = np.full((16, 16), 128, np.uint8)
FRAME = I420Frame(GREY, GREY[:8, :8], GREY[:8, :8], 16, 16)
CAR = Object(class_id=0, label="car", confidence=0.9, left=1, top=1, width=4, height=4)


class FakeNetwork(Detector):
    """A detector that finds a car, or fails, once it is let go."""

    def __init__(self, fails=False, hangs=False):
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.fails = fails
        if not hangs:
            self.let_go.set()

    def detect(self, _frame, _filter):
        self.begun.release()
        assert self.let_go.wait(DEADLINE_SECONDS)
        if self.fails:
            raise ModelError("it fails")
        return Inference([CAR], 0.01, 0.01)

    def end_overdue(self, _rounds):
        self.let_go.set()
        return 0.0


class HangingClassifier(Classifier):
    """A model on objects that fails once it is ended."""

    def __init__(self):
        self.is_ended = threading.Event()

    def classify(self, _crops, _filter):
        assert self.is_ended.wait(DEADLINE_SECONDS)
        raise ModelError("it was ended")

    def end_overdue(self, _rounds):
        self.is_ended.set()
        return 0.0


class Camera:
    """A camera's detector, and what was told of its network."""

    def __init__(self):
        Gst.init(None)
        self.told = []
        self.hangs = []
        self.shared = SharedDetector(self.told.append, lambda: self.hangs.append(True))
        self.detector = FrameDetector(self.shared)

    def configure(self, network, interval=0, is_tracked=False):
        bundle = SimpleNamespace(config=SimpleNamespace(interval=interval))
        self.shared.configure([SimpleNamespace(network=network, bundle=bundle)], [spec.Model()], is_tracked)

    def frame(self, seconds):
        """Does with a frame what a FrameProcessor does."""
        if not self.detector.is_due(lambda: FRAME.y, seconds):
            return self.detector.predict(FRAME.width, FRAME.height, seconds)
        return self.detector.follow(self.detector.infer(FRAME), FRAME, seconds)


@pytest.fixture
def camera():
    one = Camera()
    yield one
    one.shared.stop()


def test_without_a_model_there_are_no_frames(camera):
    assert camera.frame(0.0) is None


def test_frames_between_two_inferences_have_the_objects_of_the_last_one(camera):
    camera.configure(FakeNetwork(), interval=2)
    frames = [camera.frame(number / 10) for number in range(6)]
    assert [frame.inferred for frame in frames] == [True, False, False] * 2
    assert all(frame.objects == [CAR] for frame in frames)
    assert frames[1] == Detections([CAR], False, 0.0, 0.0)


def test_objects_that_are_followed_have_the_same_id_on_frames_that_are_not_inferred(camera):
    camera.configure(FakeNetwork(), interval=1, is_tracked=True)
    ids = [frame.objects[0].track_id for frame in (camera.frame(number / 10) for number in range(4))]
    assert ids == [ids[0]] * 4


def test_new_settings_hold_from_the_next_frame_on(camera):
    camera.configure(FakeNetwork(), interval=5)
    assert [camera.frame(number / 10).inferred for number in range(2)] == [True, False]
    camera.configure(FakeNetwork(), interval=5)
    assert camera.frame(0.3).inferred


def test_equal_settings_applied_again_change_nothing(camera):
    network = FakeNetwork()
    camera.configure(network, interval=2)
    assert [camera.frame(number / 10).inferred for number in range(2)] == [True, False]
    camera.configure(network, interval=2)
    assert [camera.frame(number / 10).inferred for number in range(2, 4)] == [False, True]


def test_a_network_that_failed_is_not_tried_because_other_settings_change_and_another_network_is(camera):
    network = FakeNetwork()
    camera.configure(network)
    camera.shared.settings = camera.shared.settings._replace(is_paused=True)
    for interval in (0, 5):
        camera.configure(network, interval=interval)
        assert camera.shared.is_paused
        assert not camera.frame(1.0).inferred
    camera.configure(FakeNetwork())
    assert not camera.shared.is_paused
    assert camera.frame(1.1).inferred


def grey(level):
    """The luma of a frame, once it is asked for."""
    return lambda: np.full((180, 320), level, np.uint8)


def test_with_a_still_interval_frames_are_inferred_while_something_moves_and_now_and_then(camera):
    camera.configure(FakeNetwork())
    camera.detector.still_interval = 2.0
    inferred = [number for number in range(0, 60) if camera.detector.is_due(grey(100), number / 15)]
    assert inferred == [0, 30]
    # Everything changes from frame to frame: a few a second.
    moving = [number for number in range(60, 75) if camera.detector.is_due(grey(40 * (number % 5)), number / 15)]
    assert moving == [60, 64, 68, 72]
    camera.detector.still_interval = 0.0
    assert camera.detector.is_due(grey(100), 5.0)


def test_with_other_settings_a_frame_is_inferred_though_nothing_moves(camera):
    camera.configure(FakeNetwork())
    camera.detector.still_interval = 60.0
    assert camera.detector.is_due(grey(100), 0.0)
    assert not camera.detector.is_due(grey(100), 1.0)
    camera.configure(FakeNetwork())
    assert camera.detector.is_due(grey(100), 2.0)


def test_a_camera_with_hidden_objects_has_every_frame_inferred_whatever_the_intervals(camera):
    camera.configure(FakeNetwork(), interval=5)
    camera.detector = FrameDetector(camera.shared, frozenset(["car"]))
    camera.detector.still_interval = 2.0
    frames = [camera.frame(number / 15) for number in range(10)]
    assert all(frame.inferred and frame.hidden == [CAR] for frame in frames)


def test_a_network_that_fails_on_several_frames_at_a_time_is_told_once(camera):
    network = FakeNetwork(fails=True, hangs=True)
    camera.configure(network)
    threads = [threading.Thread(target=camera.detector.infer, args=(FRAME,)) for _ in range(3)]
    for thread in threads:
        thread.start()
        assert network.begun.acquire(timeout=DEADLINE_SECONDS)
    network.let_go.set()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    done = []
    frame_detector.MainLoop.post(done.append, True)
    turn_until(lambda: bool(done), lambda: camera.told, DEADLINE_SECONDS)
    assert camera.told == ["it fails"]
    assert camera.frame(0.0) == Detections([], False, 0.0, 0.0)
    camera.shared.resume()
    assert camera.detector.is_due(lambda: FRAME.y, 1.0)


def test_an_inference_that_does_not_end_is_ended_though_its_network_has_been_replaced(camera):
    network = FakeNetwork(hangs=True)
    camera.configure(network)
    hanging = threading.Thread(target=camera.detector.infer, args=(FRAME,))
    hanging.start()
    assert network.begun.acquire(timeout=DEADLINE_SECONDS)
    camera.configure(FakeNetwork())
    assert camera.frame(0.0).inferred
    hanging.join(DEADLINE_SECONDS)
    assert not hanging.is_alive()


def test_a_model_on_objects_that_does_not_end_is_ended_and_told(camera):
    camera.configure(FakeNetwork())
    settings = camera.shared.settings
    rules = SimpleNamespace(match=lambda *_: True, only_tracked=False, interval=None)
    model = ObjectModel(1, HangingClassifier(), rules, 0, settings.filter, (1,))
    camera.shared.settings = settings._replace(object_models=(model,))
    assert camera.frame(0.0) == Detections([], False, 0.0, 0.0)
    turn_until(lambda: camera.told == ["it was ended"], lambda: camera.told, DEADLINE_SECONDS)


def test_a_frame_is_not_looked_at_that_comes_too_soon_to_be_inferred(camera):
    camera.configure(FakeNetwork())
    camera.detector.still_interval = 2.0
    looked_at = []

    def luma():
        looked_at.append(1)
        return grey(100)()

    for number in range(8):
        camera.detector.is_due(luma, number / 15)
    assert len(looked_at) == 1 + 4


class EndlessNetwork(FakeNetwork):
    """Takes so many seconds of processor time once it is to end, and goes on."""

    def __init__(self, *taken):
        super().__init__(hangs=True)
        self.taken = list(taken)
        self.rounds = 0

    def end_overdue(self, _rounds):
        self.rounds += 1
        return self.taken[min(self.rounds, len(self.taken)) - 1]


def infer_in_the_background(camera, network):
    camera.configure(network)
    thread = threading.Thread(target=camera.detector.infer, args=(FRAME,), daemon=True)
    thread.start()
    assert network.begun.acquire(timeout=DEADLINE_SECONDS)
    return thread


def test_an_inference_that_cannot_be_ended_is_told_once(camera, monkeypatch):
    monkeypatch.setattr(frame_detector, "_ROUND_SECONDS", 0.01)
    network = EndlessNetwork(0.0, 5.0, frame_detector.MOST_CPU_SECONDS + 1)
    hanging = infer_in_the_background(camera, network)
    turn_until(lambda: camera.hangs, lambda: network.rounds, DEADLINE_SECONDS)
    network.let_go.set()
    hanging.join(DEADLINE_SECONDS)
    assert camera.hangs == [True]


def test_an_inference_that_waits_long_for_a_processor_is_not_taken_for_one_that_hangs(camera, monkeypatch):
    monkeypatch.setattr(frame_detector, "_ROUND_SECONDS", 0.01)
    network = EndlessNetwork(0.1)
    late = infer_in_the_background(camera, network)
    turn_until(lambda: network.rounds > 100, lambda: network.rounds, DEADLINE_SECONDS)
    network.let_go.set()
    late.join(DEADLINE_SECONDS)
    assert camera.hangs == []


class Spinning:
    """A network of ONNX Runtime whose only operator looks at no request to end."""

    def __init__(self):
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def run(self, *_):
        self.begun.set()
        while not self.may_end.is_set():
            pass
        return []


def test_a_session_tells_the_processor_time_of_an_inference_that_was_to_end():
    spinning = Spinning()
    session = Session.__new__(Session)
    session._session, session._running = spinning, {}
    session._input = SimpleNamespace(name="images", type="tensor(float)", shape=[1, 3, 1, 1])
    thread = threading.Thread(target=session.run, args=(np.zeros((1, 3, 1, 1), np.float32), []), daemon=True)
    thread.start()
    assert spinning.begun.wait(DEADLINE_SECONDS)
    assert session.end_overdue(1000) == 0.0
    turn_until(lambda: session.end_overdue(1) > 0.2, lambda: "it takes none", DEADLINE_SECONDS)
    spinning.may_end.set()
    thread.join(DEADLINE_SECONDS)
    assert session.end_overdue(1) == 0.0
