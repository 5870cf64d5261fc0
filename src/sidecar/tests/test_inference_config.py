"""The nvinfer configuration parser: what it understands, and that every fault is told with its line."""

import json
import os

import pytest

from sidecar.tests.inference_footage import MODELS, ROOT
from sidecar.worker.inference.nvinfer_config import ClassAttributes, parse_nvinfer_config
from sidecar.worker.inference.nvinfer_keys import USED, keys_of

NEEDED = """[property]
onnx-file=network.onnx
labelfile-path=labels.txt
num-detected-classes=3
parse-bbox-func-name=SlipstreamNanoDet
cluster-mode=2
"""


def parse(text):
    return parse_nvinfer_config(text, "config_infer.txt", "/bundle", ["SlipstreamNanoDet", "SlipstreamSsd"])


def test_defaults_are_those_of_nvinfer():
    config, problems = parse(NEEDED)
    assert problems == []
    assert config.network_path == "/bundle/network.onnx"
    assert config.labels_path == "/bundle/labels.txt"
    assert (config.scale, config.offsets, config.colour) == (1.0, (0.0, 0.0, 0.0), "rgb")
    assert (config.keep_shape, config.centred, config.channels_last) == (False, False, False)
    assert (config.interval, config.nms, config.dimensions) == (0, True, None)
    assert config.classes == (ClassAttributes(threshold=0.2, iou_threshold=0.3, top_k=-1),) * 3


def test_every_honoured_key_is_read():
    config, problems = parse(
        NEEDED.replace("cluster-mode=2", "cluster-mode=4")
        + """
# a comment, and blanks round the signs
 infer-dims = 1;300;400;
network-input-order=1
model-color-format=2
net-scale-factor=7.8e-3
offsets=127.5
maintain-aspect-ratio=true
symmetric-padding=1
interval=4
process-mode=1
network-type=100
output-blob-names=boxes;scores
filter-out-class-ids=0;2
"""
    )
    assert problems == []
    assert tuple(config.dimensions) == (1, 300, 400)
    assert (config.channels_last, config.colour, config.scale, config.offsets) == (True, "gray", 0.0078, (127.5,))
    assert (config.keep_shape, config.centred, config.interval, config.nms) == (True, True, 4, False)
    assert (config.outputs, config.filtered_out) == (("boxes", "scores"), {0, 2})


def test_a_class_group_overrides_the_group_of_all():
    config, problems = parse(
        NEEDED
        + "[class-attrs-all]\nthreshold=0.3\ntopk=20\ndetected-min-w=8\n"
        + "[class-attrs-1]\npre-cluster-threshold=0.6\nnms-iou-threshold=0.7\nroi-top-offset=5\ndetected-max-h=99\n"
        + "[class-attrs-2]\npost-cluster-threshold=0.9\n"
    )
    assert problems == []
    every = ClassAttributes(threshold=0.3, top_k=20, min_width=8)
    assert config.classes == (
        every,
        every._replace(threshold=0.6, iou_threshold=0.7, roi_top=5, max_height=99),
        every._replace(threshold=0.9),
    )


# Line of the fault behind NEEDED's six lines, its code, and what the message must say.
FAULTS = [
    ("net-scale-facto=1", "config-unknown-key", "net-scale-facto is unknown; did you mean net-scale-factor?"),
    ("topk=3", "config-unknown-key", "it belongs in [class-attrs-all]"),
    ("colour=red", "config-unknown-key", "remove it"),
    ("[class-attr-all]", "config-unknown-group", "did you mean [class-attrs-all]?"),
    ("[tracker]", "config-unknown-group", "known are [property]"),
    ("[property", "config-syntax", "no closing bracket"),
    ("just words", "config-syntax", "'just words' is neither"),
    ("onnx-file=other.onnx", "config-duplicate-key", "onnx-file is set already in line 2"),
    ("interval=often", "config-value", "interval: 'often' is not a whole number"),
    ("interval=-1", "config-value", "interval: -1 is too small; the lowest is 0"),
    ("interval=2 # skip", "config-value", "a comment needs a line of its own"),
    ("interval=", "config-value", "interval: is empty"),
    ("net-scale-factor=0", "config-value", "too small"),
    ("net-scale-factor=nan", "config-value", "'nan' is not a number"),
    ("net-scale-factor=1e999", "config-value", "1e999 is out of all range"),
    ("interval=99999999999999999999", "config-value", "is not a whole number"),
    ("offsets=103,5;116,3;123,7", "config-value", "decimals begin behind '.'"),
    ("offsets=127.5", "config-value", "offsets has 1 values, the network's input has 3 channels"),
    ("infer-dims=3;416", "config-value", "has 2 values; write 3"),
    ("infer-dims=416;416;3", "config-value", "the order is channels;height;width"),
    ("maintain-aspect-ratio=yes", "config-value", "'yes' is neither 1 nor 0"),
    ("model-color-format=3", "config-value", "known are 0 (RGB), 1 (BGR), 2 (gray)"),
    ("filter-out-class-ids=3", "config-value", "there is no class 3; num-detected-classes=3 allows 0 to 2"),
    ("network-type=2", "config-not-supported", "network-type=2 is not supported by engine cpu; use 0 or 100"),
    ("process-mode=2", "config-not-supported", "use process-mode=1"),
    ("enable-dbscan=1", "config-not-supported", "use cluster-mode=2"),
    ("model-file=resnet10.caffemodel", "config-not-supported", "convert the network to ONNX"),
    ("mean-file=mean.ppm", "config-not-supported", "use offsets"),
    ("[class-attrs-all]\nnms-iou-threshold=1.5", "config-value", "1.5 is too large; the highest is 1"),
    ("[class-attrs-all]\npre-cluster-threshold=-0.1", "config-value", "too small"),
    ("[class-attrs-3]\ntopk=1", "config-value", "[class-attrs-3]: there is no such class"),
]


