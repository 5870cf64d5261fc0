"""The nvinfer configuration parser: what it understands, and that every fault is told with its line."""

import json
import os

import pytest

from sidecar.tests.inference_footage import MODELS, ROOT
from sidecar.tests.nvinfer_text import parse as parse_text
from sidecar.worker.inference.decoders import NVINFER_S_OWN, REGISTRY
from sidecar.worker.inference.key_file import read_key_file
from sidecar.worker.inference.nvinfer_config import ClassAttributes
from sidecar.worker.inference.nvinfer_keys import IDLE, all_keys

NEEDED = """[property]
onnx-file=network.onnx
labelfile-path=labels.txt
num-detected-classes=3
parse-bbox-func-name=SlipstreamNanoDet
cluster-mode=2
"""


def parse(text):
    return parse_text(text, "config_infer.txt", "/bundle", ["SlipstreamNanoDet", "SlipstreamSsd"])


def test_defaults_are_those_of_nvinfer():
    config, problems = parse(NEEDED)
    assert problems == []
    assert config.network_path == "/bundle/network.onnx"
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
    assert [(one.severity, one.code, one.path) for one in problems] == [
        ("warning", "deprecated-key", "config_infer.txt:8"),
    ]
    every = ClassAttributes(threshold=0.3, top_k=20, min_width=8)
    assert config.classes == (
        every,
        every._replace(threshold=0.6, iou_threshold=0.7, roi_top=5, max_height=99),
        every._replace(threshold=0.9),
    )


# Line of the fault behind NEEDED's six lines, its code, and what the message must say.
FAULTS = [
    ("[property", "config-syntax", "'[property' is not a group"),
    ("[class-attrs-all] # for all", "config-syntax", "a comment needs a line of its own"),
    ("just words", "config-syntax", "'just words' is neither"),
    ("; a comment", "config-syntax", "a comment begins with #, not with ;"),
    ("interval=often", "wrong-type", "interval: 'often' is not a whole number"),
    ("interval=-1", "out-of-range", "interval: -1 is too small; the lowest is 0"),
    ("interval=2#skip", "wrong-type", "a comment needs a line of its own"),
    ("interval=", "wrong-type", "interval: '' is not a whole number"),
    ("interval=1;", "wrong-type", "'1;' is not a whole number"),
    ("custom-lib-path=", "wrong-type", "custom-lib-path: is empty"),
    ("custom-lib-path=lib\\parser.so", "wrong-type", "double it"),
    ("net-scale-factor=0", "out-of-range", "too small"),
    ("net-scale-factor=0.5 ", "wrong-type", "remove the blank at the end"),
    ("net-scale-factor=0.5 # half", "wrong-type", "a comment needs a line of its own"),
    ("net-scale-factor=0,5", "wrong-type", "decimals begin behind '.'"),
    ("net-scale-factor=nan", "wrong-type", "'nan' is not a number"),
    ("net-scale-factor=1e999", "wrong-type", "'1e999' is not a number"),
    ("interval=99999999999999999999", "out-of-range", "is no integer of 32 bits"),
    ("workspace-size=4294967296", "out-of-range", "is no integer of 32 bits"),
    ("offsets=103,5;116,3;123,7", "wrong-type", "decimals begin behind '.'"),
    ("offsets=127.5", "channels-mismatch", "offsets has 1 values, the network's input has 3 channels"),
    ("offsets=1;2;3;4;5", "out-of-range", "has more than 4 values"),
    ("infer-dims=3;416", "out-of-range", "has 2 values; write 3"),
    ("infer-dims=416;416;3", "channels-mismatch", "the order is channels;height;width"),
    ("infer-dims=3;416;416 # c;h;w", "wrong-type", "'h' is not a whole number"),
    ("maintain-aspect-ratio=yes", "wrong-type", "'yes' is neither 1 nor 0"),
    ("maintain-aspect-ratio=1 # keep", "wrong-type", "a comment needs a line of its own"),
    ("model-color-format=3", "unknown-value", "known are 0 (rgb), 1 (bgr), 2 (gray)"),
    ("network-type=2", "config-not-supported", "network-type=2 is not supported by engine cpu; use 0 or 100"),
    ("is-classifier=1", "config-not-supported", "with process-mode=2"),
    ("process-mode=3", "unknown-value", "known are 1 (primary), 2 (secondary)"),
    ("model-file=resnet10.caffemodel", "config-not-supported", "convert the network to ONNX"),
    ("mean-file=mean.ppm", "config-not-supported", "use offsets"),
    ("operate-on-class-ids=-1", "out-of-range", "the lowest is 0"),
    ("[class-attrs-all]\nnms-iou-threshold=1.5", "out-of-range", "1.5 is too large; the highest is 1"),
    ("[class-attrs-all]\npre-cluster-threshold=-0.1", "out-of-range", "too small"),
    ("[class-attrs-all]\npre-cluster-threshold=0.4\t", "wrong-type", "remove the blank at the end"),
    ("[class-attrs-all]\ntopk=-1", "out-of-range", "the lowest is 0"),
    ("[class-attrs-3]", "class-group-unknown", "[class-attrs-3]: there is no such class"),
    ("[class-attrs-car]", "class-group-unknown", "num-detected-classes=3 allows 0 to 2"),
]


