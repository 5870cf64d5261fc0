"""Numbered events and their watchers."""

import threading

import pytest

from sidecar.contract import detection, pipeline, state
from sidecar.worker.status.events import EventLog, TooOldError


def camera(name):
    return pipeline.WatchResponse(camera=state.CameraStatus(id=name))


def found(name):
    return pipeline.WatchResponse(detections=detection.FrameDetections(camera_id=name))


def names(watcher):
    taken = []
    while True:
        message = watcher.take(0)
        if message is None:
            return taken
        taken.append(message.camera.id or message.detections.camera_id)


def test_a_new_watcher_gets_what_happens_from_now_on_in_order():
    events = EventLog()
    events.publish(camera("before"))
    watcher = events.watch(0, detections=False)
    events.publish(camera("a"))
    events.publish(camera("b"))
    assert names(watcher) == ["a", "b"]


def test_a_watcher_that_comes_back_gets_what_it_missed():
    events = EventLog()
    for name in "abc":
        events.publish(camera(name))
    assert names(events.watch(1, detections=False)) == ["b", "c"]


def test_events_that_are_no_longer_kept_are_refused_not_skipped():
    events = EventLog()
    for number in range(1500):
        events.publish(camera(str(number)))
    with pytest.raises(TooOldError, match="501"):
        events.watch(10, detections=False)


def test_a_number_that_was_never_given_is_refused():
    with pytest.raises(TooOldError):
        EventLog().watch(7, detections=False)


def test_detections_go_only_to_who_asked_and_are_not_repeated():
    events = EventLog()
    asked, other = events.watch(0, detections=True), events.watch(0, detections=False)
    assert events.wanted()
    events.publish(camera("a"))
    events.publish(found("b"))
    assert names(asked) == ["a", "b"]
    assert names(other) == ["a"]
    assert events.sequence == 1
    events.publish(camera("c"))
    assert names(events.watch(1, detections=True)) == ["c"]


def test_a_reader_that_is_too_slow_is_told_that_events_were_lost():
    events = EventLog()
    watcher = events.watch(0, detections=False)
    for number in range(600):
        events.publish(camera(str(number)))
    with pytest.raises(TooOldError):
        names(watcher)


def test_a_flood_of_detections_does_not_push_out_events():
    events = EventLog()
    watcher = events.watch(0, detections=True)
    for _ in range(2000):
        events.publish(found("x"))
    events.publish(camera("lost"))
    assert names(watcher)[-1] == "lost"


def test_waking_ends_a_wait_at_once():
    watcher = EventLog().watch(0, detections=False)
    result = []
    thread = threading.Thread(target=lambda: result.append(watcher.take(60)))
    thread.start()
    watcher.wake()
    thread.join(5)
    assert result == [None]
