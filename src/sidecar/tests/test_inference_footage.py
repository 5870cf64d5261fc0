"""The boxes on real footage are those of a plain inference of the same network, and those of a real nvinfer."""

import json
import os
from typing import List

import numpy as np
import pytest

from sidecar.tests.inference_footage import DEMO, MODELS, STREET, read_frames
from sidecar.tests.inference_reference import Found, Reference, matched, overlap
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter

REAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "demo-nvinfer-9.0.json")


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


def test_boxes_are_those_of_a_real_nvinfer():
    with open(REAL, encoding="utf-8") as file:
        real = json.load(file)["frames"]
    frames = read_frames(DEMO, 1)
    assert len(real) == len(frames)
    detector = _detector("nanodet-coco")
    ours, theirs, overlaps = 0, 0, []
    for frame, boxes in zip(frames, real):
        found = _found(detector, _as_nvvideoconvert(frame, 960, 540))
        free = [Found(label, score, (x, y, x + width, y + height)) for label, score, x, y, width, height in boxes]
        ours, theirs = ours + len(found), theirs + len(free)
        for one in found:
            box = tuple(value * frame.width / 960 for value in one.box)
            partners = [(overlap(box, other.box), other) for other in free if other.label == one.label]
            best, partner = max(partners, key=lambda pair: pair[0], default=(0, None))
            if best >= 0.5:
                overlaps.append(best)
                free.remove(partner)
    figure = "%d boxes, nvinfer's %d, %d matched, mean overlap %.4f" % (
        ours,
        theirs,
        len(overlaps),
        np.mean(overlaps),
    )
    print(figure)
    assert len(overlaps) >= 0.96 * max(ours, theirs), figure
    assert np.mean(overlaps) >= 0.975, figure


def _as_nvvideoconvert(frame: I420Frame, width: int, height: int) -> I420Frame:
    """At another size by its default filter: the nearest pixel, of the target pixel's corner."""

    def scaled(plane, across, down):
        rows, columns = (np.arange(count) * size // count for count, size in zip((down, across), plane.shape))
        return plane[rows][:, columns]

    return frame._replace(
        y=scaled(frame.y, width, height),
        u=scaled(frame.u, width // 2, height // 2),
        v=scaled(frame.v, width // 2, height // 2),
        width=width,
        height=height,
    )