@pytest.mark.parametrize(("text", "code", "words"), FAULTS, ids=[fault[0].replace("\n", " ") for fault in FAULTS])
def test_a_fault_is_told_with_its_line(text, code, words):
    config, problems = parse(NEEDED + text + "\n")
    assert config is None
    (problem,) = [one for one in problems if one.code not in ("config-no-meaning", "deprecated-key")]
    line = 7 + text.count("\n")
    assert (problem.severity, problem.code, problem.path) == ("error", code, "config_infer.txt:%d" % line)
    assert words in problem.message
    assert "\n" not in problem.message


# What nvinfer ignores, or what it reads in a way that its author may not have meant.
REMARKS = [
    ("net-scale-facto=1", "notice", "unknown-key", "nvinfer ignores net-scale-facto; did you mean net-scale-factor?"),
    ("topk=3", "notice", "unknown-key", "it belongs in [class-attrs-all]"),
    ("colour=red", "notice", "unknown-key", "it is none of its keys"),
    ("[class-attr-all]", "notice", "unknown-group", "did you mean [class-attrs-all]?"),
    ("[tracker]", "notice", "unknown-group", "it reads [property] and [class-attrs-all]"),
    ("onnx-file=other.onnx", "warning", "duplicate-key", "onnx-file is set in line 2 too; the last one counts"),
    ("filter-out-class-ids=3", "warning", "class-out-of-range", "num-detected-classes=3 allows 0 to 2"),
    ("filter-out-class-ids=-1", "warning", "class-out-of-range", "there is no class -1"),
    ("model-engine-file=", "warning", "empty-value", "model-engine-file: is empty"),
    ("is-classifier=0", "warning", "deprecated-key", "use network-type"),
]


@pytest.mark.parametrize(
    ("text", "severity", "code", "words"), REMARKS, ids=[remark[0].replace("\n", " ") for remark in REMARKS]
)
def test_a_remark_refuses_nothing(text, severity, code, words):
    config, problems = parse(NEEDED + text + "\n")
    assert config is not None
    (problem,) = problems
    assert (problem.severity, problem.code, problem.path) == (severity, code, "config_infer.txt:7")
    assert words in problem.message


def test_of_a_key_that_is_set_twice_the_last_one_counts():
    config, _ = parse(NEEDED + "interval=oops\ninterval=3\n")
    assert config.interval == 3


def test_numbers_are_read_as_glib_does():
    config, problems = parse(
        NEEDED + "interval=+1 # one\nnet-scale-factor=0x1p-8\ninfer-dims=3; 416; 416 # w\n[class-attrs-01]\ntopk=010\n"
    )
    assert problems == []
    assert (config.interval, config.scale, tuple(config.dimensions)) == (1, 1 / 256, (3, 416, 416))
    assert [one.top_k for one in config.classes] == [-1, 10, -1]


def test_old_keys_are_not_read_beside_their_successors():
    config, problems = parse(NEEDED + "infer-dims=3;4;4\ninput-dims=oops\nenable-dbscan=yes\n")
    assert problems == []
    assert tuple(config.dimensions) == (3, 4, 4)


