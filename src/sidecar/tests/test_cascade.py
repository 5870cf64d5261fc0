"""Models behind the first: what they say of its objects, on engine cpu and, with stand-ins, on engine deepstream."""

import importlib.util
import os
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sidecar.contract import pipeline, spec
from sidecar.tests.deepstream_sidecar import NANODET, ROOT, SSD, Sidecar, camera, make_bundle
from sidecar.tests.inference_footage import STREET, read_frames
from sidecar.tests.test_deepstream_bundle import T4, platform_of
from sidecar.worker.engines.cpu.object_inference import MOST_CROPS, ObjectInference, object_model
from sidecar.worker.engines.deepstream.bundle import load_nvinfer_bundle
from sidecar.worker.inference.bundle import load_bundle
from sidecar.worker.inference.cascade import Member, cascade_problems
from sidecar.worker.inference.classifier import Classifier
from sidecar.worker.inference.frame import I420Frame
from sidecar.worker.inference.networks import load_network
from sidecar.worker.inference.object_rules import ANY_MODEL, ObjectRules
from sidecar.worker.inference.postprocess import DetectionFilter, Object
from sidecar.worker.inference.session import ModelError

COLOUR = os.path.join(ROOT, "models", "object-colour")
# Luma and chroma (BT.601, limited range) of colours.
RED, GREEN, BLUE = (81, 90, 240), (81, 84, 92), (41, 240, 110)