@pytest.mark.parametrize(("text", "code", "words"), FAULTS, ids=[fault[0].replace("\n", " ") for fault in FAULTS])
def test_a_fault_is_told_with_its_line(text, code, words):
    config, problems = parse(NEEDED + text + "\n")
    assert config is None
    (problem,) = problems
    line = 7 + text.count("\n")
    assert (problem.severity, problem.code, problem.path) == ("error", code, "config_infer.txt:%d" % line)
    assert words in problem.message
    assert "\n" not in problem.message


@pytest.mark.parametrize("mode", ["0", "1", "3"])
def test_other_clusterings_are_refused(mode):
    config, problems = parse(NEEDED.replace("cluster-mode=2", "cluster-mode=" + mode))
    assert config is None
    assert [one.code for one in problems] == ["config-not-supported"]
    assert "use cluster-mode=2 (NMS) or 4 (none)" in problems[0].message


def test_an_unknown_decoder_is_told_with_the_known_ones():
    config, problems = parse(NEEDED.replace("SlipstreamNanoDet", "NvDsInferParseYolo"))
    assert config is None
    assert problems[0].path == "config_infer.txt:5"
    assert "no decoder NvDsInferParseYolo; known are SlipstreamNanoDet, SlipstreamSsd" in problems[0].message


def test_all_faults_are_told_at_once():
    config, problems = parse("stray=1\n[property]\ninterval=x\nonnx-fil=a\n[nothing]\nkey=of an unknown group\n")
    assert config is None
    assert [(one.code, one.path) for one in problems if one.severity == "error"] == [
        ("config-syntax", "config_infer.txt:1"),
        ("config-value", "config_infer.txt:3"),
        ("config-unknown-key", "config_infer.txt:4"),
        ("config-unknown-group", "config_infer.txt:5"),
        ("config-missing-key", "config_infer.txt"),
        ("config-missing-key", "config_infer.txt"),
        ("config-missing-key", "config_infer.txt"),
        ("config-missing-key", "config_infer.txt"),
    ]


def test_keys_without_a_meaning_are_told_in_one_warning():
    text = "gpu-id=0\nnetwork-mode=2\n[class-attrs-all]\neps=0.7\n[class-attrs-1]\neps=0.5\n"
    config, problems = parse(NEEDED + text)
    assert config is not None
    (problem,) = problems
    assert (problem.severity, problem.code, problem.path) == ("notice", "config-no-meaning", "config_infer.txt")
    assert problem.message == "engine cpu has no use for gpu-id, network-mode, eps and ignores them"


def test_a_key_without_a_meaning_must_still_have_a_right_value():
    config, problems = parse(NEEDED + "network-mode=fp16\n")
    assert config is None
    assert problems[0].message == "network-mode: 'fp16' is not a whole number"


def test_a_missing_clustering_is_a_warning():
    config, problems = parse(NEEDED.replace("cluster-mode=2\n", ""))
    assert config is not None
    assert config.nms
    assert [(one.severity, one.code) for one in problems] == [("warning", "config-default")]


def test_the_keys_are_those_of_the_catalogue():
    with open(os.path.join(ROOT, "catalogue", "nvinfer-keys.json"), encoding="utf-8") as file:
        catalogue = json.load(file)["keys"]
    for group in ("property", "class-attrs"):
        keys = keys_of(group)
        theirs = {key["name"]: key for key in catalogue if key["group"] == group}
        assert set(keys) == set(theirs)
        assert set(USED[group]) <= set(theirs), "a slip in a name"
        assert {name: key.type for name, key in keys.items()} == {name: key["type"] for name, key in theirs.items()}
        for name, key in keys.items():
            values = [one["value"] for one in theirs[name].get("enum", [])]
            assert sorted(key.choices or []) == sorted(values), name


@pytest.mark.parametrize("bundle", ["nanodet-coco", "ssd-street"])
def test_the_shipped_files_hand_raw_tensors_to_the_decoder_under_nvinfer(bundle):
    with open(os.path.join(MODELS, bundle, "config_infer.txt"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    for line in ("network-type=100", "output-tensor-meta=1", "process-mode=1", "network-mode=2", "cluster-mode=2"):
        assert line in lines
