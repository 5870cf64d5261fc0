"""Bundles for nvinfer: what a release can read, and what a board can run."""

import os

import numpy as np
import pytest

from sidecar.contract import spec
from sidecar.tests.deepstream_sidecar import LABELS, NANODET, ROOT, make_bundle
from sidecar.tests.networks import another, network
from sidecar.worker.engines.deepstream.bundle import load_nvinfer_bundle
from sidecar.worker.engines.deepstream.catalogue import Catalogue, boards
from sidecar.worker.engines.deepstream.infer_config import build_config, infer_config, write_config
from sidecar.worker.engines.deepstream.machine import read_system_info
from sidecar.worker.engines.deepstream.platform import identify
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder, TensorMismatchError
from sidecar.worker.engines.deepstream.tensorrt_engine import tensorrt_engine
from sidecar.worker.inference.postprocess import DetectionFilter

T4 = "7.1/dgpu/t4"
NANO = "6.0.1/jetson/nano"


def platform_of(target):
    platform = identify(read_system_info({"SLIPSTREAM_PLATFORM": target}), boards())
    return platform, Catalogue(platform.release, platform.kind)


def load(directory, target=T4):
    return load_nvinfer_bundle(str(directory), *platform_of(target))


def codes(directory, target=T4):
    _, problems = load(directory, target)
    return [(problem.code, problem.path) for problem in problems]


def test_a_bundle_is_read_with_its_labels_thresholds_and_network(tmp_path):
    bundle, problems = load(make_bundle(str(tmp_path), interval=3))
    assert problems == []
    assert bundle.labels == LABELS
    assert bundle.interval == 3
    assert bundle.network_path == str(tmp_path / "network.onnx")
    assert bundle.thresholds() == [0.2] * 4
    assert bundle.decoded_here is None


def test_a_network_with_raw_tensors_has_a_decoder_of_engine_cpu():
    bundle, problems = load(NANODET)
    assert problems == []
    assert bundle.decoded_here.config.decoder == "SlipstreamNanoDet"
    assert len(bundle.labels) == 80


@pytest.mark.parametrize("name", ["nanodet-coco", "ssd-street"])
@pytest.mark.parametrize("target", [T4, NANO, "7.1/jetson/orin-nano", "6.3/dgpu", "9.1/dgpu"])
def test_the_shipped_bundles_run_everywhere(name, target):
    assert codes(os.path.join(ROOT, "models", name), target) == []


@pytest.mark.parametrize(
    ("name", "runs", "does_not"), [("trafficcamnet", T4, None), ("resnet10-nano", NANO, (T4, "caffe-gone"))]
)
def test_bundles_for_the_networks_in_nvidia_s_images_lack_only_the_network(name, runs, does_not):
    directory = os.path.join(ROOT, "models", name)
    found = codes(directory, runs)
    assert {code for code, _ in found} == {"file-missing"}, "outside the image only the network is missing"
    if does_not is not None:
        target, code = does_not
        assert code in [one for one, _ in codes(directory, target)]


@pytest.mark.parametrize(
    ("own", "target", "code"),
    [
        ({"onnx_file": None, "model_file": "network.onnx"}, T4, "caffe-gone"),
        ({"onnx_file": None, "uff_file": "network.onnx"}, "9.1/dgpu", "uff-gone"),
        ({"onnx_file": None, "tlt_encoded_model": "network.onnx"}, T4, "etlt-gone"),
        ({"network_mode": 1}, NANO, "int8-unsupported"),
        ({"network_mode": 1}, T4, "int8-uncalibrated"),
        ({"strongly_typed": 1}, T4, "key-unavailable"),
        ({"network_type": 7}, T4, "unknown-value"),
        ({"batch_size": "many"}, T4, "wrong-type"),
        ({"batch_size": 0}, T4, "out-of-range"),
        ({"onnx_fil": "network.onnx"}, T4, "unknown-key"),
        ({"infer_dims": "3;544"}, T4, "out-of-range"),
        ({"topk": 3}, T4, "unknown-key"),
        ({"custom_lib_path": "lib.so"}, T4, "file-missing"),
        ({"custom_lib_path": "a\0b"}, T4, "wrong-type"),
        ({"labelfile_path": "a\0b"}, T4, "wrong-type"),
        ({"num_detected_classes": 3}, T4, "labels-mismatch"),
        ({"labelfile_path": None}, T4, "labels-missing"),
        ({"onnx_file": None}, T4, "missing-key"),
        ({"is_classifier": 0, "network_type": None}, T4, "deprecated-key"),
        ({"network_type": 100, "parse_bbox_func_name": "Yolo", "infer_dims": "3;8;8"}, T4, "unknown-decoder"),
    ],
)
def test_a_problem_has_the_linter_s_code(tmp_path, own, target, code):
    assert [found for found, _ in codes(make_bundle(str(tmp_path), **own), target)] == [code]


