"""Configuration files of bundles with random mistakes, read as each engine reads them: a bundle or a named problem.

FUZZ_SEED repeats a run with other chances, FUZZ_ROUNDS makes it longer.
"""

import os
import random
import shutil

import numpy as np
import pytest

from sidecar.contract import spec
from sidecar.tests.test_deepstream_bundle import NANO, T4, platform_of
from sidecar.worker.engines.deepstream.bundle import load_nvinfer_bundle
from sidecar.worker.engines.deepstream.infer_config import infer_config
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter
from sidecar.worker.inference.session import ModelError

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
MODELS = os.path.join(ROOT, "models")
SEED = int(os.environ.get("FUZZ_SEED", "20260726"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "400"))
NAMES = ("nanodet-coco", "ssd-street", "trafficcamnet", "resnet10-nano")

VALUES = [
    *("", " ", "0", "1", "-1", "1.5", "1e999", "nan", "inf", "0x10", "9" * 21, "yes", "100", "a=b", "#", "ä", "%d%s%n"),
    *("1;2;3", ";;;", "3;0;0", "3;-1;9", "3;8;8", "3;99999;99999", "0.5;0.5", "0;1;2;3;4;5;6;7;8;9", "[property]"),
    *("/etc/passwd", "/dev/null", "../..", ".", "network.onnx", "labels.txt", "config_infer.txt", "a\0b", "x" * 5000),
]
LINES = [
    *("[", "]", "[]", "[property", "[property]", "[class-attrs-0]", "[class-attrs-99999999999]", "[class-attrs--1]"),
    *("=", "=1", "key", "\x00", "\ufeff", "  indented=1", "roi-top-offset=-5", "detected-min-w=99999", "topk=0"),
    *("topk=-1", "eps=nan", "dbscan-min-score=x", "onnx-file=network.onnx", "filter-out-class-ids=1;a;9999999999"),
]


def mutated(text, chance):
    """A text with some mistakes."""
    lines = text.splitlines()
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        kind, place = chance.randrange(7), chance.randrange(len(lines)) if lines else 0
        if kind == 0 or not lines:
            lines.insert(place, chance.choice(LINES))
        elif kind == 1:
            del lines[place]
        elif kind == 2:
            lines[place] = lines[place][: chance.randrange(len(lines[place]) + 1)]
        elif kind == 3:
            lines.append(chance.choice(lines))
        elif kind == 4 and lines[place]:
            at = chance.randrange(len(lines[place]))
            lines[place] = lines[place][:at] + chr(chance.randrange(1, 0x250)) + lines[place][at + 1 :]
        elif "=" in lines[place]:
            lines[place] = lines[place].split("=")[0] + "=" + chance.choice(VALUES)
    return "\n".join(lines).encode("utf-8", "surrogateescape")


@pytest.fixture
def bundles(tmp_path):
    """The shipped bundles, to be spoilt: their directories."""
    for name in NAMES:
        shutil.copytree(os.path.join(MODELS, name), str(tmp_path / name))
    return tmp_path


def spoilt(bundles, chance):
    """One of them with mistakes in its configuration file, and what was written."""
    name = chance.choice(NAMES)
    with open(os.path.join(MODELS, name, "config_infer.txt"), encoding="utf-8") as file:
        data = mutated(file.read(), chance)
    if chance.random() < 0.05:
        data = bytes(chance.randrange(256) for _ in range(chance.randrange(2000)))
    (bundles / name / "config_infer.txt").write_bytes(data)
    return str(bundles / name), data


def refused(bundle, frame):
    """Why the bundle's network is not run; None: it was run."""
    try:
        Detector(bundle).detect(frame, DetectionFilter())
    except ModelError as error:
        return str(error)
    return None


def is_named(problems):
    return all(problem.code and problem.path and problem.message for problem in problems)


def test_engine_cpu_reads_or_refuses_by_name(bundles):
    chance = random.Random(SEED)
    read = 0
    for number in range(ROUNDS):
        directory, data = spoilt(bundles, chance)
        bundle, problems = load_bundle(directory)
        what = "seed %d, round %d: %r" % (SEED, number, data)
        assert is_named(problems), what
        assert bundle is not None or problems, what
        read += bundle is not None
    assert 0 < read < ROUNDS


@pytest.mark.parametrize("target", [T4, NANO])
def test_engine_deepstream_reads_or_refuses_by_name(bundles, target):
    chance = random.Random(SEED)
    platform, catalogue = platform_of(target)
    read = 0
    for number in range(ROUNDS):
        directory, data = spoilt(bundles, chance)
        bundle, problems = load_nvinfer_bundle(directory, platform, catalogue)
        what = "seed %d, round %d: %r" % (SEED, number, data)
        assert is_named(problems), what
        assert bundle is not None or problems, what
        if bundle is not None:
            read += 1
            assert infer_config(bundle, "/engines/model.engine", 4, spec.Model(threshold=0.5), catalogue), what
            assert bundle.batch(1000) >= 1, what
    assert 0 < read < ROUNDS


def test_what_engine_cpu_has_read_runs_or_is_refused_by_name(bundles):
    chance = random.Random(SEED)
    plane = np.full((48, 64), 128, np.uint8)
    frame = I420Frame(plane, plane[::2, ::2], plane[::2, ::2], 64, 48)
    ran = 0
    for number in range(ROUNDS):
        directory, data = spoilt(bundles, chance)
        bundle, _ = load_bundle(directory)
        # A network takes a while to load: a part of the rounds shows enough.
        if bundle is None or chance.random() > 0.1:
            continue
        refusal = refused(bundle, frame)
        assert refusal != "", "seed %d, round %d: %r" % (SEED, number, data)
        ran += refusal is None
    assert ran > 0
