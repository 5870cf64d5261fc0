"""An object keeps its id while it moves, is missed, and meets others."""

import random
from typing import Dict, List, Optional, Tuple

import pytest

from sidecar.tests.inference_footage import DEMO, MODELS, read_frames
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.tracker import Tracker

Place = Tuple[float, float]
# Seconds between two frames.
FRAME = 0.1


def item(place: Place, size: Tuple[float, float] = (40, 80), class_id: int = 0) -> Object:
    return Object(class_id, "class %d" % class_id, 0.9, place[0], place[1], size[0], size[1])


def ids(objects: List[Object]) -> List[Optional[int]]:
    return [one.track_id for one in objects]


def follow(frames: List[List[Object]], step: float = FRAME) -> List[List[Optional[int]]]:
    tracker = Tracker()
    return [ids(tracker.update(objects, number * step)) for number, objects in enumerate(frames)]


def test_an_object_that_moves_keeps_its_id() -> None:
    assert follow([[item((10 * number, 50))] for number in range(20)]) == [[1]] * 20


def test_objects_keep_their_ids_in_whatever_order_they_are_listed() -> None:
    frames = [[item((10 * number, 50)), item((500 - 10 * number, 300))] for number in range(10)]
    frames[5].reverse()
    assert follow(frames) == [[1, 2]] * 5 + [[2, 1]] + [[1, 2]] * 4


def test_an_object_that_is_hidden_for_a_second_keeps_its_id() -> None:
    frames = [[item((20 * number, 50))] if not 8 <= number < 18 else [] for number in range(25)]
    assert [found for found in follow(frames) if found] == [[1]] * 15


def test_an_object_that_is_away_for_longer_is_another_one() -> None:
    frames = [[item((50, 50))]] + [[]] * 25 + [[item((50, 50))]]
    assert [found for found in follow(frames) if found] == [[1], [2]]


def test_an_object_that_stands_still_keeps_its_id_however_long_no_frame_is_inferred() -> None:
    assert follow([[item((50, 50))]] * 3, step=60.0) == [[1]] * 3


def test_objects_that_pass_each_other_keep_their_ids() -> None:
    frames = [[item((20 * number, 50)), item((400 - 20 * number, 70))] for number in range(21)]
    assert follow(frames)[-1] == [1, 2]


def test_an_object_too_fast_to_overlap_keeps_its_id() -> None:
    assert follow([[item((60 * number, 50))] for number in range(8)]) == [[1]] * 8


def test_an_object_far_away_or_of_another_size_is_another_one() -> None:
    assert follow([[item((0, 50))], [item((300, 50))]]) == [[1], [2]]
    assert follow([[item((0, 50))], [item((45, 50), (200, 300))]]) == [[1], [2]]


def test_a_class_that_flickers_does_not_change_the_id_and_a_neighbour_of_another_class_does_not_take_it() -> None:
    flicker = [[item((5 * number, 50), class_id=number % 2)] for number in range(8)]
    assert follow(flicker) == [[1]] * 8
    assert follow([[item((0, 50))], [item((25, 50), class_id=1)]]) == [[1], [2]]


def test_ids_do_not_come_again_after_a_reset() -> None:
    tracker = Tracker()
    assert ids(tracker.update([item((0, 0))], 0)) == [1]
    tracker.reset()
    assert ids(tracker.update([item((0, 0))], 1)) == [2]


def test_between_two_inferences_boxes_move_at_their_speed_and_stay_in_the_frame() -> None:
    tracker = Tracker()
    tracker.update([item((100, 50))], 0.0)
    tracker.update([item((110, 50))], 0.1)
    (moved,) = tracker.predict(0.2, 640, 360)
    assert (moved.track_id, moved.left, moved.top) == (1, pytest.approx(120), 50)
    (cut,) = tracker.predict(0.2, 130, 60)
    assert (cut.left + cut.width, cut.top + cut.height) == (130, 60)
    assert tracker.predict(0.2, 110, 60) == []


def test_an_object_that_was_missed_is_not_shown_between_two_inferences() -> None:
    tracker = Tracker()
    tracker.update([item((100, 50))], 0.0)
    tracker.update([], 0.1)
    assert tracker.predict(0.2, 640, 360) == []


@pytest.mark.parametrize("skipped", [1, 3])
def test_the_person_who_walks_through_the_demo_clip_keeps_one_id(skipped: int) -> None:
    """From the right edge to the left one, in front of a person who stays; a third one enters at the end."""
    bundle, _ = load_bundle(MODELS + "/nanodet-coco")
    assert bundle is not None
    detector = Detector(bundle)
    tracker = Tracker()
    places: Dict[Optional[int], List[float]] = {}
    for number, frame in enumerate(read_frames(DEMO, 1 + skipped)):
        found = detector.detect(frame, DetectionFilter()).objects
        for one in tracker.update(found, number * (1 + skipped) / 15):
            places.setdefault(one.track_id, []).append(one.left + one.width / 2)
    crossing = [path for path in places.values() if path[0] > 640 > path[-1]]
    assert len(crossing) == 1
    assert crossing[0][0] > 1000
    assert crossing[0][-1] < 200
    assert not [path for path in places.values() if path[0] < 640 < path[-1]]


@pytest.mark.parametrize("seed", range(20))
def test_objects_that_move_steadily_keep_their_ids_whatever_is_missed(seed: int) -> None:
    """Objects in lanes of their own, a fifth of the detections missing and boxes that tremble by two pixels."""
    chance = random.Random(seed)
    speeds = [chance.uniform(-15, 15) for _ in range(8)]
    tracker = Tracker()
    seen: Dict[int, set] = {lane: set() for lane in range(8)}
    for number in range(60):
        lanes = [lane for lane in range(8) if chance.random() > 0.2]
        objects = [
            item((500 + speeds[lane] * number + chance.uniform(-2, 2), 100 * lane + chance.uniform(-2, 2)))
            for lane in lanes
        ]
        for lane, found in zip(lanes, tracker.update(objects, number * FRAME)):
            seen[lane].add(found.track_id)
    assert all(len(found) == 1 for found in seen.values())


@pytest.mark.parametrize("seed", range(10))
def test_no_two_objects_of_a_frame_have_one_id(seed: int) -> None:
    chance = random.Random(seed)
    tracker = Tracker()
    for number in range(40):
        objects = [
            item((chance.uniform(0, 300), chance.uniform(0, 300)), (chance.uniform(0, 90), chance.uniform(0, 90)))
            for _ in range(chance.randrange(15))
        ]
        found = ids(tracker.update(objects, number * FRAME))
        assert None not in found
        assert len(set(found)) == len(objects)
