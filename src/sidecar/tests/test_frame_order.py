"""The order of one camera's frames while several of them are inferred; inferences begin and end as the tests say."""

import threading

import pytest

from sidecar.worker.engines.cpu import frame_order
from sidecar.worker.engines.cpu.frame_order import FrameOrder
from sidecar.worker.engines.cpu.inference_threads import InferenceThreads

DEADLINE_SECONDS = 30


class Inferences:
    """Inferences of frames, which are numbers. Each ends when end() says so."""

    def __init__(self, threads, deliver=None):
        self._changed = threading.Condition()
        self._begun = []
        self._ended = set()
        self._fails = set()
        self.delivered = []
        # Of frames that were delivered before.
        self.found = []
        self.now = 0.0
        self.order = FrameOrder(threads, self._infer, deliver or self._deliver, lambda: self.now)

    def _infer(self, frame):
        with self._changed:
            self._begun.append(frame)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: frame in self._ended, DEADLINE_SECONDS)
        if frame in self._fails:
            raise RuntimeError("frame %d" % frame)
        return "objects of %d" % frame

    def _deliver(self, frame, found, was_delivered, _clears):
        with self._changed:
            (self.found if was_delivered else self.delivered).append((frame, found))
            self._changed.notify_all()

    def end(self, *frames, fails=False):
        with self._changed:
            self._ended.update(frames)
            self._fails.update(frames if fails else ())
            self._changed.notify_all()

    def until(self, condition):
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_SECONDS), (self._begun, self.delivered)

    def until_begun(self, *frames):
        self.until(lambda: set(frames) <= set(self._begun))

    def until_delivered(self, *frames):
        self.until(lambda: [frame for frame, _ in self.delivered] == list(frames))


@pytest.fixture
def start():
    """Starts inferences on so many threads, which all end with the test."""
    started = []

    def start(count, **options):
        threads = InferenceThreads(count)
        one = Inferences(threads, **options)
        started.append((threads, one))
        return one

    yield start
    for threads, one in started:
        one.end(*range(100))
        threads.stop()


def begin(one, *frames):
    """Adds frames, each of which is inferred before the next one comes."""
    for frame in frames:
        one.order.add(frame, True)
        one.until_begun(frame)


def test_frames_of_one_camera_are_inferred_at_a_time_and_keep_their_order(start):
    one = start(3)
    begin(one, 1, 2, 3)
    one.end(3)
    one.end(2)
    one.order.add(4, True)
    one.until_begun(4)
    assert one.delivered == []
    one.end(1)
    one.until_delivered(1, 2, 3)
    one.end(4)
    one.until_delivered(1, 2, 3, 4)
    assert one.delivered[2] == (3, "objects of 3")


def test_a_fresher_frame_takes_the_place_of_the_one_that_waits(start):
    one = start(2)
    begin(one, 1, 2)
    for frame in (3, 4, 5):
        one.order.add(frame, True)
    one.end(1, 2, 3, 4, 5)
    one.until_delivered(1, 2, 5)
    assert one.order.dropped == 2


def test_inferences_that_run_together_begin_at_even_distances(start):
    one = start(2)
    begin(one, 1)
    one.now = 1.0
    one.end(1)
    one.until_delivered(1)
    # They take a second: on two threads, one may begin half a second after the other, or a little earlier.
    begin(one, 2)
    one.now = 1.3
    one.order.add(3, True)
    one.now = 1.4
    begin(one, 4)
    one.order.add(5, True)
    one.now = 2.0
    one.end(2)
    one.until_begun(5)
    one.end(4, 5)
    one.until_delivered(1, 2, 4, 5)


def test_a_frame_that_is_not_inferred_follows_the_one_before_it(start):
    one = start(2)
    begin(one, 1)
    one.order.add(2, False)
    assert one.delivered == []
    one.end(1)
    one.until_delivered(1, 2)
    assert one.delivered[1] == (2, None)
    # With nothing before it, at once.
    one.order.add(3, False)
    assert one.delivered[-1] == (3, None)


def test_a_frame_that_was_to_be_inferred_leaves_that_to_the_one_that_takes_its_place(start):
    one = start(1)
    begin(one, 1)
    one.order.add(2, True)
    one.order.add(3, False)
    one.end(1, 3)
    one.until_delivered(1, 3)
    assert one.delivered[1] == (3, "objects of 3")


def test_a_frame_that_is_delivered_at_once_waits_for_no_inference_and_what_is_found_follows(start):
    one = start(2)
    one.order.add(1, True, at_once=True)
    one.until_begun(1)
    one.order.add(2, False, at_once=True)
    assert one.delivered == [(1, None), (2, None)]
    assert one.found == []
    one.end(1)
    one.until(lambda: one.found == [(1, "objects of 1")])
    assert one.order.dropped == 0


def test_of_the_frames_that_are_delivered_at_once_one_is_inferred_at_a_time_and_then_the_newest(start):
    one = start(3)
    one.order.add(1, True, at_once=True)
    one.until_begun(1)
    for frame in (2, 3, 4):
        one.order.add(frame, True, at_once=True)
    assert [frame for frame, _ in one.delivered] == [1, 2, 3, 4]
    one.end(1, 2, 3, 4)
    one.until(lambda: [frame for frame, _ in one.found] == [1, 4])
    assert one.order.dropped == 0