@pytest.mark.parametrize(
    ("own", "target"),
    [
        ({"onnx_file": None, "model_file": "network.onnx"}, NANO),
        ({"onnx_file": None, "tlt_encoded_model": "network.onnx"}, "7.0/dgpu"),
        ({"strongly_typed": 1}, "9.0/dgpu"),
        ({"network_mode": 2}, NANO),
    ],
)
def test_what_a_release_supports_is_not_refused(tmp_path, own, target):
    assert codes(make_bundle(str(tmp_path), **own), target) == []


def onnx_network(path, batch):
    import onnx
    from onnx import TensorProto, helper

    shape = [batch, 3, 8, 8]
    graph = helper.make_graph(
        [helper.make_node("Add", ["weights", "picture"], ["out"])],
        "graph",
        # Old exporters list the weights among the inputs.
        [
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, [1]),
            helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [helper.make_tensor("weights", TensorProto.FLOAT, [1], [1.0])],
    )
    onnx.save(helper.make_model(graph), str(path))


@pytest.mark.parametrize(("exported", "cameras", "batch"), [(4, 2, 2), (4, 6, 4), ("batch", 6, 6), (1, 6, 1)])
def test_the_network_gets_no_more_frames_at_once_than_it_takes(tmp_path, exported, cameras, batch):
    directory = make_bundle(str(tmp_path))
    onnx_network(tmp_path / "network.onnx", exported)
    assert load(directory)[0].batch(cameras) == batch