@pytest.mark.parametrize("text", [NEEDED.replace("\n", "\r\n"), "  # in any encoding: \ufffd\n" + NEEDED])
def test_line_ends_of_windows_and_any_comment_are_read(text):
    config, problems = parse(text)
    assert problems == []
    assert config.network_path == "/bundle/network.onnx"


def test_line_ends_of_old_macintoshes_are_refused_as_glib_does():
    config, problems = parse(NEEDED.replace("\n", "\r"))
    assert config is None
    assert problems[0].code == "config-syntax"


def test_a_blank_behind_a_path_is_none_of_its_name():
    config, _ = parse(NEEDED.replace("network.onnx", "network.onnx "))
    assert config.network_path == "/bundle/network.onnx"


@pytest.mark.parametrize("mode", ["0", "1", "3"])
def test_other_clusterings_are_refused(mode):
    config, problems = parse(NEEDED.replace("cluster-mode=2", "cluster-mode=" + mode))
    assert config is None
    assert [one.code for one in problems] == ["config-not-supported"]
    assert "use cluster-mode=2 (NMS) or 4 (none)" in problems[0].message


def test_an_unknown_decoder_is_told_with_the_known_ones():
    config, problems = parse(NEEDED.replace("SlipstreamNanoDet", "NvDsInferParseOwn"))
    assert config is None
    assert problems[0].path == "config_infer.txt:5"
    assert "no decoder NvDsInferParseOwn; known are SlipstreamNanoDet, SlipstreamSsd" in problems[0].message


def test_all_faults_are_told_at_once():
    config, problems = parse(
        "stray=1\n[property]\ninterval=x\nnetwork-type=100\nonnx-fil=a\n[nothing]\nkey=of an unknown group\n"
    )
    assert config is None
    assert [(one.code, one.path) for one in problems if one.severity == "error"] == [
        ("config-syntax", "config_infer.txt:1"),
        ("wrong-type", "config_infer.txt:3"),
        # The network, the number of classes and the decoder.
        ("missing-key", "config_infer.txt"),
        ("missing-key", "config_infer.txt"),
        ("missing-key", "config_infer.txt"),
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
        keys = {name: key for (kind, name), key in all_keys().keys.items() if kind == group}
        theirs = {key["name"]: key for key in catalogue if key["group"] == group}
        assert set(keys) == set(theirs)
        assert [key for key in keys.values() if key.cpu.use != IDLE], "engine cpu honours none"
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


def test_the_catalogue_has_the_decoders_of_the_registry():
    with open(os.path.join(ROOT, "catalogue", "decoders.json"), encoding="utf-8") as file:
        catalogue = json.load(file)
    assert sorted(one["name"] for one in catalogue["decoders"]) == sorted(REGISTRY)
    assert [one["name"] for one in catalogue["decoders"] if one.get("builtin")] == [NVINFER_S_OWN]
    assert {one["decoder"] for one in catalogue["families"]} <= set(REGISTRY)
    files = {one["name"]: one.get("files", []) for one in catalogue["decoders"]}
    assert files == {name: list(decoder.files) for name, decoder in REGISTRY.items()}


def test_without_a_parser_nvinfer_s_own_is_meant():
    config, problems = parse(NEEDED.replace("parse-bbox-func-name=SlipstreamNanoDet\n", ""))
    assert problems == []
    assert config.decoder == NVINFER_S_OWN


def test_raw_tensors_without_a_decoder_are_told_with_the_known_ones():
    config, problems = parse(NEEDED.replace("parse-bbox-func-name=SlipstreamNanoDet", "network-type=100"))
    assert config is None
    assert [one.code for one in problems] == ["missing-key"]
    assert "known are SlipstreamNanoDet, SlipstreamSsd" in problems[0].message


@pytest.mark.parametrize("end", ["\v", "\f", "\r", "\x1c", "\x85", "\u2028"])
def test_a_line_ends_where_nvinfer_ends_it(end):
    text = "[property]\n# a comment%scustom-lib-path=/tmp/x\nbatch-size=1\n" % end
    file = read_key_file(text.encode("utf-8"), "config_infer.txt")
    assert file.problems == []
    assert {key: entry.raw for key, entry in file.groups["property"].items()} == {"batch-size": "1"}