def test_what_is_found_on_a_frame_that_was_cleared_is_forgotten(start):
    one = start(2)
    one.order.add(1, True, at_once=True)
    one.until_begun(1)
    one.order.clear()
    one.order.add(2, True, at_once=True)
    one.until_begun(2)
    one.end(1, 2)
    one.until(lambda: one.found == [(2, "objects of 2")])
    assert one.order.dropped == 0


def test_a_camera_may_change_between_the_two_ways_while_its_frames_are_inferred(start):
    one = start(2)
    begin(one, 1)
    one.order.add(2, True, at_once=True)
    assert one.delivered == []
    one.end(1, 2)
    one.until_delivered(1, 2)
    one.until(lambda: one.found == [(2, "objects of 2")])
    begin(one, 3)
    one.end(3)
    one.until_delivered(1, 2, 3)


def test_cameras_take_turns(start):
    threads = InferenceThreads(1)
    busy, other = Inferences(threads), Inferences(threads)
    begin(busy, 1)
    busy.order.add(2, True)
    other.order.add(1, True)
    busy.order.add(3, True)
    busy.end(1)
    busy.until_begun(3)
    busy.order.add(4, True)
    busy.end(3)
    other.until_begun(1)
    other.end(1)
    busy.until_begun(4)
    busy.end(4)
    threads.stop()


def test_nothing_is_delivered_once_the_frames_are_cleared_and_inferences_that_hang_hold_nothing_up(start):
    one = start(2)
    begin(one, 1, 2)
    one.order.add(3, True)
    one.order.clear()
    assert one.order.dropped == 3
    # One thread hangs; the other goes on with the frames that come next.
    one.end(2)
    begin(one, 4)
    one.end(4)
    one.until_delivered(4)
    one.end(1, 3)
    begin(one, 5, 6)
    one.end(5, 6)
    one.until_delivered(4, 5, 6)


def test_clearing_waits_for_the_frame_that_is_being_delivered_but_not_for_ever(start, monkeypatch):
    let_go, delivering = threading.Event(), threading.Event()
    delivered = []

    def deliver(frame, _found, _was_delivered, _clears):
        delivering.set()
        assert let_go.wait(DEADLINE_SECONDS)
        delivered.append(frame)

    one = start(1, deliver=deliver)
    monkeypatch.setattr(frame_order, "_PATIENCE_SECONDS", 0.0)
    begin(one, 1)
    one.end(1)
    assert delivering.wait(DEADLINE_SECONDS)
    one.order.clear()
    assert delivered == []
    monkeypatch.setattr(frame_order, "_PATIENCE_SECONDS", DEADLINE_SECONDS)
    clearing = threading.Thread(target=one.order.clear)
    clearing.start()
    let_go.set()
    clearing.join(DEADLINE_SECONDS)
    assert delivered == [1]


def test_what_an_inference_raises_is_raised_with_the_next_frame_once(start):
    one = start(1)
    begin(one, 1)
    one.end(1, fails=True)
    one.until_delivered(1)
    with pytest.raises(RuntimeError, match="frame 1"):
        one.order.add(2, True)
    begin(one, 3)
    one.end(3)
    one.until_delivered(1, 3)


def until_idle(one):
    """Returns once the only inference thread has done what it was given so far."""
    is_idle = threading.Event()
    one.order._threads.submit(is_idle.set)
    assert is_idle.wait(DEADLINE_SECONDS)


def test_what_an_inference_raises_after_the_frames_were_cleared_is_not_raised_with_those_of_the_next_connection(start):
    one = start(1)
    begin(one, 1)
    one.order.clear()
    one.end(1, fails=True)
    until_idle(one)
    begin(one, 2)
    one.end(2)
    one.until_delivered(2)


def test_what_a_delivery_raises_after_the_frames_were_cleared_is_not_raised_with_those_of_the_next_connection(
    start, monkeypatch
):
    monkeypatch.setattr(frame_order, "_PATIENCE_SECONDS", 0.0)
    let_go, delivering = threading.Event(), threading.Event()

    def deliver(_frame, _found, _was_delivered, _clears):
        delivering.set()
        assert let_go.wait(DEADLINE_SECONDS)
        raise RuntimeError("late")

    one = start(1, deliver=deliver)
    begin(one, 1)
    one.end(1)
    assert delivering.wait(DEADLINE_SECONDS)
    one.order.clear()
    let_go.set()
    until_idle(one)
    one.order.add(2, True)


def test_a_frame_that_was_inferred_is_never_delivered_on_the_streaming_thread_which_its_models_would_stall(
    start,
):
    threads_of_found = []
    is_found = threading.Event()

    def deliver(frame, found, _was_delivered, _clears):
        if found is not None:
            threads_of_found.append(threading.current_thread())
            is_found.set()
        elif frame == 2:
            # The inference ends while the streaming thread delivers.
            one.end(1)
            until_idle(one)

    one = start(1, deliver=deliver)
    one.order.add(1, True, at_once=True)
    one.until_begun(1)
    one.order.add(2, False, at_once=True)
    assert is_found.wait(DEADLINE_SECONDS)
    assert threading.current_thread() not in threads_of_found


def test_threads_that_are_stopped_take_no_more_frames(start):
    one = start(1)
    begin(one, 1)
    one.order._threads.stop()
    one.order.add(2, True)
    one.end(1, 2)
    one.until_delivered(1)