def frame(*stripes, width=640, height=320):
    """A frame of vertical stripes of colours."""
    step = width // len(stripes)
    y, u, v = np.zeros((height, width), np.uint8), *(np.zeros((height // 2, width // 2), np.uint8) for _ in range(2))
    for number, (luma, blue, red) in enumerate(stripes):
        y[:, number * step : (number + 1) * step] = luma
        u[:, number * step // 2 : (number + 1) * step // 2] = blue
        v[:, number * step // 2 : (number + 1) * step // 2] = red
    return I420Frame(y, u, v, width, height)


def car(left, track_id=None, width=100.0, height=100.0, class_id=2):
    return Object(class_id, "car", 0.9, left, 50.0, width, height, track_id)


def write_classifier(directory, outputs, *lines, labels=None, channels_first=True):
    """A classifier whose outputs are constants. outputs: name -> probabilities, with the batch."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("ReduceMean", ["mean"], ["one"], keepdims=0, axes=[1, 2, 3]),
        helper.make_node("Mul", ["one", "none"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros"], ["column"], axes=[1]),
    ]
    weights = [numpy_helper.from_array(np.array(0, np.float32), "none")]
    values = []
    for name, one in outputs.items():
        tensor = np.array(one, np.float32)
        weights.append(numpy_helper.from_array(tensor, name + ":weights"))
        nodes.append(helper.make_node("Add", ["column", name + ":weights"], [name]))
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *tensor.shape[1:]]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 16, 16])
    graph = helper.make_graph(nodes, "graph", [image], values, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    os.makedirs(directory, exist_ok=True)
    onnx.save(model, os.path.join(directory, "network.onnx"))
    text = ["[property]", "process-mode=2", "network-type=1", "gie-unique-id=2", "onnx-file=network.onnx"]
    text += ["labelfile-path=labels.txt", "network-mode=2", *lines]
    with open(os.path.join(directory, "config_infer.txt"), "w") as file:
        file.write("\n".join(text) + "\n")
    with open(os.path.join(directory, "labels.txt"), "w") as file:
        file.write("".join(";".join(one) + "\n" for one in labels or [("a", "b")] * len(outputs)))
    return directory


def within_objects(first, directory):
    """A bundle like one that looks at whole frames, for the objects that it finds."""
    shutil.copytree(first, directory)
    path = os.path.join(directory, "config_infer.txt")
    with open(path) as file:
        text = file.read().replace("process-mode=1", "process-mode=2").replace("unique-id=1", "unique-id=3")
    os.remove(path)
    with open(path, "w") as file:
        file.write(text)
    return directory


def bundle(directory):
    found, problems = load_bundle(str(directory))
    assert found is not None, problems
    return found


def model(directory=COLOUR, wanted=None, first=SSD):
    """The model of a bundle behind that of ssd-street."""
    bundles = [bundle(first), bundle(directory)]
    return object_model(bundles, 1, load_network(bundles[1]), wanted)


def colours(found):
    return [[one.value for one in item.attributes] for item in found.objects]


@pytest.fixture
def crops(monkeypatch):
    """The number of objects of each call of a classifier."""
    counts = []

    class CountedClassifier(Classifier):
        def classify(self, objects, wanted):
            counts.append(len(objects))
            return super().classify(objects, wanted)

    monkeypatch.setattr("sidecar.worker.inference.networks.Classifier", CountedClassifier)
    return counts


class TestEngineCpu:
    def test_each_object_gets_what_the_classifier_says_of_its_own_part_of_the_frame(self):
        found = ObjectInference().infer(frame(RED, GREEN, BLUE, BLUE), [car(20), car(200), car(360)], [model()])
        assert colours(found) == [["red"], ["green"], ["blue"]]
        (attribute,) = found.objects[0].attributes
        assert (attribute.name, attribute.confidence > 0.9) == ("colour", True)
        assert found.cpu_seconds > 0

    def test_an_object_at_the_edge_or_outside_the_frame_does_no_harm(self):
        found = ObjectInference().infer(frame(RED), [car(600), car(640), car(-99.5), car(-200)], [model()])
        assert colours(found) == [["red"], [], [], []]

    def test_a_tracked_object_keeps_what_was_said_until_the_interval_is_over(self, crops):
        inference, models = ObjectInference(), [model(wanted=spec.Model(interval=3))]
        seen = [colours(inference.infer(frame(one), [car(20, 7)], models)) for one in (RED, BLUE, BLUE, BLUE, BLUE)]
        assert seen == [[["red"]]] * 4 + [[["blue"]]]
        assert crops == [1, 0, 0, 0, 1]

    def test_an_object_that_has_grown_by_a_fifth_is_classified_again(self):
        inference, models = ObjectInference(), [model(wanted=spec.Model(interval=1000))]
        inference.infer(frame(RED), [car(20, 7)], models)
        assert colours(inference.infer(frame(BLUE), [car(20, 7, width=118.0)], models)) == [["red"]]
        assert colours(inference.infer(frame(BLUE), [car(20, 7, width=122.0)], models)) == [["blue"]]

    def test_a_frame_that_is_not_inferred_recalls_what_is_known(self, crops):
        inference, models = ObjectInference(), [model()]
        inference.infer(frame(RED), [car(20, 7)], models)
        (known, new) = inference.recall([car(30, 7), car(300, 8)], models)
        assert ([one.value for one in known.attributes], new.attributes) == (["red"], ())
        assert crops == [1]

    def test_a_model_that_skips_frames_runs_on_the_next_inferred_one_whichever_the_first_skips(self, crops):
        inference, models = ObjectInference(), [model()._replace(skipped_frames=1)]
        for _ in range(3):
            inference.infer(frame(RED), [car(20)], models)
            inference.recall([car(20)], models)
        assert crops == [1, 1, 1]
        for _ in range(4):
            inference.infer(frame(RED), [car(20)], models)
        assert crops == [1] * 5

    def test_a_frame_has_a_bounded_number_of_crops_and_those_that_wait_longest_come_first(self, crops):
        inference, models = ObjectInference(), [model(wanted=spec.Model(interval=0))]
        crowd = [car(20, number) for number in range(MOST_CROPS + 3)]
        first = inference.infer(frame(RED), crowd, models)
        assert [bool(one.attributes) for one in first.objects] == [True] * MOST_CROPS + [False] * 3
        second = inference.infer(frame(BLUE), crowd, models)
        assert [one[0] for one in colours(second)[-3:]] == ["blue"] * 3
        assert colours(second).count(["blue"]) == MOST_CROPS
        assert crops == [MOST_CROPS] * 2

    def test_a_new_connection_forgets_everything(self):
        inference, models = ObjectInference(), [model(wanted=spec.Model(interval=1000))]
        inference.infer(frame(RED), [car(20, 7)], models)
        inference.reset()
        assert colours(inference.infer(frame(BLUE), [car(20, 7)], models)) == [["blue"]]

    def test_only_objects_that_the_rules_name_are_classified(self, tmp_path):
        outputs = {"out": [[0.9, 0.1]]}

        def said(*lines, **settings):
            directory = write_classifier(str(tmp_path / "bundle"), outputs, *lines)
            return [bool(one) for one in colours(ObjectInference().infer(frame(RED), things, [model(directory)]))]

        things = [car(20), car(200, class_id=5), car(300, width=30.0), car(400, track_id=4)]
        assert said() == [True] * 4
        assert said("operate-on-gie-id=1") == [True] * 4
        assert said("operate-on-gie-id=7") == [False] * 4
        assert said("operate-on-class-ids=5;9") == [False, True, False, False]
        assert said("input-object-min-width=40") == [True, True, False, True]
        assert said("input-object-max-width=40") == [False, False, True, False]
        assert said("classifier-async-mode=1") == [False, False, False, True]

    def test_each_output_is_an_attribute_of_its_own_above_the_threshold(self, tmp_path):
        outputs = {"type": [[0.1, 0.2, 0.7]], "make": [[0.45, 0.55]]}
        labels = [("car", "van", "bus"), ("one", "other")]
        directory = write_classifier(str(tmp_path), outputs, "classifier-threshold=0.5", labels=labels)
        (found,) = ObjectInference().infer(frame(RED), [car(20)], [model(directory)]).objects
        assert [(one.name, one.value) for one in found.attributes] == [("type", "bus"), ("make", "other")]
        stricter = model(directory, spec.Model(threshold=0.6))
        (found,) = ObjectInference().infer(frame(RED), [car(20)], [stricter]).objects
        assert [one.value for one in found.attributes] == ["bus"]
        only = model(directory, spec.Model(classes=["other"]))
        (found,) = ObjectInference().infer(frame(RED), [car(20)], [only]).objects
        assert [one.value for one in found.attributes] == ["other"]

    def test_a_class_without_a_label_says_nothing(self, tmp_path):
        directory = write_classifier(str(tmp_path), {"out": [[0.1, 0.1, 0.8]]}, labels=[("a", "b")])
        assert colours(ObjectInference().infer(frame(RED), [car(20)], [model(directory)])) == [[]]

    def test_a_detector_within_objects_finds_its_own_where_they_are_in_the_frame(self, tmp_path):
        within = within_objects(SSD, str(tmp_path / "within"))
        picture = read_frames(STREET, 150)[1]
        whole = Object(0, "scene", 1.0, 0.0, 0.0, float(picture.width), float(picture.height), 5)
        second = model(within)
        inference = ObjectInference()
        found = inference.infer(picture, [whole], [second]).objects
        direct = load_network(bundle(SSD)).detect(picture, DetectionFilter()).objects
        assert len(direct) > 0
        assert [one.model for one in found] == [0] + [1] * len(direct)
        np.testing.assert_allclose([one[3:7] for one in found[1:]], [one[3:7] for one in direct], atol=0.01)
        # They stay with the object when it moves on a frame that is not inferred.
        moved = inference.recall([whole._replace(left=10.0)], [second])
        np.testing.assert_allclose([one.left for one in moved[1:]], [one.left + 10 for one in direct], atol=0.01)

    def test_two_models_work_on_the_objects_one_after_the_other(self, tmp_path):
        bundles = [bundle(SSD), bundle(COLOUR), bundle(write_classifier(str(tmp_path / "kind"), {"out": [[0.1, 0.9]]}))]
        models = [object_model(bundles, number, load_network(bundles[number])) for number in (1, 2)]
        (found,) = ObjectInference().infer(frame(RED), [car(20)], models).objects
        assert [(one.name, one.value) for one in found.attributes] == [("colour", "red"), ("kind", "b")]


class TestBundle:
    def test_a_detector_given_as_a_classifier_is_refused_with_what_was_found(self, tmp_path):
        directory = write_classifier(str(tmp_path), {"boxes": np.zeros((1, 84, 100))}, labels=[("a",)])
        found, problems = load_bundle(directory)
        (problem,) = [one for one in problems if one.severity == "error"]
        assert (found, problem.code) == (None, "not-a-classifier")
        assert "boxes has the shape nx84x100" in problem.message
        assert "network-type=0 or 100" in problem.message

    def test_a_classifier_given_as_a_detector_is_refused_with_what_was_found(self, tmp_path):
        directory = write_classifier(str(tmp_path), {"logits": np.zeros((1, 1000, 1, 1))})
        path = os.path.join(directory, "config_infer.txt")
        with open(path) as file:
            text = file.read().replace("process-mode=2", "process-mode=1").replace("network-type=1", "network-type=0")
        with open(path, "w") as file:
            file.write(text + "num-detected-classes=1000\ncluster-mode=2\n")
        platform, catalogue = platform_of(T4)
        for found, problems in (load_bundle(directory), load_nvinfer_bundle(directory, platform, catalogue)):
            (problem,) = [one for one in problems if one.severity == "error"]
            assert (found, problem.code) == (None, "not-a-detector")
            assert "logits nx1000x1x1: a classifier" in problem.message
            assert "network-type=1 and process-mode=2" in problem.message

    def test_outputs_that_are_no_probabilities_are_refused(self, tmp_path):
        directory = write_classifier(str(tmp_path), {"logits": [[-3.0, 12.5]]})
        with pytest.raises(ModelError, match=r"gives -3 to 12\.5 in its output logits, which are no probabilities"):
            Classifier(bundle(directory))

    def test_the_number_of_labels_is_held_against_the_outputs(self, tmp_path):
        def told(labels):
            directory = write_classifier(str(tmp_path), {"one": [[0.5, 0.5]], "two": [[0.5, 0.5]]}, labels=labels)
            return [one.message for one in load_bundle(directory)[1] if one.code == "labels-mismatch"]

        assert told([("a", "b"), ("c", "d")]) == []
        assert "has 1 lines, the classifier 2 outputs (one, two)" in told([("a", "b")])[0]
        assert "has 3 labels for the output two of 2 classes" in told([("a", "b"), ("c", "d", "e")])[0]

    def test_the_colour_of_an_object_is_known_in_light_and_shade(self):
        classifier = load_network(bundle(COLOUR))
        noise = np.random.RandomState(1)
        known = {"red": RED, "blue": BLUE, "green": GREEN, "white": (220, 128, 128), "black": (30, 128, 128)}
        for name, pixel in known.items():
            for light in (0.85, 1.0, 1.1):
                one = frame((min(235, int(pixel[0] * light)), *pixel[1:]), width=64, height=64)
                one.y[:] = np.clip(one.y + noise.normal(0, 6, one.y.shape), 16, 235)
                ((attribute,),) = classifier.classify([one], DetectionFilter()).attributes
                assert attribute.value == name, (name, light, attribute)

    def test_the_shipped_network_is_what_its_program_makes(self):
        source = importlib.util.spec_from_file_location("make", os.path.join(COLOUR, "make.py"))
        module = importlib.util.module_from_spec(source)
        source.loader.exec_module(module)
        with open(os.path.join(COLOUR, "network.onnx"), "rb") as file:
            shipped = onnx.load_model_from_string(file.read())
        made = module.network()
        assert made.graph.node == shipped.graph.node
        assert made.graph.initializer == shipped.graph.initializer


RULES = ObjectRules(ANY_MODEL, frozenset(), 0, 0, 0, 0, None, False)
FIRST = Member("street", 1, None, False, 23)
SECOND = Member("colour", 2, RULES, True, 0)


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ([SECOND], "model-order", "the first model detects objects on whole frames, and colour classifies objects"),
        ([FIRST._replace(rules=RULES)], "model-order", "works on the objects of another model (process-mode=2)"),
        ([FIRST, FIRST._replace(id=2)], "model-order", "looks at whole frames (process-mode=1)"),
        ([FIRST, SECOND._replace(id=1)], "duplicate-gie-id", "street and colour both have gie-unique-id 1"),
        ([FIRST, SECOND._replace(rules=RULES._replace(model_id=5))], "unknown-gie-id", "before it have 1 (street)"),
        (
            [FIRST, SECOND._replace(rules=RULES._replace(class_ids=frozenset([40])))],
            "unknown-class-id",
            "works on classes 40 (operate-on-class-ids), and street has 23",
        ),
        ([FIRST, SECOND._replace(rules=RULES._replace(only_tracked=True))], "tracker-missing", "there is no tracker"),
    ],
)
def test_models_that_do_not_fit_together_are_told(members, code, words):
    (problem,) = cascade_problems(members, is_tracked=False)
    assert problem.code == code
    assert problem.path == "models[%d].bundle_path" % (len(members) - 1)
    assert words in problem.message


def test_models_that_fit_together_have_no_problem():
    assert cascade_problems([FIRST, SECOND, SECOND._replace(name="make", id=3)], is_tracked=True) == []


@pytest.fixture(scope="module", params=["t4", "nano", "cpu"])
def running(request):
    sidecar = Sidecar(request.param, build_seconds=0.1)
    sidecar.board = request.param
    yield sidecar
    sidecar.stop()


def test_a_classifier_behind_the_detector_says_what_colour_the_objects_have(running):
    if running.board == "cpu":
        film = "file://" + os.path.join(ROOT, "footage", "demo.mp4")
        first, cameras = os.path.join(ROOT, "models", "nanodet-coco"), [camera("one", film)]
    else:
        first = make_bundle(os.path.join(running.run_dir, "first"), gie_unique_id=1)
        cameras = [camera("one", "test://red?width=320&height=180&rate=15")]
    models = [spec.Model(bundle_path=first), spec.Model(bundle_path=COLOUR, threshold=0.1)]
    tracker = spec.Tracker(algorithm=spec.TRACKER_ALGORITHM_IOU)
    response = running.apply("cascade", running.specification(cameras=cameras, models=models, tracker=tracker))
    assert response.accepted, response.problems
    (found,) = running.detections(
        "one", 1, lambda found: len(found.detections) > 0 and all(one.attributes for one in found.detections)
    )
    (attribute,) = found.detections[0].attributes
    assert attribute.name == "colour"
    assert attribute.confidence > 0.1
    assert found.detections[0].model == 0
    if running.board != "cpu":
        assert (found.detections[0].label, attribute.value) == ("car", "red")


def test_a_model_in_the_wrong_place_is_refused(running):
    models = [spec.Model(bundle_path=COLOUR)]
    response = running.apply("wrong", running.specification(models=models))
    assert not response.accepted
    assert [one.code for one in response.problems if one.severity == pipeline.SEVERITY_ERROR] == ["model-order"]


def test_a_detector_within_objects_reports_what_it_finds_in_the_frame(running):
    if running.board == "cpu":
        first = os.path.join(ROOT, "models", "ssd-street")
    else:
        first = make_bundle(os.path.join(running.run_dir, "outer"), gie_unique_id=1)
    within = within_objects(NANODET, os.path.join(running.run_dir, "within"))
    film = camera("film", "file://" + os.path.join(ROOT, "footage", "demo.mp4"))
    models = [spec.Model(bundle_path=first), spec.Model(bundle_path=within, threshold=0.1)]
    response = running.apply("within", running.specification(cameras=[film], models=models))
    assert response.accepted, response.problems
    (found,) = running.detections("film", 1, lambda found: any(one.model == 1 for one in found.detections))
    inner = [one.box for one in found.detections if one.model == 1]
    outer = [one.box for one in found.detections if one.model == 0]
    assert all(any(is_inside(one, box) for box in outer) for one in inner)


def is_inside(inner, outer):
    """But for the even pixels at which an object is cut out."""
    return (
        outer.left - 4 <= inner.left
        and outer.top - 4 <= inner.top
        and inner.left + inner.width <= outer.left + outer.width + 4
        and inner.top + inner.height <= outer.top + outer.height + 4
    )
