"""Every decoder, with a small network of exactly the output form that it reads, on both engines.

The networks' weights are set so that known boxes come out. output_forms.py writes and reads the forms plainly.
"""

import itertools
import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sidecar.contract import spec
from sidecar.tests.output_forms import FORMS, HEIGHT, WIDTH, Found
from sidecar.tests.test_deepstream_bundle import T4, load
from sidecar.worker.engines.deepstream.catalogue import Catalogue
from sidecar.worker.engines.deepstream.infer_config import infer_config
from sidecar.worker.engines.deepstream.tensor_decoder import TensorDecoder, TensorMismatchError
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.decoders import REGISTRY, DecoderError
from sidecar.worker.inference.detector import Detector
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.postprocess import DetectionFilter
from sidecar.worker.inference.session import ModelError

THRESHOLD = 0.3
# Four classes look like boxes, 26 like NanoDet's distributions.
CLASSES = (1, 2, 4, 32, 80)
ALL = [(name, decoder) for name, form in FORMS.items() for decoder in form.decoders]
EVERYTHING = DetectionFilter()


def known(classes):
    """Boxes that do not overlap."""
    return [
        Found(0, 0.9, (4.0, 6.0, 30.0, 40.0)),
        Found(classes - 1, 0.75, (40.0, 10.0, 60.0, 30.0)),
        Found(classes // 2, 0.5, (64.0, 34.0, 92.0, 60.0)),
    ]


def by_score(found):
    return sorted(found, key=lambda one: -one.score)


def assert_same(found, expected, tolerance):
    assert [one.class_id for one in found] == [one.class_id for one in expected]
    np.testing.assert_allclose([one.score for one in found], [one.score for one in expected], atol=tolerance / 50)
    boxes = [one.box for one in found], [one.box for one in expected]
    np.testing.assert_allclose(*boxes, rtol=0, atol=tolerance)


def turn(form, outputs):
    return {name: one.T if name in form.turned else one for name, one in outputs.items()}


def network(outputs, batch=True, half=False):
    """An ONNX file whose outputs are these, whatever its input is: weights that do not depend on it are added to it,
    after it has been multiplied by none."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("ReduceMax", ["mean"], ["one"], keepdims=0),
        helper.make_node("Mul", ["one", "none"], ["zero"]),
    ]
    weights = [numpy_helper.from_array(np.array(0, np.float32), "none")]
    values = []
    for name, one in outputs.items():
        tensor = one[np.newaxis] if batch else one
        kind = np.float16 if half and one.dtype == np.float32 else one.dtype
        weights.append(numpy_helper.from_array(tensor.astype(np.float32), name + ":weights"))
        nodes.append(helper.make_node("Add", ["zero", name + ":weights"], [name + ":single"]))
        to = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        nodes.append(helper.make_node("Cast", [name + ":single"], [name], to=to))
        values.append(helper.make_tensor_value_info(name, to, tensor.shape))
    frame = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])
    graph = helper.make_graph(nodes, "graph", [frame], values, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def bundle(directory, decoder, content, classes):
    """cluster-mode 2: boxes that do not overlap stay."""
    files = {
        "config_infer.txt": """[property]
onnx-file=network.onnx
labelfile-path=labels.txt
num-detected-classes=%d
network-type=100
parse-bbox-func-name=%s
infer-dims=3;%d;%d
cluster-mode=2
[class-attrs-all]
pre-cluster-threshold=%g
"""
        % (classes, decoder, HEIGHT, WIDTH, THRESHOLD),
        "labels.txt": "".join("class %d\n" % class_id for class_id in range(classes)),
    }
    for name, text in files.items():
        with open(os.path.join(str(directory), name), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(str(directory), "network.onnx"), "wb") as file:
        file.write(content)
    return str(directory)


def frame():
    plane = np.full((HEIGHT, WIDTH), 128, np.uint8)
    return I420Frame(plane, plane[::2, ::2], plane[::2, ::2], WIDTH, HEIGHT)


def detector(directory):
    loaded, problems = load_bundle(directory)
    assert loaded is not None, problems
    return Detector(loaded)


def as_found(objects):
    return [
        Found(one.class_id, one.confidence, (one.left, one.top, one.left + one.width, one.top + one.height))
        for one in objects
    ]


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize(("name", "decoder"), ALL)
def test_a_network_s_known_boxes_come_out_on_engine_cpu(tmp_path, name, decoder, classes):
    outputs = FORMS[name].write(known(classes), classes)
    found = detector(bundle(tmp_path, decoder, network(outputs), classes)).detect(frame(), EVERYTHING)
    assert_same(as_found(found.objects), by_score(known(classes)), 1e-2)


@pytest.mark.parametrize(("name", "decoder"), ALL)
def test_the_same_boxes_come_out_of_raw_tensors_on_engine_deepstream(tmp_path, name, decoder):
    outputs = FORMS[name].write(known(3), 3)
    loaded, problems = load(bundle(tmp_path, decoder, network(outputs), 3), T4)
    assert loaded is not None, problems
    found = TensorDecoder(loaded)(outputs, (WIDTH, HEIGHT), EVERYTHING)
    assert_same(as_found(found), by_score(known(3)), 1e-2)


@pytest.mark.parametrize(("name", "decoder"), [one for one in ALL if FORMS[one[0]].turned])
@pytest.mark.parametrize("classes", CLASSES)
def test_a_table_may_lie_on_its_side(tmp_path, name, decoder, classes):
    form = FORMS[name]
    content = network(turn(form, form.write(known(classes), classes)))
    found = detector(bundle(tmp_path, decoder, content, classes)).detect(frame(), EVERYTHING)
    assert_same(as_found(found.objects), by_score(known(classes)), 1e-2)


@pytest.mark.parametrize(("name", "decoder"), ALL)
def test_outputs_may_lack_the_batch(tmp_path, name, decoder):
    # One box: its list looks like a batch of one.
    for some in (known(3), known(3)[:1]):
        content = network(FORMS[name].write(some, 3), batch=False)
        found = detector(bundle(tmp_path, decoder, content, 3)).detect(frame(), EVERYTHING)
        assert_same(as_found(found.objects), by_score(some), 1e-2)


@pytest.mark.parametrize(("name", "decoder"), ALL)
def test_outputs_may_have_half_precision(tmp_path, name, decoder):
    content = network(FORMS[name].write(known(3), 3), half=True)
    found = detector(bundle(tmp_path, decoder, content, 3)).detect(frame(), EVERYTHING)
    # Half a pixel of 96 has no more digits.
    assert_same(as_found(found.objects), by_score(known(3)), 0.5)


@pytest.mark.parametrize(("name", "decoder"), ALL)
def test_decoding_agrees_with_a_plain_reading_of_any_tensors(name, decoder):
    """Of tensors full of boxes, most of them below the threshold."""
    random = np.random.RandomState(3)
    classes = 5
    form = FORMS[name]
    outputs = form.write(known(classes), classes)
    if not form.names_classes:
        outputs = {
            output: (one + random.uniform(0, 0.35, one.shape)).astype(np.float32) for output, one in outputs.items()
        }
    reading = REGISTRY[decoder]("", classes, WIDTH, HEIGHT).bind(outputs)
    thresholds = np.full(classes, THRESHOLD, np.float32)
    boxes, scores, class_ids = reading.decode(outputs, thresholds)
    found = [Found(*one) for one in zip(class_ids.tolist(), scores.tolist(), map(tuple, boxes.tolist()))]
    expected = form.read(outputs, classes, THRESHOLD)
    # Rounding decides about scores at the threshold alone.
    edge = {round(one.score, 4) for one in itertools.chain(found, expected) if abs(one.score - THRESHOLD) < 1e-5}
    found, expected = (sorted(one for one in some if round(one.score, 4) not in edge) for some in (found, expected))
    assert expected
    assert_same(found, expected, 1e-2)


@pytest.mark.parametrize(("name", "decoder"), ALL)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_that_gives_nan_or_infinity_is_refused_at_once(tmp_path, name, decoder, value):
    outputs = FORMS[name].write(known(3), 3)
    loaded, _ = load(bundle(tmp_path, decoder, network(outputs), 3), T4)
    floats = [one for one in outputs.values() if one.dtype == np.float32 and one.size > 1]
    floats[-1].flat[-1] = value
    with pytest.raises(TensorMismatchError, match="NaN or infinity"):
        TensorDecoder(loaded)(outputs, (WIDTH, HEIGHT), EVERYTHING)
    with pytest.raises(ModelError, match="NaN or infinity"):
        detector(bundle(tmp_path, decoder, network(outputs), 3))


@pytest.mark.parametrize(("name", "decoder"), ALL)
def test_another_network_s_outputs_are_refused_with_what_was_found_and_expected(name, decoder):
    outputs = {"logits": np.zeros((1, 1000), np.float32)}
    with pytest.raises(DecoderError, match=r"it needs .*; the network's outputs are logits 1x1000"):
        REGISTRY[decoder]("", 3, WIDTH, HEIGHT).bind(outputs)


@pytest.mark.parametrize(("name", "decoder"), [one for one in ALL if not FORMS[one[0]].names_classes])
def test_labels_of_another_number_are_refused_by_the_outputs_shapes(name, decoder):
    with pytest.raises(DecoderError, match="it needs"):
        REGISTRY[decoder]("", 9, WIDTH, HEIGHT).bind(FORMS[name].write(known(3), 3))


@pytest.mark.parametrize("decoder", ["SlipstreamYoloRows", "SlipstreamEfficientNms", "SlipstreamTorchvision"])
def test_a_class_without_a_label_is_refused_where_shapes_do_not_tell(tmp_path, decoder):
    name = next(name for name, form in FORMS.items() if decoder in form.decoders)
    directory = bundle(tmp_path, decoder, network(FORMS[name].write(known(80), 80)), 3)
    with pytest.raises(ModelError, match="it finds class 79, and there are labels for 0 to 2"):
        detector(directory).detect(frame(), EVERYTHING)


def test_outputs_that_a_decoder_does_not_read_are_never_looked_at(tmp_path):
    outputs = {**FORMS["YOLOv5, YOLOv7"].write(known(3), 3), "head": np.full((3, 4, 4, 8), np.nan, np.float32)}
    found = detector(bundle(tmp_path, "SlipstreamYoloV5", network(outputs), 3)).detect(frame(), EVERYTHING)
    assert_same(as_found(found.objects), by_score(known(3)), 1e-2)


def test_every_decoder_is_tested():
    assert {decoder for _, decoder in ALL} | {"SlipstreamSsd"} == set(REGISTRY)


DEEPSTREAM_YOLO = """[property]
gpu-id=0
net-scale-factor=0.0039215697906911373
model-color-format=0
onnx-file=network.onnx
model-engine-file=model_b1_gpu0_fp32.engine
labelfile-path=labels.txt
batch-size=1
network-mode=0
num-detected-classes=3
interval=0
gie-unique-id=1
process-mode=1
network-type=0
cluster-mode=2
maintain-aspect-ratio=1
symmetric-padding=1
%sparse-bbox-func-name=NvDsInferParseYolo
engine-create-func-name=NvDsInferYoloCudaEngineGet

[class-attrs-all]
nms-iou-threshold=0.45
pre-cluster-threshold=0.25
topk=300
"""
LIBRARY = "nvdsinfer_custom_impl_Yolo/libnvdsinfer_custom_impl_Yolo.so"


def deepstream_yolo(directory, has_library):
    content = network(FORMS["YOLOv10, YOLO26, DeepStream-Yolo"].write(known(3), 3))
    bundle(directory, "NvDsInferParseYolo", content, 3)
    library = "custom-lib-path=%s\n" % LIBRARY if has_library else ""
    (directory / "config_infer.txt").write_text(DEEPSTREAM_YOLO % library)
    if has_library:
        (directory / LIBRARY).parent.mkdir()
        (directory / LIBRARY).write_bytes(b"\x7fELF")
    return str(directory)


@pytest.mark.parametrize("has_library", [True, False])
def test_a_configuration_of_deepstream_yolo_runs_on_engine_cpu(tmp_path, has_library):
    found = detector(deepstream_yolo(tmp_path, has_library)).detect(frame(), EVERYTHING)
    assert_same(as_found(found.objects), by_score(known(3)), 1e-2)


def test_nvinfer_decodes_by_a_library_that_is_there(tmp_path):
    loaded, problems = load(deepstream_yolo(tmp_path, True), T4)
    assert loaded is not None, problems
    assert loaded.decoded_here is None


def test_without_the_library_engine_deepstream_decodes_by_itself(tmp_path):
    loaded, problems = load(deepstream_yolo(tmp_path, False), T4)
    assert loaded is not None, problems
    outputs = FORMS["YOLOv10, YOLO26, DeepStream-Yolo"].write(known(3), 3)
    found = TensorDecoder(loaded)(outputs, (WIDTH, HEIGHT), EVERYTHING)
    assert_same(as_found(found), by_score(known(3)), 1e-2)
    config = infer_config(loaded, "/engine", 1, spec.Model(), Catalogue("7.1", "dgpu"))
    assert {"network-type=100", "output-tensor-meta=1"} <= set(config.splitlines())
    assert "NvDsInfer" not in config


def test_detectnet_needs_no_parser_and_nvinfer_decodes_it_itself(tmp_path):
    content = network(FORMS["DetectNet_v2"].write(known(3), 3))
    directory = bundle(tmp_path, "SlipstreamDetectNet", content, 3)
    config = (tmp_path / "config_infer.txt").read_text()
    config = config.replace("network-type=100\nparse-bbox-func-name=SlipstreamDetectNet\n", "network-type=0\n")
    (tmp_path / "config_infer.txt").write_text(config)
    found = detector(directory).detect(frame(), EVERYTHING)
    assert_same(as_found(found.objects), by_score(known(3)), 1e-2)
    loaded, problems = load(directory, T4)
    assert loaded is not None, problems
    assert loaded.decoded_here is None


def test_a_parser_that_nobody_brings_is_refused_on_engine_deepstream(tmp_path):
    directory = deepstream_yolo(tmp_path, False)
    config = (tmp_path / "config_infer.txt").read_text().replace("NvDsInferParseYolo", "NvDsInferParseOwn")
    (tmp_path / "config_infer.txt").write_text(config)
    _, problems = load(directory, T4)
    assert [one.code for one in problems if one.severity == "error"] == ["unknown-decoder"]
    assert "no custom-lib-path that brings it" in problems[-1].message


@pytest.mark.parametrize("location", ["/etc/passwd", "../weights.bin"])
def test_weights_outside_the_bundle_are_refused_on_engine_cpu(tmp_path, location):
    (tmp_path / "weights.bin").write_bytes(bytes(4096))
    model = onnx.load_from_string(network(FORMS["DetectNet_v2"].write(known(3), 3)))
    weights = model.graph.initializer[-1]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    (tmp_path / "bundle").mkdir()
    loaded, problems = load_bundle(bundle(tmp_path / "bundle", "SlipstreamDetectNet", model.SerializeToString(), 3))
    assert loaded is None
    assert problems[-1].code == "file-outside"
    assert "has weights in %s, outside its directory" % location in problems[-1].message


def test_a_plugin_of_tensorrt_in_a_network_is_refused_on_engine_cpu_with_what_to_do(tmp_path):
    model = onnx.load_from_string(network(FORMS["DetectNet_v2"].write(known(3), 3)))
    model.graph.node.add(op_type="EfficientNMS_TRT", input=["images"], output=["number"])
    directory = bundle(tmp_path, "SlipstreamDetectNet", model.SerializeToString(), 3)
    loaded, problems = load_bundle(directory)
    assert loaded is None
    assert (problems[-1].code, problems[-1].path) == ("onnx-operator", "config_infer.txt:2")
    assert "EfficientNMS_TRT, a plugin of TensorRT that engine cpu does not have" in problems[-1].message
    assert "export it without its NMS" in problems[-1].message
    assert [one.code for one in load(directory, T4)[1] if one.severity == "error"] == []
