"""The boxes on real footage are those of a straightforward inference of the same network."""

import os
from typing import List

import pytest

from sidecar.tests.inference_footage import DEMO, MODELS, STREET, read_frames
from sidecar.tests.inference_reference import Found, Reference, matched
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter


@pytest.fixture(scope="module")
def footage():
    return {"demo": read_frames(DEMO, 3), "street": read_frames(STREET, 20)}


def _detector(name: str) -> Detector:
    bundle, problems = load_bundle(os.path.join(MODELS, name))
    assert bundle is not None, problems
    return Detector(bundle)


def _found(detector: Detector, frame: I420Frame) -> List[Found]:
    return [
        Found(one.label, one.confidence, (one.left, one.top, one.left + one.width, one.top + one.height))
        for one in detector.detect(frame, DetectionFilter()).objects
    ]


@pytest.mark.parametrize("clip", ["demo", "street"])
@pytest.mark.parametrize("bundle", ["nanodet-coco", "ssd-street"])
def test_boxes_match_a_straightforward_inference(footage, bundle, clip):
    detector, reference = _detector(bundle), Reference(bundle)
    pairs = [(_found(detector, frame), reference.find(frame)) for frame in footage[clip]]
    ours, theirs = sum(len(one) for one, _ in pairs), sum(len(other) for _, other in pairs)
    both = sum(matched(one, other) for one, other in pairs)
    figure = "%d of %d boxes have a partner among the reference's %d" % (both, ours, theirs)
    print(bundle, clip, figure)
    assert ours > 40, figure
    assert both >= 0.95 * ours, figure
    assert both >= 0.95 * theirs, figure


@pytest.mark.parametrize("bundle", ["nanodet-coco", "ssd-street"])
def test_persons_are_found_on_the_street(footage, bundle):
    detector = _detector(bundle)
    persons = [sum(one.label.lower() == "person" for one in _found(detector, frame)) for frame in footage["street"]]
    # Some 5.7 persons a frame by a vote of several detectors.
    mean = sum(persons) / len(persons)
    assert 4.5 <= mean <= 7.5, "%.1f persons a frame" % mean
