"""When a picture counts as the same, and a camera as back."""

from sidecar.worker.cameras.freeze_detector import FreezeDetector


def test_the_same_frame_is_timed_for_as_long_as_it_is_observed():
    one = FreezeDetector()
    assert one.is_due(10.0)
    one.observe(b"a", 10.0)
    assert not one.is_due(10.4)
    assert one.is_due(10.5)
    assert one.seconds == 0
    one.observe(b"a", 13.0)
    assert one.seconds == 3
    one.observe(b"b", 14.0)
    assert one.seconds == 0


def test_time_without_observations_does_not_count():
    one = FreezeDetector()
    one.observe(b"a", 10.0)
    one.begin()
    assert one.seconds == 0
    assert one.is_due(10.1)


def test_a_latched_detector_is_frozen_until_another_frame_arrives():
    one = FreezeDetector()
    one.observe(b"a", 10.0)
    assert not one.is_frozen
    one.latch()
    assert one.is_frozen
    one.begin()
    assert one.is_frozen, "it has shown nothing yet"
    one.observe(b"a", 20.0)
    assert one.is_frozen
    one.observe(b"b", 21.0)
    assert not one.is_frozen
    one.reset()
    one.observe(b"a", 22.0)
    assert not one.is_frozen