def test_a_file_that_is_no_network_is_refused(tmp_path):
    directory = make_bundle(str(tmp_path))
    with open(os.path.join(NANODET, "network.onnx"), "rb") as file:
        whole = file.read()
    for content in (whole[:1], whole[:100], whole[: len(whole) // 2], b"", b"no network"):
        (tmp_path / "network.onnx").write_bytes(content)
        assert codes(directory) == [("network-unreadable", "config_infer.txt:2")]


def test_a_relative_path_that_leads_out_of_the_bundle_is_refused(tmp_path):
    directory = make_bundle(str(tmp_path / "bundle"))
    network_path = os.path.join(directory, "network.onnx")
    os.rename(network_path, str(tmp_path / "network.onnx"))
    os.symlink("../network.onnx", network_path)
    assert codes(directory) == [("file-outside", "config_infer.txt:2")]


@pytest.mark.parametrize("name", ["config_infer.txt", "labels.txt", "network.onnx"])
def test_a_named_pipe_in_a_bundle_is_refused_and_not_waited_for(tmp_path, name):
    directory = make_bundle(str(tmp_path))
    os.remove(os.path.join(directory, name))
    os.mkfifo(os.path.join(directory, name))
    assert [code for code, _ in codes(directory)] == ["file-unreadable"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_raw_tensor_that_is_not_finite_is_no_frame_without_objects(value):
    bundle, _ = load(NANODET)
    decoder = TensorDecoder(bundle)
    # 52 x 52, 26 x 26 and 13 x 13 cells, 80 classes and four distributions.
    tensors = {"output": np.zeros((3549, 80 + 4 * 11), np.float32)}
    assert decoder(tensors, (1280, 720), DetectionFilter(0.9)) == []
    tensors["output"].flat[7] = value
    with pytest.raises(TensorMismatchError, match="NaN or infinity"):
        decoder(tensors, (1280, 720), DetectionFilter(0.9))


def test_what_the_board_s_tensorrt_does_not_support_is_refused_before_a_build(tmp_path):
    directory = make_bundle(str(tmp_path))
    (tmp_path / "network.onnx").write_bytes(network("both behind a Cast"))
    assert codes(directory, T4) == []
    bundle, (weights, bias) = load(directory, NANO)
    assert bundle is None
    assert (weights.code, weights.path) == ("onnx-operator", "config_infer.txt:2")
    assert "TensorRT 8.2.1 of this machine takes the weights of Conv from an initializer only" in weights.message
    assert "(network.onnx, node first)" in weights.message
    assert "the bias of Conv" in bias.message


def test_a_library_of_the_bundle_may_have_more_operators(tmp_path):
    directory = make_bundle(str(tmp_path), custom_lib_path="labels.txt")
    (tmp_path / "network.onnx").write_bytes(network("an operator that is none"))
    assert codes(directory, NANO) == []


def test_the_installed_tensorrt_counts_rather_than_the_release_s(tmp_path):
    directory = make_bundle(str(tmp_path))
    (tmp_path / "network.onnx").write_bytes(network("NonZero"))
    platform, catalogue = platform_of(NANO)
    _, problems = load_nvinfer_bundle(directory, platform._replace(tensorrt="8.5.2"), catalogue)
    assert problems == []


def test_a_bundle_without_its_configuration_file_is_named(tmp_path):
    (problem,) = load(tmp_path / "none")[1]
    assert problem.code == "file-missing"
    assert problem.path.endswith("none")
    assert "config_infer.txt" in problem.message


def test_nvinfer_gets_absolute_paths_the_batch_and_only_the_tensorrt_engine(tmp_path):
    bundle, _ = load(make_bundle(str(tmp_path / "bundle")))
    platform, catalogue = platform_of(T4)
    engine = tensorrt_engine(str(tmp_path / "data"), bundle, 4, platform, catalogue)
    text = infer_config(bundle, engine.path, 4, spec.Model(), catalogue)
    lines = text.splitlines()
    assert "batch-size=4" in lines
    assert "labelfile-path=%s" % (tmp_path / "bundle" / "labels.txt") in lines
    assert "model-engine-file=%s" % engine.path in lines
    # With the network, nvinfer would build another TensorRT engine during a state change of the graph.
    assert "onnx-file" not in text
    assert lines.index("[property]") < lines.index("[class-attrs-all]") < lines.index("[class-attrs-0]")
    assert "border-color=0.902;0.624;0.000;1" in lines


def test_a_tensorrt_engine_is_built_from_the_network_with_the_bundle_s_other_settings(tmp_path):
    bundle, _ = load(make_bundle(str(tmp_path / "bundle")))
    text = build_config(bundle, "/scratch/network.onnx", 4)
    assert "onnx-file=/scratch/network.onnx" in text.splitlines()
    assert "model-engine-file" not in text
    # The text can be read as a bundle's.
    (tmp_path / "again").mkdir()
    written = write_config(str(tmp_path / "again"), text.replace("/scratch", str(tmp_path / "bundle")))
    os.rename(written, str(tmp_path / "again" / "config_infer.txt"))
    assert codes(tmp_path / "again") == []


def test_a_threshold_in_the_specification_replaces_that_of_every_class(tmp_path):
    bundle, _ = load(make_bundle(str(tmp_path)))
    platform, catalogue = platform_of(T4)
    engine = tensorrt_engine(str(tmp_path / "data"), bundle, 1, platform, catalogue)
    lines = infer_config(bundle, engine.path, 1, spec.Model(threshold=0.05), catalogue).splitlines()
    assert [line for line in lines if "threshold=" in line] == ["pre-cluster-threshold=0.05"]


def test_a_tensorrt_engine_s_directory_depends_on_everything_that_the_engine_does(tmp_path):
    def place(batch=2, target=T4, content=None, precision=2):
        directory = make_bundle(str(tmp_path / "bundle"), network_mode=precision)
        if content is not None:
            (tmp_path / "bundle" / "network.onnx").write_bytes(content)
        platform, catalogue = platform_of(target)
        bundle, _ = load(directory, target)
        return tensorrt_engine(str(tmp_path / "data"), bundle, batch, platform, catalogue).directory

    same = place()
    others = [
        place(batch=3),
        place(target="9.1/dgpu/t4"),
        place(target="7.1/dgpu"),
        place(content=another()),
        place(precision=0),
    ]
    assert place() == same
    assert len({same, *others}) == 6
