"""From candidates to objects: suppression, thresholds, limits, sizes and filters."""

import numpy as np
import pytest

from sidecar.tests.nvinfer_text import parse
from sidecar.worker.inference.bundle import Bundle
from sidecar.worker.inference.decoders import Candidates, Decoder
from sidecar.worker.inference.geometry import Geometry
from sidecar.worker.inference.postprocess import (
    MAX_CANDIDATES,
    DetectionFilter,
    Object,
    Postprocessor,
    strongest_first,
    suppress,
)

EVERYTHING = DetectionFilter()
LABELS = ("person", "car", "truck")
NEEDED = """[property]
onnx-file=n
labelfile-path=l
num-detected-classes=3
parse-bbox-func-name=D
"""


class Echo(Decoder):
    """Its one output is a table of candidates: left, top, right, bottom, score, class."""

    alike = (("car", "truck"),)

    def decode(self, outputs, thresholds):
        table = outputs["table"]
        class_ids = table[:, 5].astype(int)
        keep = table[:, 4] >= thresholds[class_ids]
        return Candidates(table[keep, :4], table[keep, 4], class_ids[keep])


def find(rows, text="cluster-mode=2\n", detection_filter=EVERYTHING):
    """The objects of candidates in a network input of 100 x 100 pixels, of a frame of 200 x 200."""
    config, problems = parse(NEEDED + text, "c", "/", ["D"])
    assert config is not None, problems
    postprocess = Postprocessor(Bundle("/", config, LABELS), Echo("/", 3, 100, 100))
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return postprocess({"table": table}, Geometry(0, 0, 100, 100, 200, 200), detection_filter)


def names(objects):
    return [(one.label, round(one.confidence, 2)) for one in objects]


PERSON = (10, 10, 30, 50, 0.9, 0)
# Overlaps PERSON by 18 / 22.
SHIFTED = (12, 10, 32, 50, 0.8, 0)
CAR = (40, 40, 80, 60, 0.7, 1)
TRUCK = (40, 40, 80, 61, 0.6, 2)


def test_an_object_has_its_label_and_its_box_in_pixels_of_the_frame():
    (one,) = find([PERSON])
    assert one == Object(0, "person", pytest.approx(0.9), 20, 20, 40, 80)
    assert all(isinstance(value, float) for value in one[2:7])
    assert isinstance(one.class_id, int)


def test_no_candidate_is_no_object():
    assert find([]) == []


def test_the_strongest_of_overlapping_boxes_is_kept():
    assert names(find([SHIFTED, PERSON])) == [("person", 0.9)]


def test_the_overlap_allowed_is_the_configuration_s():
    text = "cluster-mode=2\n[class-attrs-all]\nnms-iou-threshold=%s\n"
    assert len(find([PERSON, SHIFTED], text % "0.82")) == 2
    assert len(find([PERSON, SHIFTED], text % "0.81")) == 1


def test_other_classes_are_not_suppressed_unless_they_look_alike():
    person_in_the_car = (*CAR[:5], 0)
    assert names(find([CAR, TRUCK, person_in_the_car])) == [("car", 0.7), ("person", 0.7)]


def test_a_suppressed_box_suppresses_none():
    # Each overlaps the next by half or more, the first and the last by none.
    chain = [(0, 0, 20, 20, 0.9, 0), (8, 0, 28, 20, 0.8, 0), (16, 0, 36, 20, 0.7, 0)]
    assert names(find(chain)) == [("person", 0.9), ("person", 0.7)]


def test_without_clustering_all_are_kept():
    assert len(find([PERSON, SHIFTED, CAR, TRUCK], "cluster-mode=4\n")) == 4


def test_thresholds_are_the_configuration_s_class_by_class():
    text = "cluster-mode=4\n[class-attrs-all]\npre-cluster-threshold=0.65\n[class-attrs-0]\nthreshold=0.85\n"
    assert names(find([PERSON, SHIFTED, CAR, TRUCK], text)) == [("person", 0.9), ("car", 0.7)]


def test_a_threshold_of_the_specification_holds_for_every_class():
    text = "cluster-mode=4\n[class-attrs-all]\npre-cluster-threshold=0.95\n"
    objects = find([PERSON, SHIFTED, CAR, TRUCK], text, DetectionFilter(threshold=0.65))
    assert names(objects) == [("person", 0.9), ("person", 0.8), ("car", 0.7)]


def test_only_the_classes_asked_for_are_reported():
    rows = [PERSON, CAR]
    assert names(find(rows, detection_filter=DetectionFilter(classes=frozenset(["car"])))) == [("car", 0.7)]
    assert find(rows, detection_filter=DetectionFilter(classes=frozenset())) == []
    assert names(find(rows, "cluster-mode=2\nfilter-out-class-ids=0\n")) == [("car", 0.7)]


def test_a_car_does_not_become_a_truck_when_only_trucks_are_asked_for():
    assert find([CAR, TRUCK], detection_filter=DetectionFilter(classes=frozenset(["truck"]))) == []


def test_each_class_has_its_limit():
    rows = [(x, 0, x + 9, 9, 0.5 + x / 100, x // 10 % 2) for x in range(0, 80, 10)]
    objects = find(rows, "cluster-mode=2\n[class-attrs-all]\ntopk=2\n[class-attrs-1]\ntopk=1\n")
    assert [(one.label, one.left) for one in objects] == [("car", 140), ("person", 120), ("person", 80)]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("detected-min-w=41", False),
        ("detected-min-w=40", True),
        ("detected-min-h=81", False),
        ("detected-max-w=39", False),
        ("detected-max-w=40", True),
        ("detected-max-h=79", False),
        ("roi-top-offset=21", False),
        ("roi-top-offset=20", True),
        ("roi-bottom-offset=101", False),
        ("roi-bottom-offset=100", True),
    ],
)
def test_sizes_and_margins_are_in_pixels_of_the_frame(line, kept):
    assert bool(find([PERSON], "cluster-mode=2\n[class-attrs-0]\n%s\n" % line)) is kept


def test_boxes_are_clipped_to_the_frame_and_dropped_outside_of_it():
    objects = find([(-10, 90, 20, 130, 0.9, 0), (101, 10, 120, 30, 0.8, 1), (10, 10, 10, 30, 0.7, 2)])
    assert [(one.left, one.top, one.width, one.height) for one in objects] == [(0, 180, 40, 20)]


def test_boxes_that_are_no_numbers_are_dropped():
    nan = float("nan")
    assert names(find([(nan, nan, nan, nan, 0.9, 0), PERSON])) == [("person", 0.9)]


def test_no_more_than_the_strongest_candidates_are_compared():
    count = MAX_CANDIDATES + 10
    candidates = Candidates(
        np.zeros((count, 4), np.float32), np.linspace(0, 1, count, dtype=np.float32), np.zeros(count, int)
    )
    strongest = strongest_first(candidates)
    assert len(strongest.scores) == MAX_CANDIDATES
    assert strongest.scores[0] == 1
    assert len(suppress(strongest, np.zeros(1, int), np.array([0.5])).scores) == MAX_CANDIDATES
